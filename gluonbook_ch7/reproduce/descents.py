"""Recorded descents in two dimensions whose rule draws random numbers."""

from collections.abc import Sequence
from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt

from .chance import p_value
from .losses import Outcome
from .observer import Descent, apart
from .verdict import Verdict

__all__ = ["examine_descent", "is_random"]

Array = npt.NDArray[Any]


def is_random(descent: Descent) -> bool:
    """Return True if the descent takes another way when it is repeated."""
    first, second = apart(lambda: [np.array(descent.repeat()) for _ in range(2)])
    return not np.array_equal(first, second)


def examine_descent(
    descent: Descent,
    trace: Optional[Sequence[Sequence[float]]] = None,
    end: Optional[Sequence[float]] = None,
) -> tuple[Optional[Outcome], Optional[Outcome]]:
    """Judge a recorded trace, and the recorded point at which it ended, each as one draw of many.

    Parameters
    ----------
    descent : Descent
        The same call, observed in the rerun; one that `is_random`.
    trace : sequence of (float, float), optional
    end : (float, float), optional
        As printed.
    """

    def draw(runs: int) -> Array:
        def repeat() -> list[Any]:
            np.random.seed(0)
            return [descent.repeat() for _ in range(runs)]

        return np.array(apart(repeat), np.float64)

    same_length = trace is not None and len(trace) == len(descent.trace)
    # The first point is where every descent begins.
    steps = np.ravel(trace[1:]) if trace is not None and same_length else None
    return (
        _judge(steps, lambda runs: draw(runs)[:, 1:].reshape(runs, -1)),
        _judge(end, lambda runs: draw(runs)[:, -1]),
    )


def _judge(observed: Any, draw: Callable[[int], Array]) -> Optional[Outcome]:
    if observed is None:
        return None
    p, sample = p_value(observed, draw)
    basis = f"random; p = {p:.2g} among {len(sample):,} repetitions"
    return Outcome(Verdict.CONSISTENT, basis, {"p": p, "runs": len(sample)})
