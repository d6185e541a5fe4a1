"""``gluonbook-ch7 compare``: each rule of the chapter beside Gluon's optimizer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import click

from .command import Command, data_options, file_option, folder_option
from .console import print_table, with_progress

__all__ = ["compare"]

DIFFERENCE_HEADINGS = (
    "rule",
    "left different",
    "largest difference",
    "relative",
    "ulps",
    "first over 1e-6 at step",
    "worst seed",
)
LOSS_HEADINGS = ("rule", "hyperparameters", "loss from scratch", "Gluon's loss")


@click.command(cls=Command)
@data_options
@click.argument("rules", nargs=-1, metavar="[RULE]...")
@click.option(
    "--seeds", type=click.IntRange(1), default=3, show_default=True, help="Random seeds per rule."
)
@click.option(
    "--batch-size", type=click.IntRange(1), default=10, show_default=True, help="Minibatch size."
)
@click.option(
    "--epochs", type=click.IntRange(1), default=2, show_default=True, help="Training epochs."
)
@folder_option("--out", "Folder for the figures.")
@file_option("--json", "File for the numbers, as JSON.")
def compare(
    edition: str,
    source: str,
    rules: tuple[str, ...],
    seeds: int,
    batch_size: int,
    epochs: int,
    out: Optional[Path],
    json_file: Optional[Path],
) -> None:
    """Compare the chapter's rules with Gluon's optimizers.

    Compares each RULE, by default all six of the chapter. Both sides train from the same start on
    the same minibatches, as the book trains them; then the known differences are switched off, all
    but one at a time and all together. Numbers are the median of the seeds. With the extra `peers`,
    PyTorch's and optax's optimizers take part.
    """
    from .._files import write_json
    from ..data import load_data_ch7
    from ..experiments import frameworks
    from ..experiments.compare import compare as compare_rule
    from ..experiments.compare_report import (
        difference_rows,
        loss_rows,
        meaning_rows,
        summary,
        write_comparison,
    )
    from ..experiments.registry import RULES, find_rule

    names = tuple(dict.fromkeys(rules)) or tuple(RULES)
    for name in names:
        find_rule(name)  # an error now rather than after the work
    data = load_data_ch7(edition, source)
    if out:
        out.mkdir(parents=True, exist_ok=True)
    peers = frameworks.installed()
    comparisons = (
        compare_rule(
            name,
            data.features,
            data.labels,
            batch_size,
            epochs,
            seeds=range(seeds),
            peers=peers,
        )
        for name in names
    )
    found = list(with_progress(comparisons, "rule", len(names)))
    _print_grouped(
        (*DIFFERENCE_HEADINGS, *peers),
        [row for comparison in found for row in difference_rows(comparison)],
    )
    print_table(("difference", "of", "from scratch", "Gluon's"), meaning_rows(found))
    _print_grouped(
        (*LOSS_HEADINGS, *(f"{peer}'s loss" for peer in peers), "diverged"),
        [row for comparison in found for row in loss_rows(comparison)],
    )
    click.echo(f"Data: edition {edition}, {data.origin}.")
    missing = [peer for peer in frameworks.PEERS if peer not in peers]
    if missing:
        click.echo(f"{' and '.join(missing)} will take part after: {frameworks.HOW_TO_INSTALL}")
    if out:
        for comparison in found:
            for path in write_comparison(comparison, data.in_short, out):
                click.echo(f"Wrote {path}")
    if json_file:
        origin = {"edition": edition, "data": data.origin}
        write_json(json_file, {c.rule.name: {**summary(c), **origin} for c in found})


def _print_grouped(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; leave a first cell empty if it repeats the one above it."""
    above = [None, *(row[0] for row in rows)]
    rows = [("" if row[0] == last else row[0], *row[1:]) for row, last in zip(rows, above)]
    print_table(headings, rows, numbers_from=2)
