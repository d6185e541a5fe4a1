"""How far two optimizers are apart, step by step, and where they part."""

from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple, Optional

import numpy as np
import numpy.typing as npt

from .._results import Result, Table, some_of

Floats = npt.NDArray[np.float32]

# Two runs whose weights never differ by more are the same to rounding.
LIMIT = 1e-6

# How many units in the last place of a step's largest weight may be rounding alone: the chapter's
# rules and Gluon's, aligned, were at most 59 apart in 240 runs, 239 of them at most 22.
ROUNDING_ULPS = 64


class Parting(NamedTuple):
    """The first step after which a parameter differs by more than rounding."""

    seed: int
    step: int  # counted from 1 over all epochs
    parameter: str  # the one that differs most: "weight 0", "weight 1", …, or "bias"
    difference: float
    ulps: float  # the same in units in the last place of the step's largest weight

    def __str__(self) -> str:
        return (
            f"from step {self.step} on {self.parameter} differs, first by "
            f"{short_number(self.difference)}, {self.ulps:,.0f} ulps (seed {self.seed})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Gap(Result):
    """How far two optimizers are apart after every step, for each seed.

    The statistic is the median over the seeds of the largest difference of any parameter. The
    maximum would depend on a single seed: one whose first gradient of a weight happens to be almost
    zero, so that ε decides that weight's first step.

    Attributes
    ----------
    seeds : tuple of int
    differences : ndarray, shape (seeds, steps + 1, k + 1), float64
        The size of the difference of each weight and, last, the bias; NaN once a run diverged.
    scale : ndarray, shape (seeds, steps + 1), float32
        The largest weight of either run at that step.
    """

    seeds: tuple[int, ...]
    differences: npt.NDArray[np.float64]
    scale: Floats

    @property
    def absolute(self) -> npt.NDArray[np.float64]:
        """The largest difference of any parameter at each step: (seeds, steps + 1)."""
        return np.asarray(self.differences.max(axis=-1))

    @property
    def so_far(self) -> npt.NDArray[np.float64]:
        """The largest difference up to each step: (seeds, steps + 1)."""
        return np.asarray(np.fmax.accumulate(self.absolute, axis=1))

    @property
    def largest_of_each(self) -> npt.NDArray[np.float64]:
        """The largest difference at any step, for each seed."""
        return self.so_far[:, -1]

    @property
    def largest(self) -> float:
        """The median of `largest_of_each`."""
        return float(np.median(self.largest_of_each))

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest of `largest_of_each`."""
        return float(self.largest_of_each.min()), float(self.largest_of_each.max())

    @property
    def worst(self) -> float:
        """The largest of `largest_of_each`."""
        return self.range[1]

    @property
    def worst_seed(self) -> int:
        """The seed whose difference is `worst`."""
        return self.seeds[int(np.argmax(self.largest_of_each))]

    @property
    def relative(self) -> float:
        """`largest`, with each step in units of its largest weight."""
        return self._largest_in(np.where(self.scale > 0, self.scale, np.inf))

    @property
    def ulps(self) -> float:
        """`largest`, with each step in units in the last place of its largest weight."""
        return self._largest_in(np.spacing(self.scale))

    def _largest_in(self, units: npt.NDArray[Any]) -> float:
        """Return `largest` in units (seeds, steps + 1) that differ from step to step."""
        return float(np.median(np.fmax.reduce(self.absolute / units, axis=1)))

    def first_over(self, limit: float = LIMIT) -> Optional[int]:
        """Return the first step whose median of `so_far` is larger than a limit, or None."""
        steps = np.flatnonzero(np.median(self.so_far, axis=0) > limit)
        return int(steps[0]) if len(steps) else None

    @property
    def is_rounding(self) -> bool:
        """Whether no seed has a difference of more than 1e-6."""
        return self.worst <= LIMIT

    @property
    def partings(self) -> tuple[Optional[Parting], ...]:
        """Where each seed's runs part, or None if all that separates them is rounding."""
        return tuple(map(self._parting, range(len(self.seeds))))

    def _parting(self, i: int) -> Optional[Parting]:
        ulps = self.absolute[i] / np.spacing(self.scale[i])
        steps = np.flatnonzero(ulps > ROUNDING_ULPS)
        if self.largest_of_each[i] <= LIMIT or not len(steps):
            return None
        step = int(steps[0])
        differences = self.differences[i, step]
        at = int(np.argmax(differences))
        parameter = "bias" if at == len(differences) - 1 else f"weight {at}"
        return Parting(self.seeds[i], step, parameter, float(differences[at]), float(ulps[step]))

    @property
    def parting(self) -> Optional[Parting]:
        """The first of `partings`, or None."""
        return min(filter(None, self.partings), key=attrgetter("step", "seed"), default=None)

    @property
    def size(self) -> str:
        """The largest difference in words."""
        return f"{short_number(self.worst)} at most, {ulps_number(self.ulps)} ulps"

    def numbers(self) -> dict[str, Any]:
        """Return a summary of the steps and the seeds."""
        return {
            "median": self.largest,
            "smallest": self.range[0],
            "largest": self.range[1],
            "worst_seed": self.worst_seed,
            "relative": self.relative,
            "ulps": self.ulps,
            "first_step_over_1e-6": self.first_over(),
        }

    def _summary(self) -> str:
        low, high = map(short_number, self.range)
        return (
            f"largest difference {short_number(self.largest)}, median of {len(self.seeds)} seeds "
            f"({low} to {high}); {self.ulps:,.1f} ulps"
        )

    def _table(self) -> Table:
        steps = some_of(self.differences.shape[1])
        low, middle, high = np.percentile(self.so_far, [0, 50, 100], axis=0)
        rows = [(str(i), *map(short_number, (middle[i], low[i], high[i]))) for i in steps]
        return ("up to step", "median of the seeds", "lowest", "highest"), rows


def measure_gap(seeds: tuple[int, ...], ours: Floats, theirs: Floats) -> Gap:
    """Return how far two optimizers' paths, (seeds, steps + 1, k + 1), are apart."""
    finite = (np.isfinite(ours) & np.isfinite(theirs)).all(axis=-1, keepdims=True)
    a, b = np.where(finite, ours, np.nan), np.where(finite, theirs, np.nan)
    scale = np.maximum(np.abs(a), np.abs(b)).max(axis=-1)
    return Gap(seeds, np.abs(a.astype(np.float64) - b), scale)


def ulps_number(value: float) -> str:
    """Return a number of units in the last place, such as ``3.0`` or ``2.2e5``."""
    if value >= 1e5:
        return short_number(value)
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def short_number(value: float) -> str:
    """Return a number with two digits, such as ``2.2e-2``, or 0."""
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent and value else f"{value:g}"
