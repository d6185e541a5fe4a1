"""The calls: what the book's training functions were called with, and the curve they gave."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Union
from unittest.mock import patch

from .. import training
from .._mxnet import nd
from ..training import LossCurve, Rule

__all__ = ["TrainingCall", "observe_training"]


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

    def observed_scratch(
        rule: Rule, states: Any, hyperparams: dict[str, Any], *data_and_sizes: Any
    ) -> LossCurve:
        before = _copy(states), dict(hyperparams)
        curve = fit_scratch(rule, states, hyperparams, *data_and_sizes)
        observe(TrainingCall(rule, *before, *data_and_sizes, curve))
        return curve

    def observed_gluon(name: str, hyperparams: dict[str, Any], *data_and_sizes: Any) -> LossCurve:
        curve = fit_gluon(name, hyperparams, *data_and_sizes)
        observe(TrainingCall(name, None, dict(hyperparams), *data_and_sizes, curve))
        return curve

    # The book's functions look these two up when they are called.
    with patch.multiple(training, fit_scratch=observed_scratch, fit_gluon=observed_gluon):
        yield


def _copy(states: Any) -> Any:
    """Copy the arrays in `states`, which training is about to change in place."""
    if isinstance(states, nd.NDArray):
        return states.copy()
    if isinstance(states, (tuple, list)):
        return type(states)(_copy(state) for state in states)
    return states
