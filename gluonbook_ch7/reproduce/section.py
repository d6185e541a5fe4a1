"""The built-in section: compute its three results in this process, cell by cell."""

import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy.typing as npt

from .._observers import on_training
from .._sampling import seed_generators
from ..data import Ch7Data
from ..descent2d import f_2d, rmsprop_2d, show_trace_2d, train_2d
from ..experiments.charts import fan_figure, figure_bytes, overlay_figure, write_figure
from ..figures import plt
from ..rules import init_rmsprop_states, rmsprop
from ..training import train_ch7, train_gluon_ch7
from .chance import RUNS, runs_to_accuse
from .evidence import judge_cell
from .observer import Training
from .pictures import fan_of, likelihood_figure
from .record import CellOutputs, Record, recorded_losses
from .svg import Axes, decode_svg
from .verdict import Judgement


class Result(NamedTuple):
    """One result of the section: a cell's outputs then and now, and the verdicts."""

    name: str
    recorded: CellOutputs
    rerun: CellOutputs
    judgements: list[Judgement]


def rerun_section(data: Ch7Data, record: Record) -> Iterator[Result]:
    """Run the section's three cells from the recorded start, and yield each when it is judged."""
    # Zero is the state in which MXNet's generator is in a fresh process, as it was in the recorded
    # one. The recorded state of NumPy's is lost.
    seed_generators(0)
    recorded = [cell for cell in record.cells if cell.figures]
    features, labels = data.features, data.labels
    states = init_rmsprop_states(features)
    scratch = {"lr": 0.01, "gamma": 0.9}
    gluon = {"learning_rate": 0.01, "gamma1": 0.9}
    cells = {
        "2-D descent": lambda: show_trace_2d(f_2d, train_2d(rmsprop_2d)),
        "from scratch": lambda: train_ch7(rmsprop, states, scratch, features, labels),
        "Gluon": lambda: train_gluon_ch7("rmsprop", gluon, features, labels),
    }
    more_runs = runs_to_accuse(sum(map(len, recorded_losses(recorded))))
    for (name, cell), then in zip(cells.items(), recorded):
        now, trainings = _run(cell)
        yield Result(name, then, now, judge_cell(name, then, now, trainings, more_runs))


def write_figures(results: Sequence[Result], data: Ch7Data, folder: Path) -> list[Path]:
    """Write every result's overlay and likelihood chart, and the fan chart; return the paths."""
    figures, fans = {}, []
    for result in results:
        name = result.name.lower().replace("-", "").replace(" ", "_")
        recorded, rerun = (cell.figures[0].axes[0] for cell in (result.recorded, result.rerun))
        labels = rerun.x_label, rerun.y_label
        figures[name] = overlay_figure(_lines(recorded), _lines(rerun), labels, result.name)
        for judgement in result.judgements:
            fan, likelihood = fan_of(judgement), likelihood_figure(judgement)
            if fan:
                fans.append(fan)
            if likelihood:
                figures[f"{name}_likelihood"] = likelihood
    figures["fan"] = fan_figure(fans, f"{RUNS:,} shuffles from the recorded start, {data.in_short}")
    return [path for name, figure in figures.items() for path in write_figure(figure, folder, name)]


def _lines(axes: Axes) -> list[npt.NDArray[Any]]:
    """Return the vertices of each line, those of the line with markers first."""
    return [line.vertices for line in sorted(axes.polylines, key=lambda line: not line.marker)]


def _run(cell: Callable[[], Any]) -> tuple[CellOutputs, list[Training]]:
    """Run a cell; return what it printed and drew, and the training calls that it made."""
    printed = io.StringIO()
    trainings: list[Training] = []
    on_training.append(lambda call, curve: trainings.append(Training.of(call, curve)))
    try:
        with plt.rc_context(), redirect_stdout(printed):
            cell()
            svg = figure_bytes(plt.gcf(), "svg").decode()
            plt.close()
    finally:
        on_training.pop()
    return CellOutputs(text=printed.getvalue(), figures=(decode_svg(svg),)), trainings
