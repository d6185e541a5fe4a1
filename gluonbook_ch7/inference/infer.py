"""Inference from a recorded loss curve: is it a draw of the stated call, and if not, of which?

The order of the minibatches of a recorded run is lost, so its losses are one draw. The confidence
interval of a hyperparameter inverts the test of this draw: it holds the values that are not
rejected when each of them is taken for the stated one, the other hyperparameters being as stated.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt

from .._mxnet import nd
from ..errors import ArgumentError
from ..experiments.sides import find_states
from ..training import Rule
from .alternatives import Call
from .curvetest import RUNS, CurveTest, Group
from .results import LEVEL, Inference, Interval

Curve = npt.NDArray[np.float64]
CLOSE = float(np.log(100))
ROUNDING = 1e-6  # how far below the minimum a loss may be printed
POWER = 0.9
FINE = 0.04  # how far apart on the scale the last accepted and the first rejected value may be
ROUNDS = 5  # of trying more values


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
        The stated hyperparameters, numbers; an optimizer of Gluon's has its defaults for others.
    states : sequence of NDArray, or of sequences of NDArray, or callable, optional
        The rule's states before the first step, or a function that makes them from the features.
        By default those that `compare` finds.
    start : (weights, bias), optional
        Where the run began, arrays of shape (k, 1) and (1,). By default every run has a start of
        its own, as in `fit_scratch`.
    other_data : dict of str to (features, labels), optional
        Other data that the run might have been trained on, by a name for each. Data with another
        number of features are skipped if `states` are arrays.
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
        states = find_states(rule)
    call = Call(rule, states, dict(hyperparams), features, labels, batch_size, num_epochs, start)
    return draw_inference(losses, CurveTest(call, other_data, call.train(range(runs))))


def draw_inference(losses: Any, test: CurveTest) -> Inference:
    """Do what `infer` does, with an existing test."""
    losses = _checked(losses, test)
    curve = test.coordinates(losses[None, 1:])
    intervals = {name: _interval(test, curve, name) for name in test.grids}
    return Inference(
        p=float(test.p_values(curve)[0]),
        runs=len(test.stated.fresh),
        likelier=_likelier(test, curve, intervals.values()),
        intervals=intervals,
        first_losses=(float(losses[0]), test.first_loss),
        limitation=test.limitation,
    )


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
    minimum = test.coordinates.minimum
    if curve.min() < minimum - ROUNDING:
        raise ArgumentError(
            f"losses[{curve.argmin()}] is {curve.min():.6f}; on these {call.features.shape[1]} "
            f"features {minimum:.6f} is the smallest loss of any linear model"
        )
    return curve


def _likelier(test: CurveTest, curve: Curve, intervals: Iterable[Interval]) -> tuple[str, ...]:
    """Return in words the best alternatives of all groups, if they are close to the best of all."""
    found = [
        (float(each.log_likelihoods.max()), f"{each.name} ≈ {each.likeliest:.3g}")
        for each in intervals
    ]
    stated = test.stated.log_density(curve)[0]
    for group in test.others:
        ratios = {words: each.log_density(curve)[0] - stated for words, each in group.items()}
        found.append(max((ratio, words) for words, ratio in ratios.items()))
    found.sort(reverse=True)
    return tuple(words for ratio, words in found if ratio > max(0.0, found[0][0] - CLOSE))


def _interval(test: CurveTest, curve: Curve, name: str) -> Interval:
    """Return what a curve (1, m) says about a hyperparameter."""
    scale, grid = test.scales[name], test.grids[name]
    tried = {**grid, scale.stated: test.stated}
    for _ in range(ROUNDS):
        edges = [scale.place(np.array(edge)) for edge in _edges(test, curve, tried)]
        middles = [float(scale.value(edge.mean())) for edge in edges if np.ptp(edge) > FINE]
        if not middles:
            break
        tried.update(test.vary(name, middles))
    # The first rejected values: with the last accepted ones the interval would be too short.
    (_, low), (_, high) = _edges(test, curve, tried)
    values = np.array(sorted(tried))
    log_likelihoods = np.array([tried[value].log_density(curve)[0] for value in sorted(tried)])
    top = values[log_likelihoods.argmax()]
    is_empty = test.p_values(curve, tried[top])[0] <= LEVEL
    below = sorted((value for value in grid if value < scale.stated), reverse=True)
    above = sorted(value for value in grid if value > scale.stated)
    return Interval(
        name=name,
        stated=scale.stated,
        likeliest=float(scale.value(_vertex(scale.place(values), log_likelihoods))),
        low=None if is_empty else low,
        high=None if is_empty else high,
        noticed=(_noticed(test, name, below), _noticed(test, name, above)),
        values=values,
        log_likelihoods=log_likelihoods - test.stated.log_density(curve)[0],
    )


def _edges(test: CurveTest, curve: Curve, tried: Group) -> Iterator[tuple[float, float]]:
    """Yield the two values between which the lower end of the interval lies, then the upper end.

    They are the last accepted value, going out from the likeliest, and the first rejected one; if
    none is rejected, the last value, given twice.
    """
    values = sorted(tried)
    top = values.index(max(values, key=lambda value: tried[value].log_density(curve)[0]))
    for ahead in (values[top::-1], values[top:]):
        edges = (
            (inside, outside)
            for inside, outside in zip(ahead, ahead[1:])
            if test.p_values(curve, tried[outside])[0] <= LEVEL
        )
        yield next(edges, (ahead[-1], ahead[-1]))


def _noticed(test: CurveTest, name: str, values: Sequence[float]) -> Optional[float]:
    """Return the value closest to the stated one that the test notices in `POWER` of the runs.

    Between the values, each farther than the one before, the power is interpolated; None if it is
    not reached.
    """
    scale = test.scales[name]
    before, power_before = scale.stated, LEVEL
    for value in values:
        power = float(np.mean(test.p_values(test.grids[name][value].fresh) <= LEVEL))
        if power >= POWER:
            places = scale.place(np.array([before, value]))
            return float(scale.value(np.interp(POWER, [power_before, power], places)))
        before, power_before = value, power
    return None


def _vertex(places: Curve, log_likelihoods: Curve) -> float:
    """Return the vertex of the parabola through the largest likelihood and its neighbours."""
    top = int(np.argmax(log_likelihoods))
    if top in (0, len(places) - 1):
        return float(places[top])
    three = slice(top - 1, top + 2)
    square, linear, _ = np.polyfit(places[three] - places[top], log_likelihoods[three], 2)
    return float(places[top] - linear / (2 * square))
