"""Confidence intervals for hyperparameters, by inverting the test of a loss curve; and its power.

The values of an interval are those that the test does not reject when each of them is taken for the
stated one, the other hyperparameters being as stated.
"""

from dataclasses import dataclass, replace
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from .curvetest import LEVEL, CurveTest, Point

__all__ = ["Trace", "noticed", "trace"]

Curves = npt.NDArray[np.float64]

POWER = 0.9
FINE = 0.04  # how far apart the last accepted and the first rejected place may be
ROUNDS = 5  # of trying more values
HOPELESS = 30.0  # a log-likelihood ratio that no fresh run would reach


@dataclass(frozen=True)
class Trace:
    """A curve's likelihood along one hyperparameter.

    Attributes
    ----------
    points : list of Point
        In order of their places.
    log_likelihoods : ndarray, shape (points,)
        Relative to the stated call's.
    likeliest : float
        The place of the largest likelihood, interpolated.
    ends : (float, float) or None
        The places between which the test does not reject; None if it rejects everywhere.
    """

    points: list[Point]
    log_likelihoods: Curves
    likeliest: float
    ends: Optional[tuple[float, float]]


def trace(test: CurveTest, curve: Curves) -> dict[str, Trace]:
    """Follow the likelihood of a curve (1, m) along each hyperparameter, and invert the test."""
    searches = {name: _Search(test, name, curve) for name in test.scales}
    for _ in range(ROUNDS):
        wanted = [(name, place) for name, each in searches.items() for place in each.refine()]
        if not wanted:
            break
        # All together, because a training call takes about as long for a few runs as for many.
        for (name, _), point in zip(wanted, test.vary(wanted)):
            searches[name].add(point)
    return {name: each.result() for name, each in searches.items()}


class _Search:
    """The search for the values of one hyperparameter that the test does not reject."""

    def __init__(self, test: CurveTest, name: str, curve: Curves) -> None:
        self.test = test
        self.curve = curve
        scale = test.scales[name]
        self.stated = replace(test.stated, place=scale.place(scale.stated))
        self.points = [*test.grids[name], self.stated]
        self.margins: dict[float, float] = {}

    def add(self, point: Point) -> None:
        self.points.append(point)

    def likelihood(self, point: Point) -> float:
        return point.log_likelihood(self.curve)

    @property
    def likeliest(self) -> Point:
        return max(self.points, key=self.likelihood)

    def margin(self, point: Point) -> float:
        """Return by how much the score exceeds what the test accepts if a point is the truth."""
        if point.place not in self.margins:
            far = self.likelihood(self.likeliest) - self.likelihood(point)
            margin = far if far > HOPELESS else self.test.margin(self.curve, point)
            self.margins[point.place] = margin
        return self.margins[point.place]

    def neighbour(self, point: Point, direction: int) -> Optional[Point]:
        """Return the next point below (-1) or above (1), if there is one."""
        beyond = [each for each in self.points if direction * (each.place - point.place) > 0]
        return min(beyond, key=lambda each: abs(each.place - point.place), default=None)

    def edge(self, direction: int) -> tuple[Point, Optional[Point]]:
        """Return the last accepted point from the likeliest on, and the rejected one after it."""
        inside = self.likeliest
        outside = self.neighbour(inside, direction)
        while outside is not None and self.margin(outside) <= 0:
            inside, outside = outside, self.neighbour(outside, direction)
        return inside, outside

    def refine(self) -> list[float]:
        """Return the places to try next."""
        best = self.likeliest
        if self.margin(best) > 0:
            pairs = [(best, self.neighbour(best, -1)), (best, self.neighbour(best, 1))]
        else:
            pairs = [self.edge(-1), self.edge(1)]
        places = [(a.place, b.place) for a, b in pairs if b is not None]
        return [
            (inside + outside) / 2 for inside, outside in places if abs(outside - inside) > FINE
        ]

    def end(self, direction: int) -> float:
        """Return the place of the first rejected value; the last one of all if none is.

        An end between the accepted and the rejected value would make the interval too short.
        """
        inside, outside = self.edge(direction)
        return inside.place if outside is None else outside.place

    def result(self) -> Trace:
        accepted = self.margin(self.likeliest) <= 0
        points = sorted(self.points, key=lambda point: point.place)
        likelihoods = np.array([self.likelihood(point) for point in points])
        ends = (self.end(-1), self.end(1)) if accepted else None
        likeliest = _vertex(np.array([point.place for point in points]), likelihoods)
        return Trace(points, likelihoods - self.likelihood(self.stated), likeliest, ends)


def _vertex(places: Curves, likelihoods: Curves) -> float:
    """Return the vertex of the parabola through the largest likelihood and its neighbours."""
    top = int(np.argmax(likelihoods))
    if top in (0, len(places) - 1):
        return float(places[top])
    three = slice(top - 1, top + 2)
    square, linear, _ = np.polyfit(places[three] - places[top], likelihoods[three], 2)
    return float(places[top] - linear / (2 * square))


def noticed(test: CurveTest, name: str) -> tuple[Optional[float], Optional[float]]:
    """Return the closest values below and above the stated one that the test mostly notices.

    That is at level `LEVEL` in `POWER` of the runs. Between the values of the grid the power is
    interpolated; None if it is not reached.
    """
    scale = test.scales[name]
    stated = scale.place(scale.stated)
    points = test.grids[name]
    steps = np.array([point.place - stated for point in points])
    p = test.p_values(np.concatenate([point.fresh for point in points]))
    powers = (p.reshape(len(points), -1) <= LEVEL).mean(axis=1)
    ends = []
    for direction in (-1, 1):
        step = _first_step(direction * steps, powers)
        ends.append(None if step is None else scale.value(stated + direction * step))
    below, above = reversed(ends) if scale.is_fraction else ends
    return below, above


def _first_step(steps: npt.NDArray[Any], powers: npt.NDArray[Any]) -> Optional[float]:
    """Return the smallest positive step at which the interpolated power reaches `POWER`."""
    before, power_before = 0.0, LEVEL
    for step, power in sorted(zip(steps.tolist(), powers.tolist())):
        if step <= 0:
            continue
        if power >= POWER:
            share = (POWER - power_before) / (power - power_before)
            return float(before + (step - before) * share)
        before, power_before = step, power
    return None
