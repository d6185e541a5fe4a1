"""``gluonbook-ch7 sweep``: train a rule with every combination of hyperparameters."""

import csv
import io
import pickle
import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Callable, Optional

import click

from .._files import write_json, write_whole
from ..errors import ArgumentError, WorkerError
from .command import (
    Command,
    data_options,
    file_option,
    folder_option,
    settings_option,
    training_options,
)
from .console import counted, print_origin, print_table, progress, write_plot
from .user_rules import file_of, load_named_data, load_rule, own_errors, parse_assignments

MOST_VALUES = 100_000
RANGE = re.compile(r"(?P<first>[^:]+):(?P<last>[^:]+):(?P<count>\d+)(?P<log>log)?")


@click.command(cls=Command)
@click.argument("rule")
@click.option("--lr", metavar="RANGE", help="Learning rates.")
@click.option("--mom", metavar="RANGE", help="Momenta.")
@click.option("--gamma", metavar="RANGE", help="Decay rates of RMSProp.")
@click.option("--rho", metavar="RANGE", help="Decay rates of AdaDelta.")
@settings_option("--set", "settings", "NAME=RANGE", "Values of any hyperparameter.")
@training_options(seeds=16, per="grid cell")
@data_options
@folder_option(
    "--out", "Folder for the figure; finished blocks are kept here until the sweep is done."
)
@file_option("--json", "File for every grid cell, as JSON.")
@file_option("--csv", "File for every grid cell, as CSV.")
@click.option(
    "--max-memory",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    help="Memory in GiB that each process may use for the runs that it trains together.",
)
@click.option(
    "--processes", type=click.IntRange(1), default=1, help="Number of processes on this machine."
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Address of a Dask scheduler, such as tcp://host:8786; its cluster does the work.",
)
@click.option("--resume", is_flag=True, help="Continue an interrupted sweep in the folder --out.")
def sweep(
    rule: str,
    settings: tuple[str, ...],
    seeds: int,
    batch_size: int,
    epochs: int,
    edition: str,
    source: str,
    out: Optional[Path],
    json_file: Optional[Path],
    csv_file: Optional[Path],
    max_memory: float,
    processes: int,
    scheduler: Optional[str],
    resume: bool,
    **ranges: Optional[str],
) -> None:
    """Train a rule over a grid of hyperparameters.

    Trains RULE with every combination of the values given, each with several seeds. A RULE of your
    own is FILE.py:FUNCTION. Its states are those that init_FUNCTION_states in the same file makes
    from the features, or else a zero array for each parameter. A rule has to be elementwise,
    because runs are trained together.

    A RANGE is a number; FIRST:LAST:COUNT for evenly spaced values; or FIRST:LAST:COUNTlog for
    logarithmically spaced values. Hyperparameters that are not given keep the chapter's values.
    With one or two ranges, --out gets a figure.

    Exit status: 0 if the sweep was finished, 2 after an error, 130 if it was interrupted.
    """
    from ..experiments.blocks import Store
    from ..experiments.registry import rule_of
    from ..experiments.sides import find_states
    from ..experiments.sweep import sweep as run_sweep

    step = load_rule(rule)
    file = file_of(rule)
    if file and scheduler:
        raise ArgumentError("the workers of a cluster cannot import a file; --processes can")
    if file and (out or processes > 1):
        try:
            pickle.dumps(step)
        except (pickle.PicklingError, AttributeError) as error:
            raise ArgumentError(
                f"with --out or --processes, {rule} must be a def at the top level: {error}"
            ) from error
    texts = [f"{name}={text}" for name, text in ranges.items() if text is not None]
    grid = _grid(rule_of(step), [*texts, *settings])
    if resume and not out:
        raise ArgumentError("--resume needs --out, the folder of the interrupted sweep")
    # The blocks of a rule in a file are found again only while the file is unchanged.
    code = file.read_bytes() if file else b""
    store = Store(out / "blocks", code) if out else None
    if store and store.count() and not resume:
        raise ArgumentError(
            f"{store.folder} has {store.count()} finished blocks of an interrupted sweep; "
            "continue with --resume, or remove the folder"
        )
    data, origin = load_named_data(edition, source)
    task = (data.features, data.labels, batch_size, epochs)
    executor = _executor(processes, scheduler)
    with progress("training") as update, own_errors(rule), executor as workers:
        try:
            found = run_sweep(
                step,
                find_states(step),
                grid,
                *task,
                seeds=seeds,
                max_memory=max_memory * 2**30,
                executor=workers,
                store=store,
                on_block=_counter(update),
            )
        except (KeyboardInterrupt, WorkerError) as error:
            if not store:
                raise
            kept = f"{store.count()} finished blocks are kept in {store.folder}"
            raise type(error)(f"{error} {kept}; continue with --resume.".strip()) from error
    name, rows = rule.rpartition(":")[2], found.cells()
    _print_best(name, found)
    print_origin(origin)
    if out and len(found.grid) in (1, 2):
        write_plot(found, out, f"sweep_{name}")
    elif out:
        click.echo(f"No figure: it can show 1 or 2 varying hyperparameters, not {len(found.grid)}.")
    if json_file:
        write_json(json_file, {"rule": name, **origin, "seeds": seeds, "cells": rows})
    if csv_file:
        table = io.StringIO()
        writer = csv.DictWriter(table, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(csv_file, table.getvalue())
    if store:
        store.clear()


def parse_range(name: str, text: str) -> Any:
    """Read ``0.01`` as a number, ``0:0.9:10`` as 10 values, ``0.001:1:32log`` as 32 log-spaced."""
    import numpy as np

    from .._validation import DOMAINS

    match = RANGE.fullmatch(text.strip())
    try:
        limits = [float(limit) for limit in (match.group("first", "last") if match else [text])]
    except ValueError as error:
        raise ArgumentError(
            f"{name}={text}: give a number, or FIRST:LAST:COUNT, or FIRST:LAST:COUNTlog"
        ) from error
    for value in limits:
        if name in DOMAINS and not DOMAINS[name].holds(value):
            raise ArgumentError(f"{name}={value:g}: {name} must be {DOMAINS[name].words}")
    if not match:
        return limits[0]
    first, last = limits
    count = int(match["count"])
    if count == 0:
        fault = "the range is empty"
    elif count > MOST_VALUES:
        fault = f"COUNT must be at most {MOST_VALUES:,}"
    elif first > last:
        fault = "FIRST must be below LAST"
    elif count == 1 or first == last:
        fault = "the range holds one value; give FIRST below LAST, and a COUNT of at least 2"
    elif match["log"] and first <= 0:
        fault = "a logarithmic range must begin above 0"
    else:
        return (np.geomspace if match["log"] else np.linspace)(first, last, count)
    raise ArgumentError(f"{name}={text}: {fault}")


def _grid(rule: Any, assignments: list[str]) -> dict[str, Any]:
    """Return the values of each hyperparameter: those given, else the chapter's."""
    given = parse_assignments("--set", assignments, parse_range)
    if rule is None:  # not one of the chapter's
        return given
    for name in given:
        if name not in rule.hyperparams:
            wanted = " and ".join(f"--{wanted}" for wanted in rule.hyperparams if wanted != "t")
            raise ArgumentError(f"{rule.name} has no hyperparameter {name}; it takes {wanted}")
    return {**rule.hyperparams, **given}


def _executor(processes: int, scheduler: Optional[str]) -> AbstractContextManager[Any]:
    from ..experiments.blocks import dask_cluster, local_processes

    if scheduler:
        return dask_cluster(scheduler)
    return local_processes(processes) if processes > 1 else nullcontext()


def _counter(update: Callable[..., None]) -> Callable[[int, int], None]:
    """Return a function that shows how many blocks are finished, and says how many were before."""
    is_first = True

    def show(done: int, total: int) -> None:
        nonlocal is_first
        if is_first and done:
            click.echo(f"{done} of {total} blocks were finished before.", err=True)
        is_first = False
        update(completed=done, total=total)

    return show


def _print_best(rule: str, found: Any) -> None:
    """Print the cells with the smallest median loss."""
    cells, runs = counted(found.median.size, "cell"), counted(found.losses.size, "run")
    title = f"{rule}: the best of {cells}, {runs}"
    print_table(*found._table(), numbers_from=0, title=title)
    seeds = counted(len(found.seeds), "seed")
    click.echo(f"Median and spread (largest minus smallest) are over {seeds}.")
    click.echo(f"In {(found.diverged > 0).sum():,} of {cells} a run diverged.")
