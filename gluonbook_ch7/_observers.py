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


# Called with:
on_training: list[Callable[[Any, Any], None]] = []  # a `TrainingCall`, the `LossCurve` it gave
on_data: list[Callable[[str], None]] = []  # where the data that were loaded came from
on_descent: list[Callable[[Any, Any], None]] = []  # a two-dimensional rule, the trace it gave
