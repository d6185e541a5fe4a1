"""The test of a loss curve against the call that is stated to have given it.

A curve's score is the largest likelihood ratio to the stated call of any group of alternatives: the
values of one hyperparameter, the sizes of the minibatches, and so on. Within a group the likelihood
is averaged. One more alternative stands for everything unforeseen: the stated call's own Gaussian
with a larger spread, whose likelihood ratio is the Mahalanobis distance, rescaled. Another value of
a hyperparameter is taken to be ten times as plausible as anything else, because every equally
plausible group costs the others power.

The p-value is the rank of the score among those of fresh runs of the stated call. It is exact
however well the Gaussians fit, because they were fitted to other runs.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from .._mxnet import nd
from ..errors import ArgumentError
from ..experiments.objective import smallest_loss
from .alternatives import Call, other_calls, with_free_hyperparams
from .likelihood import Coordinates, Gaussian

Curves = npt.NDArray[np.float64]
Group = dict[Any, Gaussian]  # alternatives by value or in words

PLAUSIBILITY = 0.1  # of alternatives that are not values of a hyperparameter
UNFORESEEN = 2.0  # how much wider the Gaussian is that stands for all unforeseen alternatives
RUNS = 1000  # fresh runs of the stated call; their seeds are from 0 on
# The seeds of the runs to which a Gaussian is fitted, and of an alternative's fresh runs, whose
# p-values are in 1/200.
STATED_FIT = range(10**6, 10**6 + 2000)
FIT = range(10**6, 10**6 + 150)
FRESH = range(2 * 10**6, 2 * 10**6 + 199)


class CurveTest:
    """The test of one stated call, for any number of curves.

    A curve is ranked among a `sample` of the call's losses, from runs whose seeds are below
    1,000,000; by default `RUNS` of them. `data` maps names to other data that the call might have
    been made with.

    All methods take curves in `coordinates`, without the loss before training.
    """

    def __init__(
        self,
        call: Call,
        data: Optional[Mapping[str, tuple[nd.NDArray, nd.NDArray]]] = None,
        sample: Optional[npt.NDArray[np.float32]] = None,
    ) -> None:
        self.call = call
        losses = call.train(range(RUNS)) if sample is None else sample
        fit = call.train(STATED_FIT)
        fit = fit[np.isfinite(fit).all(axis=1)]
        if losses.shape[1] < 2 or len(fit) < len(STATED_FIT) / 2:
            raise ArgumentError("the stated call diverges or records no loss; nothing to compare")
        self.length = losses.shape[1]
        self.first_loss = None if call.start is None else float(losses[0, 0])
        later = fit[:, 1:]
        self.coordinates = Coordinates(later, smallest_loss(call.features, call.labels))
        self.stated = Gaussian.fit(self.coordinates(later), self.coordinates(losses[:, 1:]))
        self._free, self.scales = with_free_hyperparams(call)
        self.grids: dict[str, Group] = {}  # of each hyperparameter, by value
        self.others: list[Group] = []  # in words
        self.limitation = self._build(data or {})
        self._fresh_scores = functools.cache(lambda null: np.sort(self.scores(null.fresh, null)))

    def _build(self, data: Mapping[str, tuple[nd.NDArray, nd.NDArray]]) -> str:
        """Make the groups of alternatives; return why there are none, or ''."""
        rule = self.call.rule
        if not self.scales and isinstance(rule, str):
            return f"no rule of the chapter does what Gluon's {rule} does with these values"
        if not self.scales:
            return "none of the hyperparameters is one that the chapter knows"
        try:
            self.grids = {n: self.vary(n, scale.alternatives()) for n, scale in self.scales.items()}
        except Exception as error:  # a rule of the reader's own may raise anything
            return f"the rule does not take one value for each run ({type(error).__name__})"
        for calls in other_calls(self.call, data):
            self.others.append({words: self._fit(each.train(FIT)) for words, each in calls.items()})
        return ""

    def vary(self, name: str, values: Sequence[float]) -> Group:
        """Train the call with other values of a hyperparameter.

        All are trained together, because that takes about as long for a few runs as for many.
        """
        # Runs with the same seed stand side by side, because they share its shuffles.
        seeds = np.repeat([*FIT, *FRESH], len(values)).tolist()
        varied = {self.scales[name].name: np.tile(values, len(FIT) + len(FRESH))}
        losses = self._free.train(seeds, **varied).reshape(-1, len(values), self.length)
        return {value: self._fit(losses[:, i]) for i, value in enumerate(values)}

    def _fit(self, losses: npt.NDArray[np.float32]) -> Gaussian:
        """Return the Gaussian of an alternative's losses: those of `FIT`, then of `FRESH` runs."""
        curves = self.coordinates(losses[:, 1:])
        return Gaussian.fit(curves[: len(FIT)], fresh=curves[len(FIT) :])

    def scores(self, curves: Curves, null: Gaussian) -> Curves:
        """Return how much better than under `null` each curve is explained otherwise: (n,)."""
        unforeseen = null.log_density(curves, spread=UNFORESEEN)
        others = [unforeseen, *(_mean_density(group, curves) for group in self.others)]
        values = [_mean_density(group, curves) for group in self.grids.values()]
        best = np.max([*values, *(np.log(PLAUSIBILITY) + other for other in others)], axis=0)
        scores: Curves = best - null.log_density(curves)
        return scores

    def p_values(self, curves: Curves, null: Optional[Gaussian] = None) -> Curves:
        """Return the p-value of each curve: (n,), from 1 / (fresh runs + 1) to 1."""
        null = null or self.stated
        fresh = self._fresh_scores(null)
        below = np.searchsorted(fresh, self.scores(curves, null))
        return (len(fresh) - below + 1) / (len(fresh) + 1)


def _mean_density(group: Group, curves: Curves) -> Curves:
    """Return the logarithm of the mean density of a group at each curve: (n,)."""
    log_densities = [gaussian.log_density(curves) for gaussian in group.values()]
    mean: Curves = np.logaddexp.reduce(log_densities, axis=0) - np.log(len(group))
    return mean
