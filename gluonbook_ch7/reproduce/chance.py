"""Random outputs: how ordinary a recorded one is among many of its kind, as a p-value."""

from typing import Any, Callable

import numpy as np
import numpy.typing as npt

__all__ = ["MORE_RUNS", "RUNS", "conformal_p", "p_value"]

RUNS = 1000
MORE_RUNS = 20_000
SMALL = 0.02
"""The p-value from which on more runs are drawn before anything is said."""


def conformal_p(observed: Any, sample: npt.NDArray[Any]) -> float:
    """Return how ordinary an observed curve is among a sample of curves, as a p-value.

    Null hypothesis: the observed curve is one more draw from the distribution of the sample.

    The observed curve joins the sample; p is the share of this pool whose Mahalanobis distance
    from the pool's mean is at least the observed one's. If the observed curve is one more draw,
    every rank is equally likely, whatever the distribution, so P(p ≤ α) ≤ α (conformal prediction;
    Vovk, Gammerman and Shafer 2005). Curves that are not finite are a kind of their own.

    Parameters
    ----------
    observed : array_like, shape (m,)
    sample : ndarray, shape (n, m)

    Returns
    -------
    float
        In [1 / (n + 1), 1].
    """
    pool = np.vstack([np.asarray(observed, np.float64), sample])
    finite = np.isfinite(pool).all(axis=1)
    if not finite[0]:
        return float(np.mean(~finite))
    curves = pool[finite]
    # A curve's squared distance is its leverage: the squared norm of its left singular row.
    left, scales, _ = np.linalg.svd(curves - curves.mean(axis=0), full_matrices=False)
    distances = (left[:, scales > 1e-9 * scales[0]] ** 2).sum(axis=1)
    return int((distances >= distances[0] - 1e-12).sum()) / len(pool)


def p_value(
    observed: Any, draw: Callable[[int], npt.NDArray[Any]]
) -> tuple[float, npt.NDArray[Any]]:
    """Return the p-value of an observed curve, and the sample that it was ranked in.

    Parameters
    ----------
    observed : array_like, shape (m,)
    draw : callable
        Returns a sample of the given size, shape (runs, m).
        The first sample has `RUNS`. Where it gives a small p, one of `MORE_RUNS` is drawn.
    """
    sample = draw(RUNS)
    p = conformal_p(observed, sample)
    if p <= SMALL:
        sample = draw(MORE_RUNS)
        p = conformal_p(observed, sample)
    return p, sample
