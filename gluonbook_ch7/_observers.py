"""What the chapter runner is told about the calls of the book's functions.

The book's functions print and draw; to judge what they did, the runner needs their arguments and
their results. It appends a function to one of these lists, which are empty otherwise.
"""

from dataclasses import dataclass
from typing import Any, Callable

__all__ = ["TrainingCall", "on_data", "on_descent", "on_training"]


@dataclass(frozen=True)
class TrainingCall:
    """The arguments of ``train_ch7`` or ``train_gluon_ch7``, as they were before the first step.

    Attributes
    ----------
    rule : callable or str
        The update rule, or the name of Gluon's optimizer.
    states : sequence of NDArray, or of sequences of NDArray, or None
        The rule's states, copied; None for Gluon.
    hyperparams : dict
        Copied likewise.
    features, labels, batch_size, num_epochs
        As in `fit_scratch`.
    """

    rule: Any
    states: Any
    hyperparams: dict[str, Any]
    features: Any
    labels: Any
    batch_size: int
    num_epochs: int


# Called with a `TrainingCall` and the `LossCurve` that it gave.
on_training: list[Callable[[TrainingCall, Any], None]] = []

# Called with the `Ch7Data` that was loaded.
on_data: list[Callable[[Any], None]] = []

# Called with the two-dimensional rule and the trace that it gave.
on_descent: list[Callable[[Callable[..., Any], list[tuple[float, float]]], None]] = []
