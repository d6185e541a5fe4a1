"""The scale on which the values of a hyperparameter are compared."""

from dataclasses import dataclass

import numpy as np

RATES = ("lr", "eta", "learning_rate")
FRACTIONS = ("mom", "momentum", "gamma", "gamma1", "rho")  # between 0 and 1
# How far the alternatives are from the stated value, as powers of ten.
STEPS = (-1.0, -0.5, -0.25, -0.12, -0.05, 0.05, 0.12, 0.25, 0.5, 1.0)
CLOSEST_TO_1 = -3.0


@dataclass(frozen=True)
class Scale:
    """A hyperparameter's values on a logarithmic scale.

    Rates are taken as log10(value). Decays and momentum act through their distance from 1, so they
    are taken as log10(1 - value).
    """

    name: str
    stated: float

    @property
    def is_fraction(self) -> bool:
        return self.name in FRACTIONS

    def place(self, value: float) -> float:
        """Return where a value is on the scale."""
        if self.is_fraction:
            return max(float(np.log10(max(1 - value, 1e-9))), CLOSEST_TO_1)
        return float(np.log10(value))

    def value(self, place: float) -> float:
        """Return the value at a place on the scale; the stated one exactly at its own place."""
        if place == self.place(self.stated):
            return self.stated
        power = float(10.0**place)
        return max(0.0, 1 - power) if self.is_fraction else power

    def alternatives(self) -> list[float]:
        """Return the places of the alternative values.

        From a tenth of the stated value to ten times as much, or from 0 to close to 1.
        """
        stated = self.place(self.stated)
        places = [stated + step for step in STEPS]
        if self.is_fraction:
            places = [place for place in places if CLOSEST_TO_1 <= place < -0.02]
            places += [0.0] if self.stated > 0 else []
            places += [CLOSEST_TO_1] if stated - 1 > CLOSEST_TO_1 else []
        return places
