"""What one training run gives: its losses, the parameters that it learned, and their path."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from ._mxnet import nd
from ._results import Result, Table, some_of
from .errors import DivergenceWarning
from .figures import plot_loss, plt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False, repr=False)
class LossCurve(Result):
    """The full-batch losses of one run, and what it learned.

    Two are equal (``==``) if they are the same run; how long it took does not count.

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
    settings : dict
        ``rule``, ``hyperparams`` (before the first step), ``batch_size``, ``num_epochs``, ``seed``,
        the name of the ``data``, and the ``versions`` of Python and the libraries.
    path : ndarray, shape (steps + 1, k + 1), float32, or None
        With ``keep_path=True``, the weights and, last in each row, the bias: before the first step
        and after each.
    """

    start: tuple[Floats, Floats]
    epochs: npt.NDArray[np.float64]
    losses: Floats
    seconds_per_epoch: float = field(compare=False)
    weights: Floats
    bias: float
    settings: Mapping[str, Any]
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

    def _summary(self) -> str:
        rule, seed, epochs = (self.settings[name] for name in ("rule", "seed", "num_epochs"))
        run = rule if seed is None else f"{rule}, seed {seed}"
        end = f"to {self.losses[-1]:.6f}" if len(self.losses) > 1 else "before training"
        seconds = f"{self.seconds_per_epoch:.3g} s"
        return f"{run}: loss {self.losses[0]:.6f} {end}, {epochs} epochs of {seconds}"

    def _table(self) -> Table:
        shown = some_of(len(self.losses))
        rows = [(f"{self.epochs[i]:.2f}", f"{self.losses[i]:.6f}") for i in shown]
        return ("epoch", "loss"), rows

    def plot(self, ax: Optional[Axes] = None) -> Axes:
        """Plot the loss curve as the book does, into the given axes or a new figure."""
        axes = plt.figure().gca() if ax is None else ax
        plot_loss(self.epochs, self.losses, axes)
        return axes


class Recorder:
    """Keeps the parameters of a run: the first ones and, with `keep_path`, those after each step.

    The weights are (k, 1) or (1, k), the bias is (1,); training changes them in place.
    """

    def __init__(self, w: nd.NDArray, b: nd.NDArray, keep_path: bool) -> None:
        self.w = w
        self.b = b
        self.keep_path = keep_path
        self._start = w.asnumpy().reshape(-1, 1), b.asnumpy()
        self.path = [self._point()] if keep_path else []  # of arrays (steps, k + 1)

    def _point(self) -> nd.NDArray:
        return nd.concat(self.w.reshape((1, -1)), self.b.reshape((1, 1)), dim=1)

    def after(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """Return a step function that also records the parameters, if the path is kept."""

        def step_and_record(*arguments: Any) -> None:
            step(*arguments)
            self.path.append(self._point())

        return step_and_record if self.keep_path else step

    def curve(self, losses: Floats, seconds: float, settings: Mapping[str, Any]) -> LossCurve:
        """Return the finished run."""
        return LossCurve(
            start=self._start,
            epochs=np.linspace(0, settings["num_epochs"], len(losses)),
            losses=losses,
            seconds_per_epoch=seconds,
            weights=self.w.asnumpy().ravel(),
            bias=float(self.b.asscalar()),
            settings=settings,
            path=nd.concat(*self.path, dim=0).asnumpy() if self.keep_path else None,
        )
