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
from .._sampling import is_checkpoint
from ..experiments.ensemble import fit_ensemble
from ..experiments.registry import RULES
from ..training import Rule
from .scale import FRACTIONS, RATES


@dataclass(frozen=True)
class Call:
    """A training call as `fit_ensemble` takes it, to be repeated with other shuffles."""

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
        changed = replace(self, hyperparams={**self.hyperparams, **hyperparams})
        return fit_ensemble(**vars(changed), seeds=seeds).losses


def with_free_hyperparams(call: Call) -> tuple[Call, dict[str, str]]:
    """Return a call whose hyperparameters may differ from run to run, and their names in it.

    Named are, by their names in the given call, those that have a number on a `Scale`. Gluon's
    optimizers take numbers only. One that has a counterpart among the chapter's rules is replaced
    by it; of their `Difference` only the short last minibatch is large enough to matter.
    """
    varied = [name for name in call.hyperparams if _can_vary(name, call.hyperparams[name])]
    if not isinstance(call.rule, str):
        return call, {name: name for name in varied}
    for rule in RULES.values():
        names = {gluons: ours for ours, gluons in rule.gluon_names.items()}
        if rule.gluon == call.rule.lower() and set(names) == set(call.hyperparams):
            hyperparams = {ours: call.hyperparams[name] for name, ours in names.items()}
            own_scratch = replace(
                call,
                rule=rule.step,
                states=rule.states,
                hyperparams={**rule.hyperparams, **hyperparams},
                count_rows=False,
            )
            return own_scratch, {name: names[name] for name in varied}
    return call, {}


def _can_vary(name: str, value: Any) -> bool:
    if not isinstance(value, numbers.Real):
        return False
    number = float(value)
    return (name in RATES and 0 < number < np.inf) or (name in FRACTIONS and 0 <= number <= 1)


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
    return sum(is_checkpoint(i, batch_size) for i in range(-(-num_examples // batch_size)))


def other_rules(call: Call) -> dict[str, Call]:
    """Return calls of the chapter's other rules, as the chapter trains with them."""
    if isinstance(call.rule, str):
        others = [rule for rule in RULES.values() if rule.gluon != call.rule.lower()]
    else:
        own = getattr(call.rule, "__name__", "")
        others = [rule for rule in RULES.values() if rule.name != own]
    return {
        rule.name: replace(
            call, rule=rule.step, states=rule.states, hyperparams=dict(rule.hyperparams)
        )
        for rule in others
    }


def other_data(call: Call, data: Mapping[str, tuple[nd.NDArray, nd.NDArray]]) -> dict[str, Call]:
    """Return calls on other data, from any start; states that are arrays must fit the data."""
    fits_any = call.states is None or callable(call.states)
    return {
        name: replace(call, features=features, labels=labels, start=None)
        for name, (features, labels) in data.items()
        if fits_any or features.shape[1] == call.features.shape[1]
    }
