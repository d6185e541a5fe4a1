"""Random losses: a recorded run held against many runs of the same call, each with its own shuffle.

The order of the minibatches of a recorded run is lost, so its losses are one draw from a
distribution. The same call, repeated from the same start, gives that distribution.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from .geometry import VERTEX_LIMIT
from .svg import Axes, Polyline
from .verdict import Judgement, Verdict

__all__ = [
    "P_LIMIT",
    "RUNS",
    "Training",
    "conformal_p",
    "judge_curve",
    "judge_line",
    "judge_time",
]

P_LIMIT = 0.01
RUNS = 1000


@dataclass(frozen=True)
class Training:
    """A training call, as it is judged.

    Attributes
    ----------
    epochs, losses : ndarray, shape (m,)
        The loss curve of the call's own run.
    sample : ndarray, shape (runs, m), or None
        The losses of `shuffles_of` the call, the distribution that its own are drawn from.
    refusal : str
        Why there is no sample.
    """

    epochs: npt.NDArray[np.float64]
    losses: npt.NDArray[Any]
    sample: Optional[npt.NDArray[Any]]
    refusal: str = ""


def conformal_p(observed: Any, sample: npt.NDArray[Any]) -> float:
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


def judge_line(
    output: str, training: Training, recorded: Sequence[str], rerun: Sequence[str]
) -> list[Judgement]:
    """Judge the line that the book's training functions print: a random loss and a time."""
    (loss, seconds), (loss_now, seconds_now) = recorded, rerun
    return [
        _judge_draw(f"{output}: printed loss", training, [float(loss)], slice(-1, None), loss_now),
        judge_time(output, f"{seconds} s", f"{seconds_now} s"),
    ]


def judge_time(output: str, recorded: str, rerun: str) -> Judgement:
    verdict = Verdict.NOT_COMPARABLE
    return Judgement(f"{output}: time", recorded, rerun, verdict, "another machine")


def judge_curve(
    output: str, recorded: tuple[Axes, Polyline], rerun: tuple[Axes, Polyline], training: Training
) -> list[Judgement]:
    """Judge a recorded loss curve: its axes, its first loss, and its later losses as a draw."""
    (axes, line), (axes_now, _) = recorded, rerun
    epochs, losses = line.vertices.T
    frame = _judge_frame(f"{output}: axes", axes, axes_now, epochs, training.epochs)
    if frame.verdict is Verdict.DIFFERENT:
        return [frame]
    judgements = [frame, _judge_start(f"{output}: first loss", losses[0], training.losses[0])]
    if len(losses) > 1:
        later = f"{output}: {len(losses) - 1} later losses"
        last = f"… {training.losses[-1]:.6f}"
        judgements.append(_judge_draw(later, training, losses[1:], slice(1, None), last))
    return judgements


def _judge_frame(
    output: str,
    recorded: Axes,
    rerun: Axes,
    epochs: npt.NDArray[np.float64],
    epochs_now: npt.NDArray[np.float64],
) -> Judgement:
    """Judge where a loss curve has its checkpoints, and what its axes are called."""
    labels, labels_now = ((axes.x_label, axes.y_label) for axes in (recorded, rerun))
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
    within = max(abs(recorded), abs(rerun)) <= np.finfo(np.float32).max
    if within and np.float32(recorded) == np.float32(rerun):
        return Judgement(output, before, after, Verdict.IDENTICAL, "the same float32", numbers)
    same = f"{recorded:.6f}" == f"{rerun:.6f}"
    verdict = Verdict.IDENTICAL if same else Verdict.DIFFERENT
    basis = f"{'' if same else 'not '}the same 6 decimals, as the book prints ({difference:.1e})"
    return Judgement(output, before, after, verdict, basis, numbers)


def _judge_draw(
    output: str, training: Training, observed: Sequence[float], which: slice, rerun: str
) -> Judgement:
    """Judge random losses: consistent if they are ordinary among those of the sample's runs."""
    more = "… " if len(observed) > 1 else ""
    recorded = f"{more}{observed[-1]:.6f}"
    if training.sample is None:
        return Judgement(output, recorded, rerun, Verdict.NOT_JUDGED, training.refusal)
    sample = training.sample[:, which]
    p = conformal_p(observed, sample)
    verdict = Verdict.CONSISTENT if p > P_LIMIT else Verdict.DIFFERENT
    with np.errstate(over="ignore", invalid="ignore"):  # among runs that diverged
        mean, sd = sample[:, -1].mean(), sample[:, -1].std()
    basis = f"p = {p:.3g} among {len(sample):,} shuffles: {mean:.4f} ± {sd:.4f}"
    numbers = {"p": p, "runs": len(sample), "mean": float(mean), "sd": float(sd)}
    return Judgement(output, recorded, rerun, verdict, basis, numbers)
