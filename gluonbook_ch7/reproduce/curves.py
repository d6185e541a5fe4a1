"""A recorded loss curve, judged by the test that has alternatives in mind."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Callable

import numpy as np
import numpy.typing as npt

from .._observers import TrainingCall
from . import chance
from .alternatives import Call
from .curvetest import CurveTest
from .inference import Inference, draw_inference

__all__ = ["infer_curve"]

Array = npt.NDArray[Any]


def infer_curve(
    call: TrainingCall, weights: Array, losses: Sequence[float], draw: Callable[[int], Array]
) -> Inference:
    """Return what a recorded curve says about the call that is stated to have given it.

    Parameters
    ----------
    call : TrainingCall
    weights : ndarray, shape (k, 1)
        From which the recorded run began.
    losses : sequence of float, length m
    draw : callable
        Returns the curves of as many runs of the call, each with another shuffle: (runs, m). Where
        the first `chance.RUNS` give a small p, `chance.MORE_RUNS` are drawn.

    Raises
    ------
    ArgumentError
        If the call cannot have given the curve, or diverges.
    """
    stated = Call(**vars(call), start=(weights, np.zeros(1, np.float32)))
    test = CurveTest(stated, sample=draw(chance.RUNS))
    inference = draw_inference(losses, test)
    if inference.p > chance.SMALL:
        return inference
    more = replace(test.stated, fresh=test.coordinates(draw(chance.MORE_RUNS)[:, 1:]))
    p = test.p_values(test.coordinates(np.array([losses[1:]])), more)
    return replace(inference, p=float(p[0]), runs=chance.MORE_RUNS)
