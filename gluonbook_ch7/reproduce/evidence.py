"""The evidence: what was recorded against what a rerun gives, as verdicts with their numbers.

Three kinds of output are judged, each by one function: text number by number, figures as geometry
in data coordinates, and training, whose order of minibatches is random, as one draw from the
distribution that the same call has over many shuffles.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Optional

import numpy as np

from ..experiments.ensemble import Ensemble, fit_ensemble
from .calls import TrainingCall
from .record import CellOutputs, Figure, Polyline

__all__ = [
    "Judgement",
    "Verdict",
    "conformal_p",
    "is_reproduced",
    "judge_figure",
    "judge_text",
    "judge_training",
    "shuffles_of",
]

VERTEX_LIMIT = 1e-6  # data units; a recorded SVG holds 6 decimals of a point
P_LIMIT = 0.01
RUNS = 1000

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|inf|nan)\b")
LOSS_LINE = re.compile(r"loss: (\S+), (\S+) sec per epoch\n?")


class Verdict(str, Enum):
    """What a judgement says of one output."""

    IDENTICAL = "identical"
    CONSISTENT = "consistent"
    DIFFERENT = "different"
    NOT_COMPARABLE = "not comparable"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Judgement:
    """One recorded output held against its rerun.

    Attributes
    ----------
    output : str
        Which output.
    recorded, rerun : str
        Both in brief.
    verdict : Verdict
    basis : str
        The number the verdict rests on, and its limit.
    numbers : dict
        The same for programs.
    """

    output: str
    recorded: str
    rerun: str
    verdict: Verdict
    basis: str
    numbers: dict[str, Any] = field(default_factory=dict)


def is_reproduced(judgements: Sequence[Judgement]) -> bool:
    """Tell whether nothing is different."""
    return all(judgement.verdict is not Verdict.DIFFERENT for judgement in judgements)


def judge_text(output: str, recorded: str, rerun: str) -> Judgement:
    """Judge printed text: identical, or different with the numbers that differ."""
    recorded, rerun = recorded.strip(), rerun.strip()
    if recorded == rerun:
        return Judgement(output, recorded, rerun, Verdict.IDENTICAL, "the same text")
    before, after = NUMBER.findall(recorded), NUMBER.findall(rerun)
    if NUMBER.sub("#", recorded) != NUMBER.sub("#", rerun):
        basis = "the words differ"
    else:
        pairs = [f"{a} → {b}" for a, b in zip(before, after) if a != b]
        basis = f"{len(pairs)} of {len(before)} numbers differ: {', '.join(pairs)}"
    return Judgement(output, recorded, rerun, Verdict.DIFFERENT, basis)


def judge_figure(output: str, recorded: Figure, rerun: Figure) -> Judgement:
    """Judge a figure as geometry: the same axes, and every vertex within 1e-6 of data units."""
    before, after = _in_brief(recorded), _in_brief(rerun)
    if recorded.refusal or rerun.refusal:
        refusal = recorded.refusal or rerun.refusal
        return Judgement(output, before, after, Verdict.NOT_JUDGED, refusal)
    differences = _frame_differences(recorded, rerun)
    if differences:
        return Judgement(output, before, after, Verdict.DIFFERENT, "; ".join(differences))
    largest = max(
        (
            _distance(line, _nearest(line, b.polylines))
            for a, b in zip(recorded.axes, rerun.axes)
            for line in a.polylines
        ),
        default=0.0,
    )
    verdict = Verdict.IDENTICAL if largest <= VERTEX_LIMIT else Verdict.DIFFERENT
    basis = f"largest distance of a vertex {largest:.1e} data units (limit {VERTEX_LIMIT:.0e})"
    return Judgement(output, before, after, verdict, basis, {"largest_difference": largest})


def judge_training(
    output: str, recorded: CellOutputs, rerun: CellOutputs, call: TrainingCall, sample: Ensemble
) -> list[Judgement]:
    """Judge what a training cell printed and drew.

    Parameters
    ----------
    output : str
        What to call the cell.
    recorded, rerun : CellOutputs
        What it put out then and now.
    call : TrainingCall
        What it called.
    sample : Ensemble
        `shuffles_of` the call, the distribution that its losses are drawn from.
    """
    judgements = []
    lines = LOSS_LINE.fullmatch(recorded.text), LOSS_LINE.fullmatch(rerun.text)
    if all(lines):
        (loss, seconds), (loss_now, seconds_now) = (line.groups() for line in lines)
        judgements += [
            _judge_draw(f"{output}: printed loss", [loss], sample.losses[:, -1:], loss, loss_now),
            Judgement(
                f"{output}: time",
                f"{seconds} s",
                f"{seconds_now} s",
                Verdict.NOT_COMPARABLE,
                "another machine",
            ),
        ]
    elif recorded.text:
        judgements.append(judge_text(f"{output}: text", recorded.text, rerun.text))
    if recorded.figures:
        judgements += _judge_curve(output, recorded.figures[0], rerun.figures[:1], call, sample)
    return judgements


def shuffles_of(call: TrainingCall, runs: int = RUNS) -> Ensemble:
    """Train `runs` times as `call` did, from the same start, each with another shuffle."""
    return fit_ensemble(
        call.rule,
        call.states,
        call.hyperparams,
        call.features,
        call.labels,
        call.batch_size,
        call.num_epochs,
        seeds=range(runs),
        start=call.curve.start,
    )


def conformal_p(observed: Any, sample: np.ndarray) -> float:
    """Return how ordinary an observed curve is among a sample of curves, as a p-value.

    The observed curve joins the sample; p is the share of this pool whose Mahalanobis distance
    from the pool's mean is at least the observed one's. If the observed curve is one more draw,
    every rank is equally likely, whatever the distribution, so P(p ≤ α) ≤ α (conformal prediction;
    Vovk, Gammerman and Shafer 2005). Curves that are not finite are a kind of their own.

    Parameters
    ----------
    observed : array_like, shape (m,)
    sample : ndarray, shape (n, m)

    Returns
    -------
    float
        In [1 / (n + 1), 1].
    """
    pool = np.vstack([np.asarray(observed, np.float64), sample])
    finite = np.isfinite(pool).all(axis=1)
    if not finite[0]:
        return float(np.mean(~finite))
    curves = pool[finite]
    # A curve's squared distance is its leverage: the squared norm of its left singular row.
    left, scales, _ = np.linalg.svd(curves - curves.mean(axis=0), full_matrices=False)
    distances = (left[:, scales > 1e-9 * scales[0]] ** 2).sum(axis=1)
    return int((distances >= distances[0] - 1e-12).sum()) / len(pool)


def _judge_curve(
    output: str,
    recorded: Figure,
    reruns: Sequence[Figure],
    call: TrainingCall,
    sample: Ensemble,
) -> list[Judgement]:
    """Judge a recorded loss curve: its axes, its first loss, and its later losses as a draw."""
    curve, now = _loss_curve(recorded), call.curve.losses
    if curve is None or not reruns:
        reason = "no loss curve was drawn" if not reruns else "the record is not one loss curve"
        return [Judgement(f"{output}: figure", _in_brief(recorded), "", Verdict.NOT_JUDGED, reason)]
    epochs, losses = curve.T
    frame = _judge_frame(f"{output}: axes", recorded, reruns[0], epochs, call.curve.epochs)
    if frame.verdict is Verdict.DIFFERENT:
        return [frame]
    return [
        frame,
        _judge_start(f"{output}: first loss", losses[0], now[0]),
        _judge_draw(
            f"{output}: {len(losses) - 1} later losses",
            losses[1:],
            sample.losses[:, 1:],
            f"… {losses[-1]:.6f}",
            f"… {now[-1]:.6f}",
        ),
    ]


def _judge_frame(
    output: str, recorded: Figure, rerun: Figure, epochs: np.ndarray, epochs_now: np.ndarray
) -> Judgement:
    """Judge where a loss curve has its checkpoints, and what its axes are called."""
    labels, labels_now = ((f.axes[0].x_label, f.axes[0].y_label) for f in (recorded, rerun))
    before = f"{len(epochs)} losses; {', '.join(labels)}"
    after = f"{len(epochs_now)} losses; {', '.join(labels_now)}"
    if len(epochs) != len(epochs_now) or labels != labels_now:
        return Judgement(output, before, after, Verdict.DIFFERENT, "not the same axes")
    largest = float(np.abs(epochs - epochs_now).max())
    verdict = Verdict.IDENTICAL if largest <= VERTEX_LIMIT else Verdict.DIFFERENT
    basis = f"largest distance along the epochs {largest:.1e} (limit {VERTEX_LIMIT:.0e})"
    return Judgement(output, before, after, verdict, basis, {"largest_difference": largest})


def _judge_start(output: str, recorded: float, rerun: float) -> Judgement:
    """Judge the loss before training, which depends on nothing but the first random draw."""
    before, after = f"{recorded:.8f}", f"{rerun:.8f}"
    difference = abs(float(recorded) - float(rerun))
    numbers = {"difference": difference}
    if np.float32(recorded) == np.float32(rerun):
        return Judgement(output, before, after, Verdict.IDENTICAL, "the same float32", numbers)
    same = f"{recorded:.6f}" == f"{rerun:.6f}"
    verdict = Verdict.IDENTICAL if same else Verdict.DIFFERENT
    basis = f"{'' if same else 'not '}the same 6 decimals, as the book prints ({difference:.1e})"
    return Judgement(output, before, after, verdict, basis, numbers)


def _judge_draw(
    output: str, observed: Any, sample: np.ndarray, recorded: str, rerun: str
) -> Judgement:
    """Judge a random quantity: consistent if it is ordinary among the sample's draws."""
    p = conformal_p(observed, sample)
    verdict = Verdict.CONSISTENT if p > P_LIMIT else Verdict.DIFFERENT
    mean, sd = sample[:, -1].mean(), sample[:, -1].std()
    basis = f"p = {p:.3g} among {len(sample):,} shuffles, which end at {mean:.4f} ± {sd:.4f}"
    numbers = {"p": p, "runs": len(sample), "mean": float(mean), "sd": float(sd)}
    return Judgement(output, recorded, rerun, verdict, basis, numbers)


