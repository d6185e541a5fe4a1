"""What the chapter runner is told about the calls of the book's functions.

The book's functions print and draw. To judge what they did, the runner also needs their arguments
and results: it appends a function to one of these lists, which are empty otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

from ._trees import map_arrays


@dataclass(frozen=True)
class TrainingCall:
    """The arguments of ``train_ch7`` or ``train_gluon_ch7``, as they were before the first step."""

    rule: Any  # the update rule, or the name of Gluon's optimizer
    states: Any  # None for Gluon
    hyperparams: Any
    features: Any
    labels: Any
    batch_size: int = 10
    num_epochs: int = 2

    def copied(self) -> "TrainingCall":
        """Return the call with copies of what training changes, if anybody is observing."""
        if not on_training:
            return self
        values = {**vars(self), "states": map_arrays(lambda state: state.copy(), self.states)}
        if isinstance(self.hyperparams, Mapping):
            values["hyperparams"] = dict(self.hyperparams)
        return TrainingCall(**values)


# Called with a `TrainingCall` and the `LossCurve` that it gave.
on_training: list[Callable[[TrainingCall, Any], None]] = []

# Called with where the data that were loaded came from.
on_data: list[Callable[[str], None]] = []

# Called with the two-dimensional rule and the trace that it gave.
on_descent: list[Callable[[Callable[..., Any], list[tuple[float, float]]], None]] = []


def notify_training(call: TrainingCall, curve: Any) -> None:
    """Tell the observers about a finished training."""
    for observe in on_training:
        observe(call, curve)


def notify_data(origin: str) -> None:
    """Tell the observers where the data came from."""
    for observe in on_data:
        observe(origin)
