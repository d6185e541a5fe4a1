"""An axis of a figure, back from its ticks: from points of the page to data units."""

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Optional

import numpy as np
import numpy.typing as npt

from ..errors import RecordError, brief
from .elements import drawn, element_id, is_moved, number, numbers, tag, words

__all__ = ["Axis", "find_axis", "position"]

RESOLUTION = 1e-6
"""The least distance that an SVG by Matplotlib holds: six decimals of a point."""

# Data units between which nothing that is computed here overflows or vanishes.
LEAST, GREATEST = 1e-100, 1e100

# What Matplotlib writes beside an axis whose labels are shortened: "1e−6", "+1e6" or both.
_SHORTENED = re.compile(r"(?=.)(?P<factor>1e-?\d+)?(?P<offset>[+-]\d+(\.\d+)?(e-?\d+)?)?", re.ASCII)


@dataclass(frozen=True)
class Axis:
    """One axis: its words, and the line from points to data units."""

    label: str
    ticks: tuple[str, ...]
    at: float  # points
    value: float  # data units at that position
    slope: float  # data units per point

    def to_data(self, positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Turn positions in points into data units, with no more digits than the SVG holds."""
        decimals = 1 + math.ceil(-math.log10(abs(self.slope) * RESOLUTION))
        values = np.round(self.value + (positions - self.at) * self.slope, decimals)
        # Adding zero turns the -0.0 that rounding leaves into 0.0.
        return np.asarray(values + 0.0, np.float64)


def find_axis(group: ET.Element, index: int) -> Axis:
    """Find an axis of the axes, x (0) or y (1), and read it."""
    name = "xy"[index]
    axes = [element for element in group if element_id(element).startswith("matplotlib.axis_")]
    if len(axes) != 2:
        raise RecordError(f"it has {len(axes)} axes; only figures in two dimensions are read")
    try:
        return _read_axis(axes[index], name)
    except RecordError as error:
        raise RecordError(f"the {name} axis {error}") from error


def position(mark: ET.Element, name: str) -> float:
    """Return where a mark is along x or y, in points."""
    try:
        places = numbers(mark.get(name, ""))
    except RecordError as error:
        raise RecordError(f"a mark is damaged ({error})") from error
    if len(places) != 1:
        raise RecordError(f"a mark is damaged (its {name} is not one number)")
    return places[0]


def _read_axis(axis: ET.Element, name: str) -> Axis:
    if axis.get("transform"):
        raise RecordError("is moved by a transform, which is not read")
    read = [_read_tick(tick, name) for tick in axis if element_id(tick).startswith(f"{name}tick_")]
    ticks = [(place, label) for place, label in read if label and place is not None]
    label, factor, offset = _read_words(axis)
    places = np.array([place for place, _ in ticks], np.float64)
    values = np.array([offset + factor * _value(label) for _, label in ticks], np.float64)
    at, value, slope = _fit(places, values)
    return Axis(label, tuple(label for _, label in ticks), at, value, slope)


def _read_tick(tick: ET.Element, name: str) -> tuple[Optional[float], str]:
    """Return where a tick is, in points, and its label; None and '' where it has none."""
    lines = [part for part in tick if element_id(part).startswith("line2d_")]
    if tick.get("transform") or any(is_moved(line) for line in lines):
        raise RecordError("has a tick that is moved by a transform, which is not read")
    marks = [element for line in lines for element in drawn(line) if tag(element) == "use"]
    return (position(marks[0], name) if marks else None), words(tick)


def _read_words(axis: ET.Element) -> tuple[str, float, float]:
    """Return the axis' label, and the factor and offset by which its tick labels are shortened."""
    label, factor, offset = "", 1.0, 0.0
    for text in (words(element) for element in axis if element_id(element).startswith("text_")):
        shortened = _SHORTENED.fullmatch(_ascii_minus(text))
        if shortened:
            factor = float(shortened["factor"] or 1)
            offset = float(shortened["offset"] or 0)
        else:
            label = text
    return label, factor, offset


def _fit(
    places: npt.NDArray[np.float64], values: npt.NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return a position, the value there and the slope of the line through the outermost ticks."""
    if len(places) < 2:
        raise RecordError("has fewer than two labelled ticks")
    if not (np.abs(values) < GREATEST).all():
        raise RecordError(f"reaches beyond {GREATEST:.0e}; only smaller numbers are read")
    first, last = np.argmin(places), np.argmax(places)
    length, span = places[last] - places[first], values[last] - values[first]
    if length < RESOLUTION or abs(span) < LEAST:
        raise RecordError("has ticks that don't tell two places apart")
    slope = span / length
    errors = values - values[first] - (places - places[first]) * slope
    if np.abs(errors).max() > 1e-6 * abs(span):
        raise RecordError("is not linear: its ticks don't lie on a line")
    return float(places[first]), float(values[first]), float(slope)


def _value(label: str) -> float:
    try:
        return number(_ascii_minus(label))
    except RecordError as error:
        said = f"has a tick labelled {brief(label)!r}; only linear axes of numbers are read"
        raise RecordError(said) from error


def _ascii_minus(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "-")
