"""Recorded losses: which start they began from, and how ordinary they are from there.

The order of the minibatches of a recorded run is lost, so its losses after the first are one draw
from a distribution. The same call, repeated from the same start, gives that distribution.
"""

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable

import numpy as np

from ..errors import ArgumentError, GluonbookError
from ..experiments.ensemble import fit_ensemble
from ..experiments.objective import smallest_loss
from ..inference.alternatives import Call
from ..inference.curvetest import CurveTest
from ..inference.infer import draw_inference
from ..inference.results import Inference, as_numbers, in_words
from .chance import MORE_RUNS, RUNS, SMALL, Array, p_value
from .observer import Training
from .starts import PRECISION, Start, find_start, known_starts, starts_with_loss
from .verdict import Outcome, Verdict

SECONDS = 60  # that repeating a chapter's own training function may take
PRINTED = 6e-7  # a little more than half of the last digit that the book prints
ROUNDING = 1e-6  # relative; how much another order of a full batch's rows changes its losses
ORDERS = 100  # in which the rows of full batches are taken, to see how much a rule amplifies that
AMPLIFIED = 10  # how many times the spread of these runs a recorded loss may be away from them
NO_DRAW = "none of the first 50 draws of a fresh process, on Linux or macOS, has this loss"
NOT_THE_END = "what is printed today is not the last loss of the curve"
NO_START = "not what today's start leads to, and no curve shows where the recorded run began"


@dataclass
class RecordedRun:
    """The recorded run of a call: where it started, and whether its losses are ordinary."""

    training: Training  # the same call in the rerun
    losses: Sequence[float]  # as recorded; empty where no curve was
    resolution: float = 0.0  # to within which they were read from a figure
    more_runs: int = MORE_RUNS  # among which an output with a small p-value is ranked again

    def __post_init__(self) -> None:
        self.call = self.training.call
        self.data = self.call.features.asnumpy(), self.call.labels.asnumpy()
        self.is_random = self.call.batch_size < len(self.call.labels)
        first_now = float(self.training.losses[0])
        self.first_loss = self.losses[0] if self.losses else first_now
        self.difference = abs(self.first_loss - first_now)
        self.rounding = PRECISION * abs(first_now) + self.resolution
        self.is_moved = not self.difference <= self.rounding
        if self.training.start is None or self.is_moved:
            self.start = find_start(*self.data, self.first_loss, self.resolution)
        else:
            self.start = Start(self.training.start)
        self.draw = functools.cache(self._draw)

    def judge_start(self) -> Outcome:
        """Judge the loss before training, which depends on the data and the weights alone."""
        numbers: dict[str, Any] = {"difference": self.difference}
        if not self.is_moved:
            basis = f"difference {self.difference:.1e} (rounding: {self.rounding:.1e})"
            return Verdict.IDENTICAL, basis, {**numbers, "start": ""}
        if self.start:
            basis = f"the loss of {self.start.words}, which is where the recorded run began"
            return Verdict.IDENTICAL, basis, {"difference": 0.0, "start": self.start.words}
        if not self._began_fresh():
            basis = "today's start, or loss, is the chapter's own: none that a fresh process draws"
            return Verdict.NOT_JUDGED, basis, numbers
        return Verdict.DIFFERENT, f"{self.difference:.1e} from today's, and {NO_DRAW}", numbers

    def judge_later(self) -> Outcome:
        """Judge the losses of the recorded curve after the first."""
        if not self.is_random:
            return _judge_full_batch(self.losses[1:], self.draw(ORDERS)[:, 1:], self.resolution)
        if self.start is None or not self.training.is_ours:
            verdict, basis, numbers = self._judge_distance()
        else:
            verdict, basis, numbers = self._judge_alternatives(self.start)
        sample = self.draw(RUNS)
        if np.isfinite(sample).all():
            numbers["fan"] = {
                "epochs": np.linspace(0, self.call.num_epochs, len(self.losses)).tolist(),
                # Percentiles 0, 5, …, 100.
                "losses": np.percentile(sample, np.arange(0, 101, 5), axis=0).tolist(),
                "recorded": list(self.losses),
                "rerun": self.training.losses.tolist(),
            }
        return verdict, basis, numbers

    def judge_end(self, printed: float, printed_now: float) -> Outcome:
        """Judge a printed loss, which is the last one of the curve, if one was drawn."""
        if not np.isclose(self.training.losses[-1], printed_now, ROUNDING, PRINTED, equal_nan=True):
            return Verdict.NOT_JUDGED, NOT_THE_END, {}
        if self.losses and np.isfinite(printed):
            end = self.losses[-1]
            difference = abs(printed - end)
            if not difference <= PRINTED + PRECISION * abs(end) + self.resolution:
                basis = f"{printed:.6f} was printed, but the recorded curve ends at {end:.6f}"
                return Verdict.DIFFERENT, basis, {"difference": difference}
        outcome = self._judge_printed(printed, self.draw)
        if self.losses or not np.isfinite(printed) or _plausibility(outcome) > SMALL:
            return outcome
        # Without a curve the start is unknown: it may have been another draw of a fresh process.
        if not self.training.is_ours or not self._began_fresh():
            return Verdict.NOT_JUDGED, NO_START, {}
        starts = known_starts(self.call.features.shape[1])
        ends = self._train(np.stack([start.weights for start in starts]), len(starts))[:, -1]
        start = starts[int(np.abs(np.nan_to_num(ends, nan=np.inf) - printed).argmin())]
        verdict, basis, numbers = self._judge_printed(
            printed, lambda runs: self._train(start.weights, runs)
        )
        other = verdict, f"{basis}, if it began with {start.words}", numbers
        return max(outcome, other, key=_plausibility)

    def _judge_printed(self, printed: float, draw: Callable[[int], Array]) -> Outcome:
        """Judge a printed loss among the ends of the curves that `draw` returns."""
        if not self.is_random:
            return _judge_full_batch([printed], draw(ORDERS)[:, -1:], PRINTED)
        return _ranked(*p_value([printed], lambda runs: draw(runs)[:, -1:], None, self.more_runs))

    def _began_fresh(self) -> bool:
        """Return True if today's run began as in a fresh process, not as a chapter's seed says."""
        return find_start(*self.data, float(self.training.losses[0])) is not None

    def _judge_alternatives(self, start: Start) -> Outcome:
        """Judge the curve with alternatives to the call in mind, or by its distance."""
        try:
            inference = self._infer(start)
        except ArgumentError as error:  # the call cannot have given the curve, or diverges
            verdict, basis, numbers = self._judge_distance()
            return verdict, f"{basis}; {error}", numbers
        verdict, _, numbers = _ranked(inference.p, self.draw(inference.runs))
        basis = f"p = {inference.p:.2g} among {inference.runs:,} shuffles; {in_words(inference)}"
        return verdict, basis, {**numbers, "inference": as_numbers(inference)}

    def _infer(self, start: Start) -> Inference:
        """Infer from the curve; where the first runs give a small p, rank it among more."""
        call = Call(**vars(self.call), start=(start.weights, np.zeros(1, np.float32)))
        test = CurveTest(call, sample=self.draw(RUNS))
        inference = draw_inference(self.losses, test)
        if inference.p > SMALL:
            return inference
        more = replace(test.stated, fresh=test.coordinates(self.draw(self.more_runs)[:, 1:]))
        p = test.p_values(test.coordinates(np.array([self.losses[1:]])), more)
        return replace(inference, p=float(p[0]), runs=self.more_runs)

    def _judge_distance(self) -> Outcome:
        """Judge the curve as one draw among many, by its distance from them."""
        minimum = smallest_loss(*self.data)

        def log_gain(curves: Array) -> Array:
            """Return the logarithm of what training could still gain, where slow changes show."""
            return np.asarray(np.log(np.maximum(curves - minimum, PRECISION)))

        later = self.losses[1:]
        p, sample = p_value(later, lambda runs: self.draw(runs)[:, 1:], log_gain, self.more_runs)
        return _ranked(p, sample)

    def _draw(self, runs: int) -> Array:
        """Return the losses of many runs from the recorded start, each with another shuffle."""
        start = self.start or starts_with_loss(*self.data, self.first_loss, runs)
        if start is None:
            raise GluonbookError(f"no start near zero has the first loss {self.first_loss:.6f}")
        if not self.training.is_ours:
            return self._repeats(start, runs)
        return self._train(start.weights, runs)

    def _train(self, weights: Array, runs: int) -> Array:
        """Return the losses of many runs of the call, from one start or from one for each run."""
        bias = np.zeros((*weights.shape[:-2], 1), np.float32)
        return fit_ensemble(**vars(self.call), seeds=runs, start=(weights, bias)).losses

    def _repeats(self, start: Start, runs: int) -> Array:
        """Call a chapter's own training function again and again, for a minute at most."""
        if not start.draw or start.system != "Linux":
            raise GluonbookError("the chapter's own training function draws its start itself")
        deadline = time.monotonic() + SECONDS
        losses: list[Array] = []
        while len(losses) < 2 or (len(losses) < runs and time.monotonic() < deadline):
            losses.append(self.training.repeat(len(losses), draws_before=start.draw - 1))
        if self.is_random and not np.ptp(losses, axis=0).any():
            raise GluonbookError("the chapter's own training function chooses the order itself")
        return np.array(losses)


