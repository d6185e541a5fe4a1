"""Random outputs: how ordinary a recorded one is among many of its kind, as a p-value."""

from collections.abc import Sequence
from typing import Any, Callable

import numpy as np
import numpy.typing as npt

from .verdict import LEVEL

Array = npt.NDArray[Any]
View = Callable[[Array], Array]

RUNS = 1000
MORE_RUNS = 5000
SMALL = 0.02
"""At or below this p-value, more runs are drawn before a verdict."""


def runs_to_accuse(outputs: int) -> int:
    """Return how many runs can show that one of a chapter's random outputs is different.

    Among n runs the smallest p-value is 1 / (n + 1), and `hold_together` calls the most unusual of
    m outputs different if its p-value is at most LEVEL / m. Twice as many runs as that needs, and
    at least `MORE_RUNS`.
    """
    return max(MORE_RUNS, round(2 * outputs / LEVEL))


def conformal_p(observed: Any, sample: Array, views: Sequence[View] = ()) -> float:
    """Return how ordinary an observed curve (m,) is among a sample of curves (n, m), as a p-value.

    Null hypothesis: the observed curve is one more draw from the distribution of the sample.

    The observed curve joins the sample; p is the share of this pool whose Mahalanobis distance
    from the pool's mean is at least the observed one's. If the observed curve is one more draw,
    every rank is equally likely, whatever the distribution, so P(p ≤ α) ≤ α (conformal prediction;
    Vovk, Gammerman and Shafer 2005). Curves that are not finite are ranked as one group.

    Each of the `views` turns curves (n, m) into coordinates (n, k) in which other differences show.
    A curve is then as far out as it is in the view in which it is farthest; p is the rank of that.
    """
    pool = np.vstack([np.asarray(observed, np.float64), sample])
    finite = np.isfinite(pool).all(axis=1)
    if not finite[0]:
        return float(np.mean(~finite))
    curves = pool[finite]
    ranks = np.min([_ranks(each) for each in (curves, *(view(curves) for view in views))], axis=0)
    return int((ranks <= ranks[0]).sum()) / len(pool)


def _ranks(curves: Array) -> Array:
    """Return how many of some curves are at least as far from their mean as each of them is."""
    # A curve's squared distance is its leverage: the squared norm of its left singular row.
    left, scales, _ = np.linalg.svd(curves - curves.mean(axis=0), full_matrices=False)
    distances = (left[:, scales > 1e-9 * scales[0]] ** 2).sum(axis=1)
    ranks: Array = len(curves) - np.searchsorted(np.sort(distances), distances - 1e-12)
    return ranks


def p_value(
    observed: Any,
    draw: Callable[[int], Array],
    views: Sequence[View] = (),
    more_runs: int = MORE_RUNS,
) -> tuple[float, Array]:
    """Return the p-value of an observed curve (m,), and the sample that it was ranked in.

    `draw` returns a sample of the given size, (runs, m): first of `RUNS`, and where that gives a
    small p, of `more_runs`. For `views` see `conformal_p`.
    """
    sample = draw(RUNS)
    p = conformal_p(observed, sample, views)
    if p <= SMALL:
        sample = draw(more_runs)
        p = conformal_p(observed, sample, views)
    return p, sample
