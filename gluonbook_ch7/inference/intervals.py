"""Confidence intervals for hyperparameters, by inverting the test of a loss curve; and its power.

The values of an interval are those that the test does not reject when each of them is taken for the
stated one, the other hyperparameters being as stated.
"""

import functools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Optional

import numpy as np
import numpy.typing as npt

from .likelihood import Point

if TYPE_CHECKING:
    from .curvetest import CurveTest

Array = npt.NDArray[np.float64]

LEVEL = 0.01
POWER = 0.9
FINE = 0.04  # how far apart the last accepted and the first rejected place may be
ROUNDS = 5  # of trying more values


@dataclass(frozen=True)
class Interval:
    """What a loss curve says about one hyperparameter, the others being as stated.

    Attributes
    ----------
    name : str
    stated : float
    likeliest : float
        The value under which the curve is most likely.
    low, high : float or None
        The 99 % confidence interval: outside of it, a test at level 0.01 rejects every value. None
        if it rejects all of them. The ends are the first rejected values that were tried, at most a
        tenth too far out. An end at a tenth or ten times the stated value is where the search
        ended.
    noticed : (float or None, float or None)
        The closest values below and above the stated one that the test would notice in nine runs of
        ten. None if there is none in the range of the search.
    values, log_likelihoods : ndarray, shape (k,)
        The likelihood of the curve over the values that were tried, relative to the stated one's.
    """

    name: str
    stated: float
    likeliest: float
    low: Optional[float]
    high: Optional[float]
    noticed: tuple[Optional[float], Optional[float]]
    values: Array = field(repr=False)
    log_likelihoods: Array = field(repr=False)


def find_intervals(test: "CurveTest", curve: Array) -> dict[str, Interval]:
    """Return what a curve (1, m) says about each hyperparameter that can be varied."""
    searches = {name: _Search(test, name, curve) for name in test.scales}
    for _ in range(ROUNDS):
        wanted = [(name, place) for name, each in searches.items() for place in each.refine()]
        if not wanted:
            break
        # All together, because a training call takes about as long for a few runs as for many.
        for (name, _), point in zip(wanted, test.vary(wanted)):
            searches[name].points.append(point)
    return {name: each.result() for name, each in searches.items()}


class _Search:
    """The search for the values of one hyperparameter that the test does not reject."""

    def __init__(self, test: "CurveTest", name: str, curve: Array) -> None:
        self.test = test
        self.scale = test.scales[name]
        self.grid = test.grids[name]
        self.stated = replace(test.stated, place=self.scale.place(self.scale.stated))
        self.points = [*self.grid, self.stated]
        self.curve = curve
        self.is_rejected = functools.cache(self._is_rejected)

    def _is_rejected(self, point: Point) -> bool:
        """Return True if the test rejects a point that is taken for the stated one."""
        return bool(self.test.p_values(self.curve, point)[0] <= LEVEL)

    def likelihood(self, point: Point) -> float:
        return float(point.log_density(self.curve)[0])

    @property
    def likeliest(self) -> Point:
        return max(self.points, key=self.likelihood)

    def neighbour(self, point: Point, direction: int) -> Optional[Point]:
        """Return the next point below (-1) or above (1), if there is one."""
        beyond = [each for each in self.points if direction * (each.place - point.place) > 0]
        return min(beyond, key=lambda each: abs(each.place - point.place), default=None)

    def edge(self, direction: int) -> tuple[Point, Optional[Point]]:
        """Return the last accepted point from the likeliest on, and the rejected one after it.

        If the likeliest is rejected itself, return it and its neighbour.
        """
        inside = self.likeliest
        outside = self.neighbour(inside, direction)
        while outside is not None and not self.is_rejected(outside):
            inside, outside = outside, self.neighbour(outside, direction)
        return inside, outside

    def refine(self) -> list[float]:
        """Return the places to try next."""
        places = [(a.place, b.place) for a, b in map(self.edge, (-1, 1)) if b is not None]
        return [
            (inside + outside) / 2 for inside, outside in places if abs(outside - inside) > FINE
        ]

    def end(self, direction: int) -> Optional[float]:
        """Return the first rejected value; the last one of all if none is; None if all are.

        An end between the accepted and the rejected value would make the interval too short.
        """
        if self.is_rejected(self.likeliest):
            return None
        inside, outside = self.edge(direction)
        return self.scale.value((outside or inside).place)

    def result(self) -> Interval:
        below, above = (1, -1) if self.scale.is_fraction else (-1, 1)  # on the scale
        points = sorted(self.points, key=lambda point: above * point.place)
        log_likelihoods = np.array([self.likelihood(point) for point in points])
        likeliest = _vertex(np.array([point.place for point in points]), log_likelihoods)
        return Interval(
            name=self.scale.name,
            stated=self.scale.stated,
            likeliest=self.scale.value(likeliest),
            low=self.end(below),
            high=self.end(above),
            noticed=(self.noticed(below), self.noticed(above)),
            values=np.array([self.scale.value(point.place) for point in points]),
            log_likelihoods=log_likelihoods - self.likelihood(self.stated),
        )

    def noticed(self, direction: int) -> Optional[float]:
        """Return the value closest to the stated one that the test notices in `POWER` of the runs.

        Between the values of the grid the power is interpolated; None if it is not reached.
        """
        stated = self.stated.place
        beyond = [point for point in self.grid if direction * (point.place - stated) > 0]
        before, power_before = stated, LEVEL
        for point in sorted(beyond, key=lambda point: direction * point.place):
            power = float(np.mean(self.test.p_values(point.fresh) <= LEVEL))
            if power >= POWER:
                share = (POWER - power_before) / (power - power_before)
                return self.scale.value(before + (point.place - before) * share)
            before, power_before = point.place, power
        return None


def _vertex(places: Array, likelihoods: Array) -> float:
    """Return the vertex of the parabola through the largest likelihood and its neighbours."""
    top = int(np.argmax(likelihoods))
    if top in (0, len(places) - 1):
        return float(places[top])
    three = slice(top - 1, top + 2)
    square, linear, _ = np.polyfit(places[three] - places[top], likelihoods[three], 2)
    return float(places[top] - linear / (2 * square))
