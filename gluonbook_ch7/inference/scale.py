"""The scale on which the values of a hyperparameter are compared."""

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

RATES = ("lr", "eta", "learning_rate")
FRACTIONS = ("mom", "momentum", "gamma", "gamma1", "rho")  # between 0 and 1
# How far the alternatives are from the stated value, as powers of ten.
STEPS = np.array([-1.0, -0.5, -0.25, -0.12, -0.05, 0.05, 0.12, 0.25, 0.5, 1.0])
CLOSEST_TO_1 = 3.0  # 0.999


def has_scale(name: str, value: Any) -> bool:
    """Return True if a hyperparameter has a number that other values can be compared with."""
    if not isinstance(value, numbers.Real):
        return False
    number = float(value)
    return (name in RATES and 0 < number < np.inf) or (name in FRACTIONS and 0 <= number <= 1)


@dataclass(frozen=True)
class Scale:
    """A hyperparameter's values on a logarithmic scale, as numbers or arrays.

    Rates are taken as log10(value). Decays and momentum act through their distance from 1, so they
    are taken as -log10(1 - value), which also grows with the value.
    """

    name: str
    stated: float

    def place(self, value: Any) -> Any:
        """Return where a value is on the scale."""
        if self.name in FRACTIONS:
            return -np.log10(np.maximum(1 - value, 10**-CLOSEST_TO_1))
        return np.log10(value)

    def value(self, place: Any) -> Any:
        """Return the value at a place on the scale."""
        return 1 - 10.0**-place if self.name in FRACTIONS else 10.0**place

    def alternatives(self) -> list[float]:
        """Return other values: from a tenth to ten times the stated one, or from 0 to 0.999."""
        stated = self.place(self.stated)
        places = stated + STEPS
        if self.name in FRACTIONS:
            first = [0.0] if self.stated > 0 else []
            last = [CLOSEST_TO_1] if stated + 1 < CLOSEST_TO_1 else []
            places = [*first, *places[(places > 0.02) & (places <= CLOSEST_TO_1)], *last]
        return [float(self.value(place)) for place in places]
