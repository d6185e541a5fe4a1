"""Alternatives to a training call: what else a recorded run might have been.

Each is the call with one thing changed: a hyperparameter, the size of the minibatches, the rule or
the data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from .._mxnet import nd
from .._observers import TrainingCall
from .._optimizers import default_hyperparams
from .._sampling import is_checkpoint, steps_per_epoch
from ..experiments.ensemble import fit_ensemble
from ..experiments.registry import RULES
from .scale import has_scale


@dataclass(frozen=True)
class Call(TrainingCall):
    """A training call as `fit_ensemble` takes it, to be repeated with other shuffles."""

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

    The names are given for each hyperparameter that has a `Scale`, by its name in the given call.
    Gluon's optimizers take numbers only, so one that has a counterpart among the chapter's rules is
    replaced by it; of their differences only the short last minibatch is large enough to matter.
    """
    names = {name: name for name in call.hyperparams}
    if isinstance(call.rule, str):
        call, names = _from_scratch(call, call.rule.lower())
    return call, {name: own for name, own in names.items() if has_scale(own, call.hyperparams[own])}


def _from_scratch(call: Call, gluon: str) -> tuple[Call, dict[str, str]]:
    """Return the counterpart of a call of Gluon's, and its names of Gluon's hyperparameters.

    Those that are not given have Gluon's defaults. Without a counterpart there are no names.
    """
    for rule in RULES.values():
        names = {gluons: ours for ours, gluons in rule.gluon_names.items()}
        if rule.gluon == gluon and call.hyperparams.keys() <= names.keys():
            given = {**default_hyperparams(gluon), **call.hyperparams}
            own = {**rule.hyperparams, **{ours: given[name] for name, ours in names.items()}}
            call = replace(call, rule=rule.step, states=rule.states, count_rows=False)
            return replace(call, hyperparams=own), names
    return call, {}


def other_sizes(call: Call) -> dict[str, Call]:
    """Return calls with other batch sizes that give as many losses, at most twice the work."""

    def checkpoints(size: int) -> int:
        """Return after how many minibatches of an epoch the loss is recorded."""
        return sum(is_checkpoint(i, size) for i in range(steps_per_epoch(len(call.labels), size)))

    size = call.batch_size
    return {
        f"minibatches of {other}": replace(call, batch_size=other)
        for other in (size // 2, 2 * size, size * 5 // 2, 5 * size)
        if other not in (0, size) and checkpoints(other) == checkpoints(size)
    }


def other_rules(call: Call) -> dict[str, Call]:
    """Return calls of the chapter's other rules, as the chapter trains with them."""
    is_gluons = isinstance(call.rule, str)
    own = call.rule.lower() if is_gluons else getattr(call.rule, "__name__", "")
    return {
        rule.name: replace(
            call, rule=rule.step, states=rule.states, hyperparams=dict(rule.hyperparams)
        )
        for rule in RULES.values()
        if own != (rule.gluon if is_gluons else rule.name)
    }


def other_data(call: Call, data: Mapping[str, tuple[nd.NDArray, nd.NDArray]]) -> dict[str, Call]:
    """Return calls on other data, from any start; states that are arrays must fit the data."""
    fits_any = call.states is None or callable(call.states)
    return {
        name: replace(call, features=features, labels=labels, start=None)
        for name, (features, labels) in data.items()
        if fits_any or features.shape[1] == call.features.shape[1]
    }
