"""The likelihood of a loss curve: ensembles as Gaussians, in coordinates that suit them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

ROUNDING = 1e-7  # of a float32 loss, relative
FARTHEST = 1e6  # standard deviations; where diverging runs are cut off


@dataclass(frozen=True)
class Coordinates:
    """Coordinates in which one ensemble's curves are uncorrelated, with mean 0 and variance 1.

    They start from the cube root of the loss above its minimum. That excess is a sum of squares of
    nearly normal numbers, and the cube root of such a sum is nearly normal itself (Wilson and
    Hilferty 1931). Unlike the logarithm it also exists at the minimum.
    """

    minimum: float  # the smallest loss that the model can have
    mean: Array  # (m,)
    whitening: Array  # (m, m)

    @classmethod
    def of(cls, losses: npt.NDArray[Any], minimum: float) -> "Coordinates":
        """Return the coordinates that suit an ensemble of finite curves (runs, m)."""
        roots = _roots(losses, minimum)
        mean = roots.mean(axis=0)
        # Below the rounding of float32 losses nothing can be told apart.
        root = np.maximum(mean, 1e-3)
        rounding = ROUNDING * (root**3 + minimum) / (3 * root**2)
        scale = np.maximum(roots.std(axis=0), rounding)
        return cls(minimum, mean, _whitening((roots - mean) / scale) / scale[:, None])

    def __call__(self, losses: npt.NDArray[Any]) -> Array:
        """Return curves (runs, m) in these coordinates."""
        with np.errstate(invalid="ignore"):
            whitened: Array = (_roots(losses, self.minimum) - self.mean) @ self.whitening
        return np.nan_to_num(np.clip(whitened, -FARTHEST, FARTHEST), nan=FARTHEST)


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


def _roots(losses: npt.NDArray[Any], minimum: float) -> Array:
    """Return the cube root of the loss above the minimum, which rounding can undercut."""
    with np.errstate(invalid="ignore"):
        roots: Array = np.cbrt(np.maximum(losses.astype(np.float64) - minimum, 0))
    return roots


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
