"""Recorded losses: which start they began from, and how ordinary they are from there.

The order of the minibatches of a recorded run is lost, so its losses after the first are one draw
from a distribution. The same call, repeated from the same start, gives that distribution.
"""

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt

from .._observers import TrainingCall
from ..errors import ArgumentError, GluonbookError
from .chance import RUNS, p_value
from .curves import infer_curve
from .inference_words import as_numbers, in_words
from .observer import Training, shuffles_of
from .starts import PRECISION, Start, find_start, least_loss, starts_with_loss
from .verdict import Verdict

__all__ = [
    "PRINTED",
    "LossEvidence",
    "Outcome",
    "evidence_from",
    "examine",
    "judge_curve",
    "judge_losses",
    "outcome_from",
]

SECONDS = 60  # that repeating a chapter's own training function may take
PRINTED = 6e-7  # half of the last digit that the book prints, and a little
ROUNDING = 1e-6  # relative; what another order of a full batch's rows changes in its losses
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Outcome:
    """What can be said of some recorded losses.

    Attributes
    ----------
    verdict : Verdict
        That of a random output is provisional: `hold_together` decides on all of a chapter's.
    basis : str
        In words, with the number that it rests on.
    numbers : dict
        ``'p'`` where the losses are random, ``'largest_difference'`` where they are not.
    """

    verdict: Verdict
    basis: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LossEvidence:
    """A training call of the rerun, and what was found about the recorded one.

    Attributes
    ----------
    epochs, losses : list of float
        The loss curve of the rerun.
    start : str
        Where the recorded curve began, if that is not where the rerun began.
    first_loss : float or None
        The loss there; None if no start is known that has the recorded loss.
    later, printed : Outcome or None
        What can be said of the later losses of the recorded curve, and of the printed one.
    fan : list of list of float, or None
        What the recorded curve was ranked among: 201 curves, the percentiles from 0 to 100 of the
        shuffles' losses at each checkpoint.
    """

    epochs: Sequence[float]
    losses: Sequence[float]
    start: str = ""
    first_loss: Optional[float] = None
    later: Optional[Outcome] = None
    printed: Optional[Outcome] = None
    fan: Optional[Sequence[Sequence[float]]] = None


def judge_curve(
    call: TrainingCall, start: Start, losses: Sequence[float], draw: Callable[[int], Array]
) -> Outcome:
    """Judge a recorded loss curve with alternatives to the call in mind.

    The parameters are those of `judge_losses`, which judges a curve that this cannot: one from an
    unknown start, one that the call cannot have given, or one of a call that diverges.
    """
    if start.weights.ndim > 2:
        return judge_losses(call, start, losses, draw)
    try:
        inference = infer_curve(call, start.weights, losses, draw)
    except ArgumentError as error:
        outcome = judge_losses(call, start, losses, draw)
        return replace(outcome, basis=f"{outcome.basis}; {error}")
    outcome = _of_p(inference.p, draw(inference.runs))
    basis = f"p = {inference.p:.2g} among {inference.runs:,} shuffles; {in_words(inference)}"
    numbers = {**outcome.numbers, "inference": as_numbers(inference)}
    return replace(outcome, basis=basis, numbers=numbers)


def judge_losses(
    call: TrainingCall, start: Start, losses: Sequence[float], draw: Callable[[int], Array]
) -> Outcome:
    """Judge a recorded loss curve as one draw among many, by its distance from them.

    Parameters
    ----------
    call : TrainingCall
    start : Start
        Where the recorded run began.
    losses : sequence of float, length m
        The recorded losses. The first has no part in this: it is not random.
    draw : callable
        Returns the curves of as many runs of the call, each with another shuffle: (runs, m).
    """
    minimum = least_loss(call.features.asnumpy(), call.labels.asnumpy())

    def above_minimum(curves: Array) -> Array:
        """Return the logarithm of what training could still gain, in which slow changes show."""
        logarithms: Array = np.log(np.maximum(curves - minimum, PRECISION))
        return logarithms

    p, sample = p_value(losses[1:], lambda runs: draw(runs)[:, 1:], [above_minimum])
    return _of_p(p, sample)


def _of_p(p: float, sample: Array) -> Outcome:
    with np.errstate(over="ignore", invalid="ignore"):  # among runs that diverged
        mean, sd = float(sample[:, -1].mean()), float(sample[:, -1].std())
    basis = f"p = {p:.2g} among {len(sample):,} shuffles: {mean:.4f} ± {sd:.4f}"
    return Outcome(Verdict.CONSISTENT, basis, {"p": p, "runs": len(sample), "mean": mean, "sd": sd})


