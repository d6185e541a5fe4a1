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
from .scale import Scale, has_scale


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

    def losses_per_epoch(self) -> int:
        """Return how many losses are recorded in an epoch."""
        steps = range(steps_per_epoch(len(self.labels), self.batch_size))
        return sum(is_checkpoint(i, self.batch_size) for i in steps)


def with_free_hyperparams(call: Call) -> tuple[Call, dict[str, Scale]]:
    """Return a call whose hyperparameters may differ from run to run, and their scales.

    The scales, by names in the given call, have the names in the new one. Gluon's optimizers take
    numbers only, so one that has a counterpart among the chapter's rules is replaced by it; of
    their differences only the short last minibatch is large enough to matter.
    """
    given, names = call.hyperparams, {name: name for name in call.hyperparams}
    if isinstance(call.rule, str):
        counterparts = [
            rule
            for rule in RULES.values()
            if rule.gluon == call.rule.lower() and given.keys() <= set(rule.gluon_names.values())
        ]
        if not counterparts:
            return call, {}
        rule = counterparts[0]
        given = {**default_hyperparams(rule.gluon), **given}
        names = {gluons: ours for ours, gluons in rule.gluon_names.items()}
        own = {**rule.hyperparams, **{ours: given[gluons] for gluons, ours in names.items()}}
        call = replace(call, rule=rule.step, states=rule.states, hyperparams=own, count_rows=False)
    return call, {
        name: Scale(own, float(call.hyperparams[own]))
        for name, own in names.items()
        if has_scale(own, call.hyperparams[own])
    }


def other_calls(
    call: Call, data: Mapping[str, tuple[nd.NDArray, nd.NDArray]]
) -> list[dict[str, Call]]:
    """Return groups of calls that give as many losses: with other batch sizes, rules and `data`.

    The sizes take at most twice the work, and the rules are the chapter's, as it trains with them.
    Other data are trained on from any start; states that are arrays must fit them.
    """
    size = call.batch_size
    sizes = {
        f"minibatches of {other}": replace(call, batch_size=other)
        for other in sorted({size // 2, 2 * size, size * 5 // 2, 5 * size} - {0, size})
    }
    is_gluons = isinstance(call.rule, str)
    own = call.rule.lower() if is_gluons else getattr(call.rule, "__name__", "")
    rules = {
        name: replace(call, rule=rule.step, states=rule.states, hyperparams=dict(rule.hyperparams))
        for name, rule in RULES.items()
        if own != (rule.gluon if is_gluons else name)
    }
    fits_any = call.states is None or callable(call.states)
    tasks = {
        name: replace(call, features=features, labels=labels, start=None)
        for name, (features, labels) in data.items()
        if fits_any or features.shape[1] == call.features.shape[1]
    }
    length = call.losses_per_epoch()
    alike = [
        {words: other for words, other in group.items() if other.losses_per_epoch() == length}
        for group in (sizes, rules, tasks)
    ]
    return [group for group in alike if group]
