"""Inference from a recorded loss curve: is it a draw of the stated call, and if not, of which?

The order of the minibatches of a recorded run is lost, so its losses are one draw.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt

from .._mxnet import nd
from ..errors import ArgumentError
from ..experiments.registry import rule_of
from ..training import Rule
from .alternatives import Call
from .curvetest import RUNS, CurveTest
from .intervals import Interval, find_intervals

Curve = npt.NDArray[np.float64]
CLOSE = float(np.log(100))
ROUNDING = 1e-6  # how far below the minimum a loss may be printed


@dataclass(frozen=True)
class Inference:
    """What a loss curve says about the call that gave it.

    Attributes
    ----------
    p : float
        The p-value of the stated call.
    runs : int
        How many fresh runs of the stated call the curve was ranked among.
    likelier : tuple of str
        What would make the curve likelier than the stated call, the best first, such as
        ``("lr ≈ 0.02", "gamma ≈ 0.99")``. Alternatives that make it a hundred times less likely
        than the best are left out.
    intervals : dict of str to Interval
        One for each hyperparameter that could be varied.
    first_losses : (float, float or None)
        The curve's loss before training, and that of the given start. It depends on the start
        alone and has no part in the p-value.
    limitation : str
        Why there are no alternatives and p rests on the Mahalanobis distance alone; empty if there
        are.
    """

    p: float
    runs: int
    likelier: tuple[str, ...]
    intervals: dict[str, Interval]
    first_losses: tuple[float, Optional[float]]
    limitation: str = ""


def infer(
    losses: Any,
    rule: Union[Rule, str],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
    *,
    hyperparams: Mapping[str, Any],
    states: Any = None,
    start: Optional[tuple[Any, Any]] = None,
    other_data: Optional[Mapping[str, tuple[nd.NDArray, nd.NDArray]]] = None,
    runs: int = RUNS,
) -> Inference:
    """Infer from a recorded loss curve whether a stated call gave it, and with which values.

    Parameters
    ----------
    losses : array_like, shape (m,)
        The recorded losses, the one before training first.
    rule : callable or str
        An update rule as `fit_scratch` takes it, or the name of a Gluon optimizer.
    features, labels, batch_size, num_epochs
        As in `fit_scratch`.
    hyperparams : dict
        The stated hyperparameters, numbers.
    states : sequence of NDArray, or of sequences of NDArray, or callable, optional
        The rule's states before the first step, or a function that makes them from the features;
        not needed for the chapter's own rules.
    start : (weights, bias), optional
        Where the run began, arrays of shape (k, 1) and (1,). By default every run has a start of
        its own, as in `fit_scratch`.
    other_data : dict of str to (features, labels), optional
        Other data that the run might have been trained on, by a name for each. Data with another
        number of features are passed over if `states` are arrays.
    runs : int
        How many fresh runs of the stated call the curve is ranked among.

    Returns
    -------
    Inference

    Raises
    ------
    ArgumentError
        If the curve has another length than the call gives, holds a number that is not finite, or
        lies below the smallest loss that the model can have; or if `fit_ensemble` raises it.

    Notes
    -----
    The alternatives are: each learning rate, momentum and decay from a tenth to ten times the
    stated value or across its domain, other sizes of the minibatches, the chapter's other rules,
    and `other_data`. An interval holds the values whose own test does not reject the curve.
    """
    if states is None and not isinstance(rule, str):
        known = rule_of(rule)
        states = known.states if known else None
    call = Call(rule, states, dict(hyperparams), features, labels, batch_size, num_epochs, start)
    return draw_inference(losses, CurveTest(call, other_data or {}, runs))


def draw_inference(losses: Any, test: CurveTest) -> Inference:
    """Do what `infer` does, with a test that is made already."""
    losses = _checked(losses, test)
    curve = test.coordinates(losses[None, 1:])
    intervals = find_intervals(test, curve)
    return Inference(
        p=float(test.p_values(curve)[0]),
        runs=len(test.fresh),
        likelier=_likelier(test, curve, intervals.values()),
        intervals=intervals,
        first_losses=(float(losses[0]), test.first_loss),
        limitation=test.limitation,
    )


def _likelier(test: CurveTest, curve: Curve, intervals: Iterable[Interval]) -> tuple[str, ...]:
    """Return in words the best alternatives of all groups, if they are close to the best of all."""
    found = [
        (float(each.log_likelihoods.max()), f"{each.name} ≈ {each.likeliest:.3g}")
        for each in intervals
    ]
    stated = test.stated.log_density(curve)[0]
    for group in test.others:
        found.append(max((point.log_density(curve)[0] - stated, point.words) for point in group))
    found.sort(reverse=True)
    return tuple(words for ratio, words in found if ratio > max(0.0, found[0][0] - CLOSE))


def _checked(losses: Any, test: CurveTest) -> Curve:
    """Return a curve as an array; raise `ArgumentError` if the call cannot have given it."""
    try:
        curve = np.asarray(losses, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("losses must be a sequence of numbers") from None
    call = test.call
    if curve.shape != (test.length,):
        raise ArgumentError(
            f"losses has the shape {curve.shape}; {call.num_epochs} epochs in minibatches of "
            f"{call.batch_size} give {test.length} losses, the one before training first"
        )
    if not np.isfinite(curve).all():
        place = int(np.argmin(np.isfinite(curve)))
        raise ArgumentError(f"losses[{place}] is {curve[place]}; every loss must be finite")
    if curve.min() < test.minimum - ROUNDING:
        raise ArgumentError(
            f"losses[{curve.argmin()}] is {curve.min():.6f}; on these {call.features.shape[1]} "
            f"features {test.minimum:.6f} is the smallest loss of any linear model"
        )
    return curve
