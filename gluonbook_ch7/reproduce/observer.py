"""The calls: what the book's functions were called with, and what they gave."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Union
from unittest.mock import patch

from .. import data, training
from .._mxnet import nd
from ..data import Ch7Data
from ..experiments.ensemble import Ensemble, fit_ensemble
from ..training import LossCurve, Rule

__all__ = ["TrainingCall", "observe_data", "observe_training", "shuffles_of"]


@dataclass(frozen=True)
class TrainingCall:
    """One call of ``train_ch7`` or ``train_gluon_ch7``, as it was before the first step.

    Attributes
    ----------
    rule : callable or str
        The update rule, or the name of Gluon's optimizer.
    states : sequence of NDArray, or of sequences of NDArray, or None
        The rule's states, copied before training changed them; None for Gluon.
    hyperparams : dict
        Copied likewise.
    features, labels, batch_size, num_epochs
        As in `fit_scratch`.
    curve : LossCurve
        What the call's own run gave, its starting point included.
    """

    rule: Union[Rule, str]
    states: Any
    hyperparams: dict[str, Any]
    features: nd.NDArray
    labels: nd.NDArray
    batch_size: int
    num_epochs: int
    curve: LossCurve


@contextmanager
def observe_training(observe: Callable[[TrainingCall], None]) -> Iterator[None]:
    """Hand every call of the book's training functions to `observe` while the context lasts."""
    fit_scratch, fit_gluon = training.fit_scratch, training.fit_gluon

    def observed_scratch(*args: Any, **options: Any) -> LossCurve:
        call = _arguments(fit_scratch, args, options)
        before = _copy(call["states"]), dict(call["hyperparams"])
        curve = fit_scratch(*args, **options)
        observe(TrainingCall(call["trainer_fn"], *before, *_task(call), curve))
        return curve

    def observed_gluon(*args: Any, **options: Any) -> LossCurve:
        call = _arguments(fit_gluon, args, options)
        hyperparams = dict(call["trainer_hyperparams"])
        curve = fit_gluon(*args, **options)
        observe(TrainingCall(call["trainer_name"], None, hyperparams, *_task(call), curve))
        return curve

    # The book's functions look these two up when they are called.
    with patch.multiple(training, fit_scratch=observed_scratch, fit_gluon=observed_gluon):
        yield


def _arguments(function: Callable[..., Any], args: Any, options: Any) -> dict[str, Any]:
    """Return what a function is called with, by name, defaults included."""
    call = inspect.signature(function).bind(*args, **options)
    call.apply_defaults()
    return call.arguments


def _task(call: dict[str, Any]) -> tuple[Any, Any, int, int]:
    return call["features"], call["labels"], call["batch_size"], call["num_epochs"]


def _copy(states: Any) -> Any:
    """Copy the arrays in `states`, which training is about to change in place."""
    if isinstance(states, nd.NDArray):
        return states.copy()
    if isinstance(states, (tuple, list)):
        return type(states)(_copy(state) for state in states)
    return states


@contextmanager
def observe_data(observe: Callable[[Ch7Data], None]) -> Iterator[None]:
    """Hand everything that `get_data_ch7` loads to `observe` while the context lasts."""

    def observed(*values: Any) -> Ch7Data:
        loaded = Ch7Data(*values)
        observe(loaded)
        return loaded

    # Every load ends by making one of these. A wrapper around the function itself would be the
    # place that its warnings point at.
    with patch.object(data, "Ch7Data", observed):
        yield


def shuffles_of(call: TrainingCall, runs: int) -> Ensemble:
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
