"""The command ``gluonbook-ch7 compare``: its tables, a figure for each rule, and JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import click

from .._files import write_json
from ..data import load_data_ch7
from ..experiments import frameworks as peers
from ..experiments.compare import compare
from ..experiments.compare_report import (
    difference_rows,
    loss_rows,
    meaning_rows,
    summary,
    write_comparison,
)
from ..experiments.registry import RULES, find_rule
from .console import print_table, with_progress

__all__ = ["run_comparisons"]

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


def run_comparisons(
    rules: Sequence[str],
    edition: str,
    source: str,
    seeds: int,
    batch_size: int,
    epochs: int,
    out: Optional[Path],
    json_file: Optional[Path],
) -> None:
    """Compare the rules that are named, or all; print the tables, write the figures and JSON."""
    rules = tuple(dict.fromkeys(rules)) or tuple(RULES)
    for rule in rules:
        find_rule(rule)  # said now if there is none, not after the work
    data = load_data_ch7(edition, source)
    if out:
        out.mkdir(parents=True, exist_ok=True)
    taking_part, sizes = peers.installed(), (batch_size, epochs)
    comparisons = (
        compare(rule, data.features, data.labels, *sizes, seeds=range(seeds), peers=taking_part)
        for rule in rules
    )
    found = list(with_progress(comparisons, "rule", len(rules)))
    _print_grouped(
        (*DIFFERENCE_HEADINGS, *taking_part),
        [row for comparison in found for row in difference_rows(comparison)],
    )
    print_table(("difference", "of", "from scratch", "Gluon's"), meaning_rows(found))
    _print_grouped(
        (*LOSS_HEADINGS, *(f"{peer}'s loss" for peer in taking_part), "diverged"),
        [row for comparison in found for row in loss_rows(comparison)],
    )
    click.echo(f"Data: edition {edition}, {data.origin}.")
    missing = [peer for peer in peers.PEERS if peer not in taking_part]
    if missing:
        click.echo(f"{' and '.join(missing)} will take part after: {peers.HOW_TO_INSTALL}")
    if out:
        for comparison in found:
            for path in write_comparison(comparison, data.in_short, out):
                click.echo(f"Wrote {path}")
    if json_file:
        origin = {"edition": edition, "data": data.origin}
        write_json(json_file, {c.rule.name: {**summary(c), **origin} for c in found})


def _print_grouped(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; a first cell that repeats the one above it is left empty."""
    above = [None, *(row[0] for row in rows)]
    rows = [("" if row[0] == last else row[0], *row[1:]) for row, last in zip(rows, above)]
    print_table(headings, rows, numbers_from=2)
