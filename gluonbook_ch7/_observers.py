"""How the chapter runner learns of calls of the book's functions.

The book's functions print and draw. To judge what they did, the runner also needs their arguments
and results: it appends a function to one of these lists, which are empty otherwise.
"""

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
        """Return the call with copies of its arrays and dicts."""
        return TrainingCall(**map_arrays(lambda array: array.copy(), vars(self)))


class Observers(list[Callable[..., None]]):
    """Functions to call on an event."""

    def notify(self, *event: Any) -> None:
        """Call each function with what happened."""
        for observe in self:
            observe(*event)


on_training = Observers()  # called with a `TrainingCall` and the `LossCurve` that it gave
on_data = Observers()  # with where the data that were loaded came from
on_descent = Observers()  # with a two-dimensional rule and the trace that it gave
