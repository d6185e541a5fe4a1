"""The command ``gluonbook-ch7 compare``: two tables, a figure for each rule, and JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import click

from .data import load_data_ch7
from .experiments import peers
from .experiments.compare import compare, find_rule
from .experiments.compare_report import difference_rows, loss_rows, summary, write_figure
from .reproduce.section import KINDS
from .rules import RULES

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
    # Here and not above: the module of the commands imports this one.
    from .cli import _with_progress, _write_json

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
    found = list(_with_progress(comparisons, "rule", len(rules)))
    _print_table(
        (*DIFFERENCE_HEADINGS, *taking_part),
        [row for comparison in found for row in difference_rows(comparison)],
    )
    _print_table(
        (*LOSS_HEADINGS, *(f"{peer}'s loss" for peer in taking_part), "diverged"),
        [row for comparison in found for row in loss_rows(comparison)],
    )
    click.echo(f"Data: edition {edition}, {data.origin}.")
    missing = [peer for peer in peers.PEERS if peer not in taking_part]
    if missing:
        click.echo(f"{' and '.join(missing)} will take part after: {peers.HOW_TO_INSTALL}")
    if out:
        named = f"edition {edition}, {KINDS[data.kind]}"
        for comparison in found:
            for path in write_figure(comparison, named, out):
                click.echo(f"Wrote {path}")
    if json_file:
        origin = {"edition": edition, "data": data.origin}
        _write_json(json_file, {c.rule.name: {**summary(c), **origin} for c in found})


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text; a first cell that repeats the one above it is left empty."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    table = Table(box=box.SIMPLE_HEAD)
    for i, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", justify="left" if i < 2 else "right")
    above = None
    for first, *others in rows:
        table.add_row(*map(Text, ("" if first == above else first, *others)))
        above = first
    console.print(table)