def _loss_curve(figure: Figure) -> Optional[np.ndarray]:
    """Return the vertices (m, 2) of a figure that is one line in one pair of axes, else None."""
    if len(figure.axes) != 1 or len(figure.axes[0].polylines) != 1:
        return None
    return figure.axes[0].polylines[0].vertices


def _in_brief(figure: Figure) -> str:
    """Say how many lines and vertices a figure has."""
    lines = [line for axes in figure.axes for line in axes.polylines]
    return f"{len(lines)} lines, {sum(len(line.vertices) for line in lines)} vertices"


def _frame_differences(recorded: Figure, rerun: Figure) -> list[str]:
    """Say in which way two figures cannot be compared vertex by vertex."""
    if len(recorded.axes) != len(rerun.axes):
        return [f"{len(recorded.axes)} axes became {len(rerun.axes)}"]
    differences = []
    for a, b in zip(recorded.axes, rerun.axes):
        for name in ("x_label", "y_label", "x_ticks", "y_ticks"):
            before, after = getattr(a, name), getattr(b, name)
            if before != after:
                differences.append(f"{name.replace('_', ' ')} {before} became {after}")
        if sorted(map(_look, a.polylines)) != sorted(map(_look, b.polylines)):
            differences.append("not the same number of lines, vertices, colours or markers")
    return differences


def _look(line: Polyline) -> tuple[str, bool, bool, int]:
    return line.color, line.marker, line.line, len(line.vertices)


def _nearest(line: Polyline, others: Sequence[Polyline]) -> Polyline:
    """Return the line of the same look that is nearest to `line`, wherever it stands in order."""
    return min(
        (other for other in others if _look(other) == _look(line)),
        key=lambda other: _distance(line, other),
    )


def _distance(line: Polyline, other: Polyline) -> float:
    """Return the largest difference of a coordinate, in data units."""
    return float(np.abs(line.vertices - other.vertices).max())