def _plausibility(outcome: Outcome) -> float:
    """Return the p-value of a random output; of another 1, or 0 if it is different."""
    verdict, _, numbers = outcome
    return 0.0 if verdict is Verdict.DIFFERENT else float(numbers.get("p", 1.0))


def _ranked(p: float, sample: Array) -> Outcome:
    """Return a provisional verdict: `hold_together` decides on all random outputs of a chapter."""
    with np.errstate(over="ignore", invalid="ignore"):  # among runs that diverged
        mean, sd = float(sample[:, -1].mean()), float(sample[:, -1].std())
    basis = f"p = {p:.2g} among {len(sample):,} shuffles: {mean:.4f} ± {sd:.4f}"
    return Verdict.CONSISTENT, basis, {"p": p, "runs": len(sample), "mean": mean, "sd": sd}


def _judge_full_batch(observed: Sequence[float], runs: Array, slack: float) -> Outcome:
    """Judge losses of full batches, in which nothing is random but the rounding.

    It depends on the order of the rows, and a rule may amplify it: the `runs` (n, m) show how much.
    """
    losses = runs[0].astype(np.float64)
    with np.errstate(invalid="ignore"):  # of runs that diverged
        spread = np.nan_to_num(np.ptp(runs.astype(np.float64), axis=0))
        largest = float(np.fmax.reduce(np.abs(observed - losses), initial=0.0))
    basis = f"full batches, not random: largest difference {largest:.1e}"
    numbers = {"largest_difference": largest}
    if np.isclose(observed, losses, ROUNDING, slack, equal_nan=True).all():
        return Verdict.IDENTICAL, basis, numbers
    limits = slack + AMPLIFIED * spread
    if np.isclose(observed, losses, ROUNDING, limits, equal_nan=True).all():
        orders = f"{len(runs)} orders of the rows are up to {spread.max():.1e} apart"
        return Verdict.CONSISTENT, f"{basis}; {orders}", numbers
    return Verdict.DIFFERENT, basis, numbers