def examine(
    training: Training,
    losses: Optional[Sequence[float]] = None,
    printed: Optional[float] = None,
) -> LossEvidence:
    """Find where a recorded training began, and judge its losses from there.

    Parameters
    ----------
    training : Training
        The same call, observed in the rerun.
    losses : sequence of float, optional
        The losses of the recorded curve, the first included.
    printed : float, optional
        The recorded last loss, as printed.
    """
    features, labels = training.call.features.asnumpy(), training.call.labels.asnumpy()
    own = float(training.losses[0])
    first = float(losses[0]) if losses else own
    moved = not abs(first - own) <= PRECISION * abs(own)
    if not moved and training.start is not None:
        start: Optional[Start] = Start(training.start)
    else:
        start = find_start(features, labels, first)

    def begin(runs: int) -> Start:
        found = start or starts_with_loss(features, labels, first, runs)
        if found is None:
            raise GluonbookError(f"no start near zero has the first loss {first:.6f}")
        return found

    @functools.cache
    def draw(runs: int) -> Array:
        return _runs(training, begin(runs), runs)

    def outcome(judge: Callable[[Any], Outcome], recorded: Any) -> Optional[Outcome]:
        if recorded is None:
            return None
        try:
            return judge(recorded)
        except Exception as error:
            # The rule is the chapter's, and can fail on many runs at once in ways of its own.
            kind = "" if isinstance(error, GluonbookError) else f"{type(error).__name__}: "
            reason = f"the call cannot be repeated many times at once ({kind}{error})"
            return Outcome(Verdict.NOT_JUDGED, reason)

    def judge_whole(curve: Sequence[float]) -> Outcome:
        if full_batch:
            return _judge_full_batch(curve[1:], draw(1)[0, 1:], slack=0.0)
        judge = judge_curve if training.is_ours else judge_losses
        return judge(training.call, begin(RUNS), curve, draw)

    def judge_end(loss: float) -> Outcome:
        if full_batch:
            return _judge_full_batch([loss], draw(1)[0, -1:], slack=PRINTED)
        return _of_p(*p_value([loss], lambda runs: draw(runs)[:, -1:]))

    full_batch = training.call.batch_size >= len(labels)
    is_whole = losses is not None and 1 < len(losses) == len(training.losses)
    later = outcome(judge_whole, losses if is_whole else None)
    fan = None
    if later and "p" in later.numbers and np.isfinite(draw(RUNS)).all():
        fan = np.percentile(draw(RUNS), np.linspace(0, 100, 201), axis=0).tolist()
    return LossEvidence(
        epochs=training.epochs.tolist(),
        losses=training.losses.tolist(),
        start=start.words if start and moved else "",
        first_loss=own if not moved else first if start else None,
        later=later,
        printed=outcome(judge_end, printed),
        fan=fan,
    )


def _judge_full_batch(observed: Sequence[float], losses: Array, slack: float) -> Outcome:
    """Judge losses of full batches, in which nothing is random but the rounding."""
    differences = np.abs(np.asarray(observed) - losses)
    same = (differences <= slack + ROUNDING * np.abs(losses)).all()
    largest = float(differences.max())
    basis = f"full batches, not random: largest difference {largest:.1e}"
    verdict = Verdict.IDENTICAL if same else Verdict.DIFFERENT
    return Outcome(verdict, basis, {"largest_difference": largest})


def _runs(training: Training, start: Start, runs: int) -> Array:
    """Return the losses of many runs of a training from a start, each with another shuffle."""
    if not training.is_ours:
        return _repeats(training, start, runs)
    losses = shuffles_of(training.call, runs, start.weights).losses
    weights = start.weights if start.weights.ndim == 2 else start.weights[0]
    alone = shuffles_of(training.call, 1, weights).losses
    if not np.allclose(losses[0], alone[0], rtol=1e-3, equal_nan=True):
        # A rule that is not elementwise, such as one with a norm, mixes runs that share an array.
        raise GluonbookError("a run depends on the others")
    return losses


def _repeats(training: Training, start: Start, runs: int) -> Array:
    """Call a chapter's own training function again and again, for a minute at most."""
    if not start.draw or start.system != "Linux":
        raise GluonbookError("its own training function draws its start itself")
    deadline = time.monotonic() + SECONDS
    losses: list[Array] = []
    while len(losses) < runs and time.monotonic() < deadline:
        losses.append(training.repeat(seed=len(losses), draws_before=start.draw - 1))
    return np.array(losses)


def evidence_from(content: dict[str, Any]) -> LossEvidence:
    """Return the evidence that `dataclasses.asdict` and JSON have turned into a dictionary."""
    outcomes = {name: outcome_from(content[name]) for name in ("later", "printed")}
    return LossEvidence(**{**content, **outcomes})


def outcome_from(content: Optional[dict[str, Any]]) -> Optional[Outcome]:
    """Return an outcome likewise."""
    return Outcome(**{**content, "verdict": Verdict(content["verdict"])}) if content else None
