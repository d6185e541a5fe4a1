"""What one training run gives: its losses, what it learned, and the way it went."""

import warnings
from dataclasses import dataclass
from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt

from ._mxnet import nd
from .errors import DivergenceWarning

__all__ = ["LossCurve", "Recorder"]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LossCurve:
    """The full-batch losses of one run, and what it learned.

    Attributes
    ----------
    start : (ndarray (k, 1), ndarray (1,)), float32
        The weights and the bias before the first step.
    epochs : ndarray, shape (m,), float64
        Where the book plots each loss: evenly from 0 to the number of epochs.
    losses : ndarray, shape (m,), float32
        The mean of `squared_loss` over all examples, before training and at each checkpoint.
    seconds_per_epoch : float
        The duration of the last epoch, as the book prints it.
    weights : ndarray, shape (k,), float32
    bias : float
        After the last step.
    path : ndarray, shape (steps + 1, k + 1), float32, or None
        With ``keep_path=True``, the weights and, last in each row, the bias: before the first step
        and after each.
    """

    start: tuple[Floats, Floats]
    epochs: npt.NDArray[np.float64]
    losses: Floats
    seconds_per_epoch: float
    weights: Floats
    bias: float
    path: Optional[Floats] = None

    @property
    def diverged_at(self) -> Optional[int]:
        """The first checkpoint whose loss is not finite, or None."""
        not_finite = np.flatnonzero(~np.isfinite(self.losses))
        return int(not_finite[0]) if len(not_finite) else None

    def warn_if_diverged(self, stacklevel: int) -> None:
        """Warn (`DivergenceWarning`) if the loss stopped being finite."""
        if self.diverged_at is None:
            return
        remedy = "try a smaller learning rate" if self.diverged_at else "standardise the data"
        warnings.warn(
            f"the run diverged: from checkpoint {self.diverged_at} of {len(self.losses) - 1} on "
            f"(checkpoint 0 is the start) the loss is not a finite number; {remedy}",
            DivergenceWarning,
            stacklevel=stacklevel + 1,
        )


class Recorder:
    """Keeps the parameters of a run: the first ones and, with `keep_path`, those after each step.

    Parameters
    ----------
    w, b : NDArray
        The weights, (k, 1) or (1, k), and the bias (1,), which training changes in place.
    keep_path : bool
    """

    def __init__(self, w: nd.NDArray, b: nd.NDArray, keep_path: bool) -> None:
        self.w = w
        self.b = b
        self.keep_path = keep_path
        self._start = w.asnumpy().reshape(-1, 1), b.asnumpy()
        self._path: list[nd.NDArray] = []
        self.record()

    def record(self) -> None:
        """Append the parameters to the path."""
        if self.keep_path:
            self.extend(nd.concat(self.w.reshape((1, -1)), self.b.reshape((1, 1)), dim=1))

    def extend(self, rows: nd.NDArray) -> None:
        """Append the parameters after several steps, (steps, k + 1), to the path."""
        self._path.append(rows)

    def after(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """Return a step function that also records the parameters, if the path is kept."""
        if not self.keep_path:
            return step

        def step_and_record(*arguments: Any) -> None:
            step(*arguments)
            self.record()

        return step_and_record

    def curve(self, losses: Floats, seconds: float, num_epochs: int) -> LossCurve:
        """Return the finished run."""
        return LossCurve(
            start=self._start,
            epochs=np.linspace(0, num_epochs, len(losses)),
            losses=losses,
            seconds_per_epoch=seconds,
            weights=self.w.asnumpy().ravel(),
            bias=float(self.b.asscalar()),
            path=nd.concat(*self._path, dim=0).asnumpy() if self.keep_path else None,
        )
