"""Random outputs: how ordinary a recorded one is among many of its kind, as a p-value."""

from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt

from .verdict import LEVEL

Array = npt.NDArray[Any]
View = Callable[[Array], Array]

RUNS = 1000
MORE_RUNS = 5000
SMALL = 0.02  # at or below this p-value, more runs are drawn before a verdict


def runs_to_accuse(outputs: int) -> int:
    """Return how many runs can show that one of a chapter's random outputs is different.

    Among n runs the smallest p-value is 1 / (n + 1), which `hold_together` compares with
    LEVEL / outputs. Returns twice as many runs as that needs, and at least `MORE_RUNS`.
    """
    return max(MORE_RUNS, round(2 * outputs / LEVEL))


def conformal_p(observed: Any, sample: Array, view: Optional[View] = None) -> float:
    """Return how ordinary an observed curve (m,) is among a sample of curves (n, m), as a p-value.

    Null hypothesis: the observed curve is one more draw from the distribution of the sample.

    The observed curve joins the sample; p is the share of this pool whose Mahalanobis distance from
    the pool's mean is at least the observed one's. Under the hypothesis every rank is equally
    likely, whatever the distribution, so P(p ≤ α) ≤ α (conformal prediction; Vovk, Gammerman and
    Shafer 2005). Curves that are not finite are ranked as one group. A `view` turns curves into
    coordinates (n, k) in which other differences show; the farther of a curve's distances counts.
    """
    pool = np.vstack([np.asarray(observed, np.float64), sample])
    finite = np.isfinite(pool).all(axis=1)
    if not finite[0]:
        return float(np.mean(~finite))
    curves = pool[finite]
    ranks = _ranks(curves)
    if view:
        ranks = np.minimum(ranks, _ranks(view(curves)))
    return int((ranks <= ranks[0]).sum()) / len(pool)


def _ranks(curves: Array) -> Array:
    """Return how many of some curves are at least as far from their mean as each of them is."""
    # A curve's squared distance is its leverage: the squared norm of its left singular row.
    left, scales, _ = np.linalg.svd(curves - curves.mean(axis=0), full_matrices=False)
    distances = (left[:, scales > 1e-9 * scales[0]] ** 2).sum(axis=1)
    return np.asarray(len(curves) - np.searchsorted(np.sort(distances), distances - 1e-12))


def p_value(
    observed: Any,
    draw: Callable[[int], Array],
    view: Optional[View] = None,
    more_runs: int = MORE_RUNS,
) -> tuple[float, Array]:
    """Return the p-value of an observed curve (m,), and the sample (n, m) that it was ranked in.

    `draw` is called for a sample of `RUNS`; where that gives a small p, for one of `more_runs`.
    """
    for runs in (RUNS, more_runs):
        sample = draw(runs)
        p = conformal_p(observed, sample, view)
        if p > SMALL:
            break
    return p, sample
