"""The test of a loss curve against the call that is stated to have given it.

A curve's score is the largest likelihood ratio to the stated call of any group of alternatives: the
values of one hyperparameter, the sizes of the minibatches, and so on. Among the values of a group
the likelihood is averaged. For what no alternative foresees there is one more: the stated call's
own Gaussian with a larger spread, whose likelihood ratio is the Mahalanobis distance, rescaled.
Another value of a hyperparameter is taken to be ten times as plausible as anything else, because
every group that is as plausible costs the others power.

The p-value is the rank of the score among those of fresh runs of the stated call. The Gaussians
were fitted to other runs, so under the stated call every rank is equally likely: p is exact however
well they fit.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Optional

import numpy as np
import numpy.typing as npt

from .._mxnet import nd
from ..errors import ArgumentError
from ..experiments.objective import smallest_loss
from .alternatives import (
    Call,
    other_data,
    other_rules,
    other_sizes,
    with_free_hyperparams,
)
from .likelihood import Coordinates, Point
from .scale import Scale

Curves = npt.NDArray[np.float64]

PLAUSIBILITY = 0.1  # of alternatives that are not values of a hyperparameter
UNFORESEEN = 2.0  # how much wider the Gaussian is that stands for all unforeseen alternatives
RUNS = 1000  # fresh runs of the stated call
FIT_RUNS = 2000  # to which its Gaussian is fitted
ALTERNATIVE_RUNS = 199  # the same two numbers for each alternative; its p-values are in 1/200
ALTERNATIVE_FIT_RUNS = 150
FIT_SEED, FRESH_SEED = 10**6, 2 * 10**6  # the fresh runs of the stated call have seeds from 0 on


class CurveTest:
    """The test of one stated call, for any number of curves.

    A curve is ranked among `runs` fresh runs of the call, or among the losses of a `sample` of
    runs whose seeds are below 1,000,000. `data` are other data that the call might have been made
    with, by a name for each.

    All methods take curves in `coordinates`, without the loss before training.
    """

    def __init__(
        self,
        call: Call,
        data: Optional[Mapping[str, tuple[nd.NDArray, nd.NDArray]]] = None,
        runs: int = RUNS,
        sample: Optional[npt.NDArray[np.float32]] = None,
    ) -> None:
        self.call = call
        losses = call.train(range(runs)) if sample is None else sample
        fit = call.train(range(FIT_SEED, FIT_SEED + FIT_RUNS))
        finite = np.isfinite(fit).all(axis=1)
        if losses.shape[1] < 2 or finite.mean() < 0.5:
            raise ArgumentError("the stated call diverges or records no loss; nothing to compare")
        self.length = losses.shape[1]
        self.first_loss = None if call.start is None else float(losses[0, 0])
        self.minimum = smallest_loss(call.features, call.labels)
        self.coordinates = Coordinates.of(fit[finite, 1:], self.minimum)
        self.fresh = self.coordinates(losses[:, 1:])
        self.stated = Point.fit(self.coordinates(fit[finite, 1:]), self.fresh)
        self._free, self._names = with_free_hyperparams(call)
        self.scales = {name: Scale(name, float(call.hyperparams[name])) for name in self._names}
        self.grids: dict[str, list[Point]] = {}
        self.others: list[list[Point]] = []
        self.limitation = self._build(data or {})
        self._fresh_scores = functools.cache(lambda null: np.sort(self.scores(null.fresh, null)))

    def _build(self, data: Mapping[str, tuple[nd.NDArray, nd.NDArray]]) -> str:
        """Make the groups of alternatives; return why there are none, if so."""
        if not self.scales:
            return "none of the hyperparameters is one that the chapter knows"
        changes = [(n, place) for n, scale in self.scales.items() for place in scale.alternatives()]
        try:
            points = self.vary(changes)
        except Exception as error:  # a rule of the reader's own may raise anything
            self.scales = {}
            return f"the rule does not take one value for each run ({type(error).__name__})"
        for (name, _), point in zip(changes, points):
            self.grids.setdefault(name, []).append(point)
        calls = (other_sizes(self.call), other_rules(self.call), other_data(self.call, data))
        self.others = [points for group in calls if (points := self._train(group))]
        return ""

    def vary(self, changes: Sequence[tuple[str, float]]) -> list[Point]:
        """Train the call with other values of hyperparameters.

        Each change is the name of one and a place on its scale; they are trained all together.
        """
        fit = range(FIT_SEED, FIT_SEED + ALTERNATIVE_FIT_RUNS)
        fresh = range(FRESH_SEED, FRESH_SEED + ALTERNATIVE_RUNS)
        # Runs with the same seed stand side by side, because they share its shuffles.
        seeds = np.repeat([*fit, *fresh], len(changes))
        values = [self.scales[name].value(place) for name, place in changes]
        varied = {}
        for name, scale in self.scales.items():
            each = [v if name == other else scale.stated for (other, _), v in zip(changes, values)]
            varied[self._names[name]] = np.tile(each, len(fit) + len(fresh))
        losses = self._free.train(seeds.tolist(), **varied)
        curves = self.coordinates(losses[:, 1:]).reshape(-1, len(changes), self.length - 1)
        fitted, fresh_curves = np.split(curves, [len(fit)])
        return [
            Point.fit(fitted[:, i], fresh_curves[:, i], f"{name} ≈ {value:.3g}", place)
            for i, ((name, place), value) in enumerate(zip(changes, values))
        ]

    def _train(self, calls: Mapping[str, Call]) -> list[Point]:
        """Train calls that differ in something else."""
        seeds = range(FIT_SEED, FIT_SEED + ALTERNATIVE_FIT_RUNS)
        points = []
        for words, call in calls.items():
            losses = call.train(seeds)
            if losses.shape[1] == self.length:
                fit = self.coordinates(losses[:, 1:])
                points.append(Point.fit(fit, fit[:0], words))
        return points

    def scores(self, curves: Curves, null: Point) -> Curves:
        """Return how much better than under `null` each curve is explained otherwise: (n,)."""
        unforeseen = null.log_density(curves, spread=UNFORESEEN)
        others = [unforeseen, *(_mean_density(group, curves) for group in self.others)]
        values = [_mean_density(group, curves) for group in self.grids.values()]
        best = np.max([*values, *(np.log(PLAUSIBILITY) + other for other in others)], axis=0)
        scores: Curves = best - null.log_density(curves)
        return scores

    def p_values(self, curves: Curves, null: Optional[Point] = None) -> Curves:
        """Return the p-value of each curve: (n,), from 1 / (fresh runs + 1) to 1."""
        null = null or self.stated
        fresh = self._fresh_scores(null)
        below = np.searchsorted(fresh, self.scores(curves, null))
        return (len(fresh) - below + 1) / (len(fresh) + 1)


def _mean_density(group: Sequence[Point], curves: Curves) -> Curves:
    """Return the logarithm of the mean density of a group at each curve: (n,)."""
    log_densities = [point.log_density(curves) for point in group]
    mean: Curves = np.logaddexp.reduce(log_densities, axis=0) - np.log(len(group))
    return mean
