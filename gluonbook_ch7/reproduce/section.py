"""The built-in section: its three results computed anew in this process, cell by cell."""

import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt

from .._observers import TrainingCall, on_training
from .._sampling import seed_generators
from ..data import Ch7Data
from ..descent2d import rmsprop_2d, show_trace_2d, train_2d
from ..experiments.charts import Fan, fan_figure, figure_bytes, overlay_figure, write_figure
from ..figures import plt
from ..loss_curve import LossCurve
from ..rules import init_rmsprop_states, rmsprop
from ..training import train_ch7, train_gluon_ch7
from . import evidence
from .chance import RUNS
from .interval_chart import likelihood_figure
from .losses import LossEvidence, examine
from .observer import Training, appended
from .record import CellOutputs, Record
from .svg import Axes, decode_svg
from .verdict import Judgement

__all__ = ["Result", "rerun_section", "write_figures"]


@dataclass(frozen=True)
class Result:
    """One result of the section: what was recorded, what the rerun gave, and the verdicts.

    Attributes
    ----------
    name : str
        ``'2-D descent'``, ``'from scratch'`` or ``'Gluon'``.
    recorded, rerun : CellOutputs
        What the cell put out then and now.
    judgements : list of Judgement
    evidence : LossEvidence or None
        For a training cell, what its losses were judged by.
    """

    name: str
    recorded: CellOutputs
    rerun: CellOutputs
    judgements: list[Judgement]
    evidence: Optional[LossEvidence] = None


def rerun_section(data: Ch7Data, record: Record) -> Iterator[Result]:
    """Run the section's three cells from the recorded start and judge each.

    Seeds MXNet's generator with 0, the state in which every process starts and the recorded one
    did, and NumPy's, whose recorded state is lost, with 0 too.

    Parameters
    ----------
    data : Ch7Data
        What `load_data_ch7` returned.
    record : Record
        What `load_recorded` returned.

    Yields
    ------
    Result
        One at a time, as soon as it is there.
    """
    recorded = [cell for cell in record.cells if cell.figures]
    seed_generators(0)
    for (name, cell), then in zip(_cells(data), recorded):
        now, trainings = _run(cell)
        claims = evidence.claims_of(then, len(trainings))
        found = [
            examine(training, claim.losses, claim.printed)
            for training, claim in zip(trainings, claims)
        ]
        judgements = evidence.judge_cell(name, then, now, found)
        yield Result(name, then, now, judgements, *found)


def write_figures(results: Sequence[Result], data: Ch7Data, folder: Path) -> list[Path]:
    """Write each result's figure, recorded and rerun together, the fan chart and the likelihoods.

    Parameters
    ----------
    results : sequence of Result
    data : Ch7Data
        What they were computed from.
    folder : Path
        Made if need be; each figure is written there as SVG and as PNG.

    Returns
    -------
    list of Path
        What was written.
    """
    drawn = {_file_name(result.name): _overlay(result) for result in results}
    fans = [_fan(result, result.evidence) for result in results if result.evidence]
    title = f"{RUNS:,} shuffles from the recorded start, {data.in_short}"
    drawn["fan"] = fan_figure(fans, title)
    for result in results:
        figures = [likelihood_figure(judgement) for judgement in result.judgements]
        drawn.update({f"{_file_name(result.name)}_likelihood": each for each in figures if each})
    return [path for name, figure in drawn.items() for path in write_figure(figure, folder, name)]


def _file_name(name: str) -> str:
    return name.lower().replace("-", "").replace(" ", "_")


def _overlay(result: Result) -> Any:
    recorded, rerun = (cell.figures[0].axes[0] for cell in (result.recorded, result.rerun))
    labels = (rerun.x_label, rerun.y_label)
    return overlay_figure(_lines(recorded), _lines(rerun), labels, result.name)


def _lines(axes: Axes) -> list[npt.NDArray[np.float64]]:
    """Return the vertices of each line, those of the line with markers first."""
    return [line.vertices for line in sorted(axes.polylines, key=lambda line: not line.marker)]


def _fan(result: Result, found: LossEvidence) -> Fan:
    curves = (
        cell.figures[0].axes[0].polylines[0].vertices[:, 1]
        for cell in (result.recorded, result.rerun)
    )
    p = result.judgements[-1].numbers["p"]
    title = f"{result.name}: the recorded curve has p = {p:.2g}"
    return Fan(title, np.array(found.epochs), np.array(found.fan), *curves)


def _cells(data: Ch7Data) -> list[tuple[str, Callable[[], Any]]]:
    """Return the section's three cells: a name, and what to run."""
    features, labels = data.features, data.labels
    states = init_rmsprop_states(features)

    def objective(x1: Any, x2: Any) -> Any:
        return 0.1 * x1**2 + 2 * x2**2

    return [
        ("2-D descent", lambda: show_trace_2d(objective, train_2d(rmsprop_2d))),
        (
            "from scratch",
            lambda: train_ch7(rmsprop, states, {"lr": 0.01, "gamma": 0.9}, features, labels),
        ),
        (
            "Gluon",
            lambda: train_gluon_ch7(
                "rmsprop", {"learning_rate": 0.01, "gamma1": 0.9}, features, labels
            ),
        ),
    ]


def _run(cell: Callable[[], Any]) -> tuple[CellOutputs, list[Training]]:
    """Run a cell; return what it printed and drew, and the training calls that it made."""
    printed = io.StringIO()
    trainings: list[Training] = []

    def note(call: TrainingCall, curve: LossCurve) -> None:
        losses = curve.losses.astype(np.float64)
        trainings.append(Training(call, curve.epochs, losses, curve.start[0]))

    with plt.rc_context(), redirect_stdout(printed), appended(on_training, note):
        cell()
        svg = figure_bytes(plt.gcf(), "svg").decode()
        plt.close()
    outputs = CellOutputs(text=printed.getvalue(), figures=(decode_svg(svg),))
    return outputs, trainings
