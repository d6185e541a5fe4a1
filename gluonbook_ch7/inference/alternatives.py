"""Alternatives to a training call: what else a recorded run might have been.

Each is the call with one thing changed: a hyperparameter, the size of the minibatches, the rule or
the data.
"""

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt

from .._mxnet import nd
from .._trees import leaves, map_arrays
from ..experiments.ensemble import fit_ensemble
from ..experiments.registry import RULES
from ..training import Rule

__all__ = ["Call", "Scale", "other_data", "other_rules", "other_sizes", "with_free_hyperparams"]

RATES = ("lr", "eta", "learning_rate")
FRACTIONS = ("mom", "momentum", "gamma", "gamma1", "rho")  # between 0 and 1
# How far the alternatives are from the stated value, as powers of ten.
STEPS = (-1.0, -0.5, -0.25, -0.12, -0.05, 0.05, 0.12, 0.25, 0.5, 1.0)
CLOSEST_TO_1 = -3.0


@dataclass(frozen=True)
class Call:
    """A training call, to be repeated with other shuffles.

    Attributes
    ----------
    rule, states, hyperparams, features, labels, batch_size, num_epochs, start, count_rows
        As `fit_ensemble` takes them.
    """

    rule: Union[Rule, str]
    states: Any
    hyperparams: Mapping[str, Any]
    features: nd.NDArray
    labels: nd.NDArray
    batch_size: int = 10
    num_epochs: int = 2
    start: Optional[tuple[Any, Any]] = None
    count_rows: bool = True

    def train(self, seeds: Sequence[int], **hyperparams: Any) -> npt.NDArray[np.float32]:
        """Train one run for each seed; return the losses (runs, m).

        Keyword arguments replace hyperparameters; they may hold one value for each run.
        """
        ensemble = fit_ensemble(
            self.rule,
            self.states,
            {**self.hyperparams, **hyperparams},
            self.features,
            self.labels,
            self.batch_size,
            self.num_epochs,
            seeds=seeds,
            start=self.start,
            count_rows=self.count_rows,
        )
        return ensemble.losses


@dataclass(frozen=True)
class Scale:
    """A hyperparameter's values on a logarithmic scale.

    Rates are taken as log10(value). Decays and momentum act through their distance from 1, so they
    are taken as log10(1 - value).
    """

    name: str
    stated: float

    @property
    def is_fraction(self) -> bool:
        return self.name in FRACTIONS

    def place(self, value: float) -> float:
        """Return where a value is on the scale."""
        if self.is_fraction:
            return max(float(np.log10(max(1 - value, 1e-9))), CLOSEST_TO_1)
        return float(np.log10(value))

    def value(self, place: float) -> float:
        """Return the value at a place on the scale; the stated one exactly at its own place."""
        if place == self.place(self.stated):
            return self.stated
        power = float(10.0**place)
        return max(0.0, 1 - power) if self.is_fraction else power

    def alternatives(self) -> list[float]:
        """Return the places of the alternative values.

        From a tenth of the stated value to ten times as much, or from 0 to close to 1.
        """
        stated = self.place(self.stated)
        places = [stated + step for step in STEPS]
        if self.is_fraction:
            places = [place for place in places if CLOSEST_TO_1 <= place < -0.02]
            places += [0.0] if self.stated > 0 else []
            places += [CLOSEST_TO_1] if stated - 1 > CLOSEST_TO_1 else []
        return places


def with_free_hyperparams(call: Call) -> tuple[Call, dict[str, str]]:
    """Return a call whose hyperparameters may differ from run to run, and their names in it.

    Gluon's optimizers take numbers only. One that has a counterpart among the chapter's rules is
    replaced by it; of their `Difference` only the short last minibatch is large enough to matter.

    Returns
    -------
    call : Call
    names : dict of str to str
        The name in the returned call of each hyperparameter that can be varied. Empty if none can.
    """
    if not isinstance(call.rule, str):
        return call, {name: name for name in call.hyperparams if _can_vary(call, name)}
    for rule in RULES.values():
        names = {gluons: ours for ours, gluons in rule.gluon_names.items()}
        if rule.gluon == call.rule.lower() and set(names) == set(call.hyperparams):
            hyperparams = {ours: call.hyperparams[name] for name, ours in names.items()}
            own_scratch = replace(
                call,
                rule=rule.step,
                states=rule.states(call.features),
                hyperparams={**rule.hyperparams, **hyperparams},
                count_rows=False,
            )
            return own_scratch, {n: ours for n, ours in names.items() if _can_vary(call, n)}
    return call, {}


def _can_vary(call: Call, name: str) -> bool:
    """Return True if a hyperparameter has a number on its `Scale`."""
    if not isinstance(call.hyperparams[name], numbers.Real):
        return False
    value = float(call.hyperparams[name])
    return (name in RATES and 0 < value < np.inf) or (name in FRACTIONS and 0 <= value <= 1)


def other_sizes(call: Call) -> dict[str, Call]:
    """Return calls with other minibatches that give as many losses, at most twice the work."""
    size = call.batch_size
    sizes = (size // 2, 2 * size, size * 5 // 2, 5 * size)
    checkpoints = _checkpoints(len(call.labels), size)
    return {
        f"minibatches of {other}": replace(call, batch_size=other)
        for other in sizes
        if other > 0 and other != size and _checkpoints(len(call.labels), other) == checkpoints
    }


def _checkpoints(num_examples: int, batch_size: int) -> int:
    """Return after how many minibatches of an epoch the loss is recorded."""
    steps = -(-num_examples // batch_size)
    return sum(step * batch_size % 100 == 0 for step in range(1, steps + 1))


def other_rules(call: Call) -> dict[str, Call]:
    """Return calls of the chapter's other rules, as the chapter trains with them."""
    own = call.rule if isinstance(call.rule, str) else getattr(call.rule, "__name__", "")
    return {
        name: replace(
            call,
            rule=rule.step,
            states=rule.states(call.features),
            hyperparams=dict(rule.hyperparams),
        )
        for name, rule in RULES.items()
        if name != own and not (isinstance(call.rule, str) and rule.gluon == own.lower())
    }


def other_data(call: Call, data: Mapping[str, tuple[nd.NDArray, nd.NDArray]]) -> dict[str, Call]:
    """Return calls on other data, from any start, for rules whose states begin with zeros."""
    arrays = [leaf for leaf in leaves(call.states) if leaf is not None]
    if not all(isinstance(array, nd.NDArray) and not array.asnumpy().any() for array in arrays):
        return {}
    return {
        name: replace(
            call,
            states=_zeros(call.states, call.features.shape[1], features.shape[1]),
            features=features,
            labels=labels,
            start=None,
        )
        for name, (features, labels) in data.items()
    }


def _zeros(states: Any, num_features: int, wanted: int) -> Any:
    """Return states of zeros in which the weights have another number of features."""

    def zeros(state: nd.NDArray) -> nd.NDArray:
        return nd.zeros((wanted, 1) if state.shape == (num_features, 1) else state.shape)

    return map_arrays(zeros, states)
