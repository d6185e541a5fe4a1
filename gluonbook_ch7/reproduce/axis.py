"""An axis of a figure, read back from its ticks: from points of the page to data units."""

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Optional
from xml.sax.saxutils import unescape

import numpy as np
import numpy.typing as npt

from ..errors import RecordError
from .excerpt import brief

__all__ = ["RESOLUTION", "Axis", "element_id", "find_axis", "number", "refuse_transforms", "tag"]

RESOLUTION = 1e-6
"""The last decimal of a coordinate in an SVG by Matplotlib, in points."""

# What Matplotlib writes beside an axis whose labels are shortened: "1e−6", "+1e6" or both.
_SHORTENED = re.compile(r"(?=.)(?P<factor>1e-?\d+)?(?P<offset>[+-]\d+(\.\d+)?(e-?\d+)?)?", re.ASCII)


@dataclass(frozen=True)
class Axis:
    """One axis: its label, its tick labels, and the line from points to data units.

    Attributes
    ----------
    label : str
    ticks : tuple of str
    at, value : float
        A position in points, and its value in data units.
    slope : float
        Data units per point.
    """

    label: str
    ticks: tuple[str, ...]
    at: float
    value: float
    slope: float

    def to_data(self, positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Convert positions in points to data units, with no more digits than the SVG holds."""
        decimals = 1 + math.ceil(-math.log10(abs(self.slope) * RESOLUTION))
        values = np.round(self.value + (positions - self.at) * self.slope, decimals)
        # Adding zero turns the -0.0 that rounding leaves into 0.0.
        return np.asarray(values + 0.0, np.float64)


def find_axis(group: ET.Element, index: int) -> Axis:
    """Find the x (0) or y (1) axis of a group of axes and read it."""
    name = "xy"[index]
    axes = [element for element in group if element_id(element).startswith("matplotlib.axis_")]
    if len(axes) != 2:
        raise RecordError(
            f"a figure with {len(axes)} flat axes, not two; one in three dimensions is not read"
        )
    try:
        return _read_axis(axes[index], name)
    except RecordError as error:
        raise RecordError(f"the {name} axis {error}") from error


def tag(element: ET.Element) -> str:
    """Return the element's name without its namespace; '' for a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def element_id(element: ET.Element) -> str:
    """Return the element's id, or ''."""
    return element.get("id", "")


def number(text: str) -> float:
    """Return the finite number that a text holds."""
    try:
        value = float(text)
    except ValueError as error:
        raise RecordError(f"{brief(text)!r} is not a number") from error
    if not math.isfinite(value):
        raise RecordError(f"{brief(text)!r} is not finite")
    return value


def refuse_transforms(element: ET.Element) -> None:
    """Raise `RecordError` if something is drawn elsewhere than its coordinates say."""
    if any(each.get("transform") for each in element.iter()):
        raise RecordError(
            f"{brief(element_id(element))} is moved by a transform, which is not read"
        )


def _read_axis(axis: ET.Element, name: str) -> Axis:
    if axis.get("transform"):
        raise RecordError("is moved by a transform, which is not read")
    read = [_read_tick(tick, name) for tick in axis if element_id(tick).startswith(f"{name}tick_")]
    ticks = [(place, label) for place, label in read if label and place is not None]
    label, factor, offset = _read_words(axis)
    places = np.array([place for place, _ in ticks], np.float64)
    values = np.array([offset + factor * _tick_value(label) for _, label in ticks], np.float64)
    at, value, slope = _fit(places, values)
    return Axis(label, tuple(label for _, label in ticks), at, value, slope)


def _read_tick(tick: ET.Element, name: str) -> tuple[Optional[float], str]:
    """Return a tick's position in points and its label; None and '' where it has none."""
    if tick.get("transform"):
        raise RecordError("has a tick that is moved by a transform, which is not read")
    lines = [part for part in tick if element_id(part).startswith("line2d_")]
    for line in lines:
        refuse_transforms(line)
    marks = [element for line in lines for element in line.iter() if tag(element) == "use"]
    return (number(marks[0].get(name, "")) if marks else None), _words(tick)


def _read_words(axis: ET.Element) -> tuple[str, float, float]:
    """Return the axis' label, and the factor and offset by which its tick labels are shortened."""
    label, factor, offset = "", 1.0, 0.0
    for text in (_words(element) for element in axis if element_id(element).startswith("text_")):
        shortened = _SHORTENED.fullmatch(_ascii_minus(text))
        if shortened:
            factor = float(shortened["factor"] or 1)
            offset = float(shortened["offset"] or 0)
        else:
            label = text
    return label, factor, offset


def _words(element: ET.Element) -> str:
    """Return the text that an element draws.

    Matplotlib draws words as outlines and keeps the text in comments, or writes <text> elements.
    """
    below = list(element.iter())
    comments = [unescape((each.text or "").strip()) for each in below if not tag(each)]
    texts = ["".join(each.itertext()).strip() for each in below if tag(each) == "text"]
    return "\n".join(comments or texts)


def _fit(
    places: npt.NDArray[np.float64], values: npt.NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return a position, the value there and the slope of the line through the outermost ticks."""
    if len(places) < 2:
        raise RecordError("has fewer than two labelled ticks")
    first, last = np.argmin(places), np.argmax(places)
    with np.errstate(all="ignore"):
        length, span = places[last] - places[first], values[last] - values[first]
        slope = span / length
        errors = values - values[first] - (places - places[first]) * slope
    if not np.isfinite(slope) or abs(slope) < 1e-100:
        raise RecordError("has ticks that don't tell two places apart")
    if not np.abs(errors).max() <= 1e-6 * abs(span):
        raise RecordError("is not linear: its ticks don't lie on a line")
    return float(places[first]), float(values[first]), float(slope)


def _tick_value(label: str) -> float:
    try:
        return number(_ascii_minus(label))
    except RecordError as error:
        said = f"has a tick labelled {brief(label)!r}; only linear axes of numbers are read"
        raise RecordError(said) from error


def _ascii_minus(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "-")
