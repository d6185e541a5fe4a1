"""Where a recorded training started: which edition of the data, and which draw of the generator.

The first loss of a run depends on the data and on the starting weights alone. MXNet's generator
starts every process in the same state, so the weights are the first draw, the second (if the cell
before drew too, or the cell was run again), and so on; in the order of Linux or of macOS, whose C++
libraries return the two normal numbers of a pair in different order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from .._sampling import fresh_starts
from ..experiments.objective import full_batch_losses, smallest_loss

DRAWS = 50  # of a fresh process, in which a start is searched for
SCALE = 0.01  # the standard deviation of the starting weights
PRECISION = 5e-7  # relative; how much another order of summing can change a float32 loss

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Start:
    """A starting point, or many."""

    weights: Array  # (k, 1) or (runs, k, 1)
    draw: int = 0  # which draw of a fresh process it is, counted from 1; 0 if it is none
    system: str = "Linux"  # or "macOS"

    @property
    def words(self) -> str:
        """Where the start comes from, for a reader."""
        where = " on macOS" if self.system == "macOS" else ""
        return f"draw {self.draw} of a fresh process{where}"


def first_losses(features: Array, labels: Array, weights: Array) -> Array:
    """Return the losses before training: (runs,), for weights (runs, k, 1) and a bias of zero."""
    return full_batch_losses(np.pad(weights[..., 0], [(0, 0), (0, 1)]), features, labels)


def known_starts(num_features: int) -> list[Start]:
    """Return the first 50 draws of a fresh process, on Linux and on macOS."""
    return [
        Start(weights, draw, system)
        for system in ("Linux", "macOS")
        for draw, weights in enumerate(fresh_starts(DRAWS, num_features, system), start=1)
    ]


def find_start(
    features: Array, labels: Array, loss: float, resolution: float = 0.0
) -> Optional[Start]:
    """Return the draw of a fresh process whose first loss is the given one, or None.

    The loss is known to within `resolution` and float32 rounding.
    """
    starts = known_starts(features.shape[1])
    weights = np.stack([start.weights for start in starts])
    differences = np.abs(first_losses(features, labels, weights) - loss)
    nearest = differences.argmin()
    is_found = differences[nearest] <= PRECISION * abs(loss) + resolution
    return starts[nearest] if is_found else None


def starts_with_loss(features: Array, labels: Array, loss: float, runs: int) -> Optional[Start]:
    """Draw starting weights at random among those that have a given first loss.

    Ordinary draws are moved along the gradient to that loss; None if that is too far.
    """
    weights = SCALE * np.random.RandomState(0).normal(size=(runs, features.shape[1], 1))
    gradient = -(features.T.astype(np.float64) @ labels.reshape(-1, 1)) / len(labels)
    length = np.linalg.norm(gradient)
    direction = gradient / length
    across = weights - (direction.T @ weights) * direction
    along = np.zeros((runs, 1, 1))
    for _ in range(20):  # Newton's steps; the loss is nearly linear so close to zero
        error = first_losses(features, labels, across + along * direction) - loss
        along -= error.reshape(-1, 1, 1) / length
    if not np.abs(along).max() < 6 * SCALE:
        return None
    return Start((across + along * direction).astype(np.float32))


def find_edition(
    data: dict[str, tuple[Array, Array]],
    first_losses: Sequence[float],
    printed: Sequence[float],
) -> tuple[str, str]:
    """Return the edition of the data with which a chapter was recorded, and the reason.

    `data` has the features and labels of each edition; `first_losses` and `printed` are the losses
    before training and the last ones. Edition and reason are empty if these do not tell.
    """
    found = {
        edition: [loss for loss in first_losses if find_start(*task, loss)]
        for edition, task in data.items()
    }
    best, losses = max(found.items(), key=lambda item: len(item[1]))
    if losses:
        count = data[best][0].shape[1]
        return best, f"{count} features: the first loss {losses[0]:.8f} is edition {best}'s"
    lowest = min((loss for loss in printed if np.isfinite(loss)), default=np.inf)
    minimum, old_minimum = (smallest_loss(*data[edition]) for edition in ("1.0", "0.7"))
    if minimum <= lowest < old_minimum:
        reason = f"the loss {lowest:.6f} is less than 4 features can reach, {old_minimum:.6f}"
        return "1.0", f"5 features: {reason}"
    return "", ""
