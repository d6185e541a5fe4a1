"""Measure how fast the section's training is: the book's loop, this package, and its peers.

python scripts/benchmark.py --json benchmark.json

Times cannot be compared between runs of this program, but ratios can: the contenders take turns, so
that all of them share the machine's other load, and a ratio is the median over the turns of the
literal loop's time divided by the contender's.
"""

import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Optional

import click
from contenders import BATCH_SIZE, ENSEMBLE, EPOCHS, Contender, contenders
from rich.console import Console
from rich.table import Table

from gluonbook_ch7._files import write_json
from gluonbook_ch7._mxnet.install_hints import install_extra
from gluonbook_ch7.cli.command import file_option
from gluonbook_ch7.data import Ch7Data, load_data_ch7
from gluonbook_ch7.experiments.sides import PEERS, installed

RUNS = 1000
LIBRARIES = ("mxnet", "numpy", "torch", "jax", "optax")


@click.command()
@click.option("--repeats", type=click.IntRange(1), default=7, show_default=True, help="Turns.")
@click.option("--quick", is_flag=True, help="One turn, and small ensembles: to see that it works.")
@file_option("--json", "Write the results too.")
def main(repeats: int, quick: bool, json_file: Optional[Path]) -> None:
    """Print each contender's time and its ratio to the book's loop."""
    data, runs = load_data_ch7(), 20 if quick else RUNS
    result = measure(data, 1 if quick else repeats, runs)
    show(result, Console(width=None if sys.stdout.isatty() else 120))
    if json_file:
        write_json(json_file, result)


def measure(data: Ch7Data, repeats: int, runs: int) -> dict[str, Any]:
    """Check that all contenders do the same work, then let them take turns.

    Returns
    -------
    dict
        Everything that is shown, as JSON types.
    """
    field = list(contenders(data, runs))
    checked = [check(contender) for contender in field]
    turns = [[seconds_of(contender) for contender in field] for _ in range(repeats)]
    return {
        "data": data.origin,
        "task": f"RMSProp, {EPOCHS} epochs, minibatches of {BATCH_SIZE}, a loss every 100 examples",
        "machine": machine(),
        "versions": versions(),
        "repeats": repeats,
        "rows": [{**row, **summary(field, turns, i, runs)} for i, row in enumerate(checked)],
        "missing": [peer for peer in PEERS if peer not in installed()],
    }


def check(contender: Contender) -> dict[str, Any]:
    """Train once; refuse losses that are not the expected ones."""
    contender.prepare()
    error = contender.error(contender.train())
    if not error <= contender.tolerance:
        raise click.ClickException(
            f"{contender.group}, {contender.name}: its losses are off by {error:.1g}, more than "
            f"{contender.tolerance:g}; it does not do the same work"
        )
    return {
        "group": contender.group,
        "name": contender.name,
        "largest_difference": error,
    }


def seconds_of(contender: Contender) -> float:
    """Train once more; return the seconds."""
    contender.prepare()
    # The garbage collector visits every object of every loaded library. The literal loop makes the
    # most objects, and would take 1.7 times as long because JAX is imported.
    gc.collect()
    gc.freeze()
    start = time.perf_counter()
    contender.train()
    return time.perf_counter() - start


def summary(
    field: Sequence[Contender], turns: Sequence[Sequence[float]], i: int, runs: int
) -> dict[str, Any]:
    """Return a contender's seconds per epoch and run, and its ratio to its group's literal loop."""
    in_ensemble = field[i].group == ENSEMBLE
    trained = runs if in_ensemble else 1
    # An ensemble is compared with the literal loop of the same optimizer.
    base_group = "Gluon" if field[i].name.endswith("Gluon") else field[0].group
    group = base_group if in_ensemble else field[i].group
    base = next(k for k, contender in enumerate(field) if contender.group == group)
    ratios = [turn[base] * trained / turn[i] for turn in turns]
    return {
        "runs": trained,
        "seconds_per_epoch": statistics.median(turn[i] for turn in turns) / EPOCHS / trained,
        "least_seconds_per_epoch": min(turn[i] for turn in turns) / EPOCHS / trained,
        "ratio": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
    }


def machine() -> str:
    """Describe the machine in a line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.system()} {platform.machine()}, {cores} cores, {model}"


def versions() -> dict[str, str]:
    """Return the versions of Python and of the installed libraries."""
    found = {"Python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def show(result: dict[str, Any], console: Console) -> None:
    """Print the results as a table, with what they were measured on."""
    table = Table(title=result["task"], title_justify="left")
    table.add_column("", no_wrap=True)
    for heading in ("ms per epoch", "at least", "times as fast", "lowest - highest", "losses"):
        table.add_column(heading, justify="right")
    group = None
    for row in result["rows"]:
        if row["group"] != group:
            group = row["group"]
            many = f" of {row['runs']:,} runs, per run" if group == ENSEMBLE else ""
            table.add_section()
            table.add_row(f"[bold]{group}{many}")
        table.add_row(*cells(row))
    console.print(table)
    console.print(f"Data: {result['data']}.")
    console.print(f"Machine: {result['machine']}.")
    console.print("With " + ", ".join(f"{k} {v}" for k, v in result["versions"].items()) + ".")
    console.print(f"Medians of {result['repeats']}; ratios to the literal loop in the same turn.")
    if result["missing"]:
        missing = " and ".join(result["missing"])
        command = install_extra("peers")
        console.print(
            f"Not installed: {missing}. Get them: {command}", markup=False, soft_wrap=True
        )


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return a row of the table."""
    off = row["largest_difference"]
    return (
        row["name"],
        f"{row['seconds_per_epoch'] * 1e3:.4g}",
        f"{row['least_seconds_per_epoch'] * 1e3:.4g}",
        f"{row['ratio']:,.1f}",
        "{:,.1f} - {:,.1f}".format(*row["ratio_range"]),
        f"to {off:.0e}" if off else "identical",
    )


if __name__ == "__main__":
    main()
