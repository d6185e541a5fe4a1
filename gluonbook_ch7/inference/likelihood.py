"""The likelihood of a loss curve: ensembles as Gaussians, in coordinates that suit them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

ROUNDING = 1e-7  # of a float32 loss, relative
FARTHEST = 1e6  # standard deviations; where diverging runs are cut off


class Coordinates:
    """Coordinates in which the finite curves of an ensemble are uncorrelated, with variance 1.

    They start from the cube root of the loss above the `minimum` that the model can have. That
    excess is a sum of squares of nearly normal numbers, and the cube root of such a sum is nearly
    normal itself (Wilson and Hilferty 1931). Unlike the logarithm it also exists at the minimum.
    """

    def __init__(self, losses: npt.NDArray[Any], minimum: float) -> None:
        self.minimum = minimum
        roots = self._roots(losses)
        self._mean = roots.mean(axis=0)
        # Below the rounding of float32 losses nothing can be told apart.
        root = np.maximum(self._mean, 1e-3)
        rounding = ROUNDING * (root**3 + minimum) / (3 * root**2)
        scale = np.maximum(roots.std(axis=0), rounding)
        self._whitening = _whitening((roots - self._mean) / scale) / scale[:, None]

    @np.errstate(invalid="ignore")  # in runs that diverged
    def __call__(self, losses: npt.NDArray[Any]) -> Array:
        """Return curves (runs, m) in these coordinates."""
        whitened: Array = (self._roots(losses) - self._mean) @ self._whitening
        return np.nan_to_num(np.clip(whitened, -FARTHEST, FARTHEST), nan=FARTHEST)

    def _roots(self, losses: npt.NDArray[Any]) -> Array:
        """Return the cube root of the loss above the minimum, which rounding can undercut."""
        roots: Array = np.cbrt(np.maximum(losses.astype(np.float64) - self.minimum, 0))
        return roots


@dataclass(frozen=True, eq=False)
class Gaussian:
    """The curves of a call as a Gaussian, in the coordinates that suit the stated call."""

    mean: Array  # (m,)
    whitening: Array  # (m, m)
    fresh: Array  # curves (runs, m) that the Gaussian was not fitted to; there may be none

    @classmethod
    def fit(cls, curves: Array, fresh: Array) -> "Gaussian":
        """Return the Gaussian of an ensemble of curves (runs, m)."""
        mean = curves.mean(axis=0)
        return cls(mean, _whitening(curves - mean), fresh)

    def log_density(self, curves: Array, spread: float = 1.0) -> Array:
        """Return the logarithm of the density at each curve: (runs,), up to a constant of m alone.

        With `spread` all standard deviations are that many times as large.
        """
        whitening = self.whitening / spread
        squared_distances = (((curves - self.mean) @ whitening) ** 2).sum(axis=1)
        log_densities: Array = np.log(np.diag(whitening)).sum() - squared_distances / 2
        return log_densities


def _whitening(deviations: Array) -> Array:
    """Return a matrix whose product with its transpose is the inverse of the covariance.

    The covariance of the centred curves (runs, m) is shrunk toward a multiple of the identity by as
    much as Ledoit and Wolf (2004), A well-conditioned estimator for large-dimensional covariance
    matrices. In `Coordinates` the identity is the covariance of the ensemble that they suit, so an
    alternative to it is taken to differ no more than it shows.
    """
    runs, size = deviations.shape
    covariance = deviations.T @ deviations / runs
    target = np.trace(covariance) / size * np.eye(size)
    distance = ((covariance - target) ** 2).sum()
    noise = ((deviations**2).sum(axis=1) ** 2).sum() / runs**2 - (covariance**2).sum() / runs
    shrinkage = min(max(noise / distance, 0.0), 1.0) if distance > 0 else 1.0
    covariance = (1 - shrinkage) * covariance + shrinkage * target
    covariance += 1e-12 * (target + np.eye(size))  # where nothing is random at all
    whitening: Array = np.linalg.inv(np.linalg.cholesky(covariance)).T
    return whitening
