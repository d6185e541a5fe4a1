"""A figure back in data coordinates, from the SVG that Matplotlib wrote.

Matplotlib writes a figure in points, six decimals of them. Two labelled ticks give an axis back,
and with the axes every line. What cannot be read this way is refused with the reason, so that a
figure is either known to its last decimal or openly not known.
"""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional
from xml.sax.saxutils import unescape

import numpy as np

from ..errors import RecordError

__all__ = ["Axes", "Figure", "Polyline", "decode_svg"]

SVG_DECIMALS = 6
"""How many decimals of a point Matplotlib writes."""

_LINES = ("line2d_",)
_COLLECTIONS = ("LineCollection_", "QuadContourSet_", "PathCollection_")
_FURNITURE = ("matplotlib.axis_", "text_", "legend_")
# What Matplotlib writes beside an axis whose labels are shortened: "1e−6", "+1e6" or both.
_SHORTENED = re.compile(r"(?=.)(?P<factor>1e-?\d+)?(?P<offset>[+-]\d+(\.\d+)?(e-?\d+)?)?")
# Every letter that SVG could use as a path command; e belongs to the numbers.
_PATH_STEP = re.compile(r"([A-DF-Za-df-z])([^A-DF-Za-df-z]*)")


@dataclass(frozen=True, eq=False)
class Polyline:
    """One unbroken line of a figure.

    Attributes
    ----------
    vertices : ndarray of float64, shape (n, 2)
        The points (x, y) in data units, rounded to a tenth of what the SVG can hold.
    color : str
        Its CSS colour in lower case, such as ``'#1f77b4'``.
    marker : bool
        Whether markers are drawn on it.
    line : bool
        Whether the vertices are joined; False where there are only markers.
    """

    vertices: np.ndarray
    color: str
    marker: bool = False
    line: bool = True

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Polyline):
            return NotImplemented
        return self._look() == other._look() and np.array_equal(self.vertices, other.vertices)

    def _look(self) -> tuple[str, bool, bool]:
        return self.color, self.marker, self.line


@dataclass(frozen=True)
class Axes:
    """One pair of axes: labels, tick labels in the order drawn, and the lines, likewise.

    Tick labels are the strings of the figure, with its own minus sign (U+2212).
    """

    x_label: str
    y_label: str
    x_ticks: tuple[str, ...]
    y_ticks: tuple[str, ...]
    polylines: tuple[Polyline, ...]


@dataclass(frozen=True)
class Figure:
    """A figure's axes; or none of them, and in ``refusal`` why they could not be read."""

    axes: tuple[Axes, ...]
    refusal: str = ""


# --- A figure -----------------------------------------------------------------------------------


def decode_svg(svg: str) -> Figure:
    """Read a figure that Matplotlib wrote as SVG back into data coordinates.

    Each axis is taken from the outermost two of its labelled ticks: a point at position `p` has the
    value ``v0 + (p - p0) * (v1 - v0) / (p1 - p0)``. Works for Matplotlib 2.2 to 3.x, with
    ``svg.fonttype`` ``'path'`` and ``'none'``.

    Parameters
    ----------
    svg : str
        The whole SVG document.

    Returns
    -------
    Figure
        Its axes, with every line drawn in them (the spines, ticks, grid and legend are not lines).
        A line that is broken, or a contour of several pieces, gives one `Polyline` per piece.

    Raises
    ------
    RecordError
        If the text is not XML or holds no Matplotlib axes; if an axis has fewer than two labelled
        ticks or is not linear; if anything is drawn that is not made of straight lines (a 3-D
        plot, an image, bars, a scatter plot). The message names the axes and what is in the way.
    """
    root = _parse(svg)
    groups = [element for element in root.iter() if _id(element).startswith("axes_")]
    if not groups:
        raise RecordError("the SVG has no flat axes as Matplotlib writes them (groups axes_1, ...)")
    return Figure(tuple(_decode_axes(group) for group in groups))


def _parse(svg: str) -> ET.Element:
    """Parse the SVG, comments included: there Matplotlib keeps the words it draws as outlines."""
    # Expat itself stops a document whose entities grow out of proportion.
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    try:
        return ET.fromstring(svg, parser=parser)
    except (ET.ParseError, UnicodeEncodeError) as error:
        raise RecordError(f"the SVG is not XML ({error})") from error


def _decode_axes(group: ET.Element) -> Axes:
    try:
        x, y = _find_axis(group, 0), _find_axis(group, 1)
        _refuse_shapes(group)
        polylines = tuple(
            Polyline(np.column_stack([x.to_data(points[:, 0]), y.to_data(points[:, 1])]), *look)
            for element in group
            for points, *look in _lines_of(element)
        )
    except RecordError as error:
        raise RecordError(f"{_id(group)}: {error}") from error
    return Axes(x.label, y.label, x.ticks, y.ticks, polylines)


# --- Its axes -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Axis:
    """One axis: its words, and the line from points to data units."""

    label: str
    ticks: tuple[str, ...]
    at: float  # points
    value: float  # data units at that position
    slope: float  # data units per point

    def to_data(self, positions: np.ndarray) -> np.ndarray:
        """Turn positions in points into data units, with no more digits than the SVG holds."""
        resolution = abs(self.slope) * 10.0**-SVG_DECIMALS
        decimals = min(1 + math.ceil(-math.log10(resolution)), 300)
        # Adding zero turns the -0.0 that rounding leaves into 0.0.
        return np.round(self.value + (positions - self.at) * self.slope, decimals) + 0.0


def _find_axis(group: ET.Element, index: int) -> _Axis:
    """Find an axis of the axes, x (0) or y (1), and read it."""
    name = "xy"[index]
    axes = [element for element in group if _id(element).startswith("matplotlib.axis_")]
    if len(axes) != 2:
        raise RecordError(f"it has {len(axes)} axes; only figures in two dimensions are read")
    try:
        return _read_axis(axes[index], name)
    except RecordError as error:
        raise RecordError(f"the {name} axis {error}") from error


def _read_axis(axis: ET.Element, name: str) -> _Axis:
    ticks = [_read_tick(tick, name) for tick in axis if _id(tick).startswith(f"{name}tick_")]
    ticks = [(position, label) for position, label in ticks if label and position is not None]
    label, factor, offset = _read_words(axis)
    positions = np.array([position for position, _ in ticks])
    values = offset + factor * np.array([_number(label) for _, label in ticks])
    at, value, slope = _fit(positions, values)
    return _Axis(label, tuple(label for _, label in ticks), at, value, slope)


def _read_tick(tick: ET.Element, name: str) -> tuple[Optional[float], str]:
    """Return where a tick is, in points, and its label; None and '' where it has none."""
    marks = [element for element in _drawn(tick) if _tag(element) == "use"]
    return (_coordinate(marks[0], name) if marks else None), _words(tick)


def _read_words(axis: ET.Element) -> tuple[str, float, float]:
    """Return the axis' label, and the factor and offset by which its tick labels are shortened."""
    label, factor, offset = "", 1.0, 0.0
    for words in (_words(element) for element in axis if _id(element).startswith("text_")):
        shortened = _SHORTENED.fullmatch(_ascii_minus(words))
        if shortened:
            factor = float(shortened["factor"] or 1)
            offset = float(shortened["offset"] or 0)
        else:
            label = words
    return label, factor, offset


def _fit(positions: np.ndarray, values: np.ndarray) -> tuple[float, float, float]:
    """Return a position, the value there and the slope of the line through the outermost ticks."""
    if len(positions) < 2:
        raise RecordError("has fewer than two labelled ticks")
    first, last = np.argmin(positions), np.argmax(positions)
    length, span = positions[last] - positions[first], values[last] - values[first]
    if not (length and span):
        raise RecordError("has ticks that don't tell two places apart")
    slope = span / length
    errors = values - values[first] - (positions - positions[first]) * slope
    if np.abs(errors).max() > 1e-6 * abs(span):
        raise RecordError("is not linear: its ticks don't lie on a line")
    return float(positions[first]), float(values[first]), float(slope)


def _number(label: str) -> float:
    try:
        value = float(_ascii_minus(label))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RecordError(f"has a tick labelled {label!r}; only linear axes of numbers are read")
    return value


def _ascii_minus(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "-")


# --- Its lines ----------------------------------------------------------------------------------


def _refuse_shapes(group: ET.Element) -> None:
    """Refuse bars, arrows and the like: patches that are neither background nor spine."""
    patches = [element for element in group if _id(element).startswith("patch_")]
    for patch in patches[1:]:
        if not all(re.fullmatch(r"[MLe\d\s.,+-]*", path.get("d", "")) for path in _paths(patch)):
            raise RecordError(f"{_id(patch)} is a filled or curved shape; only lines are read")


def _lines_of(element: ET.Element) -> Iterator[tuple[np.ndarray, str, bool, bool]]:
    """Yield each line that an element of the axes draws: vertices in points, then its look."""
    name = _id(element)
    if _tag(element) in ("", "defs") or name.startswith((*_FURNITURE, "patch_")):
        return
    name = name or " ".join(_tag(child) for child in [element, *_drawn(element)])
    if not name.startswith(_LINES + _COLLECTIONS):
        raise RecordError(f"{name} is not made of lines")
    marks = [mark for mark in _drawn(element) if _tag(mark) == "use"]
    if marks and not name.startswith(_LINES):
        raise RecordError(f"{name} repeats a shape, as a scatter plot does; only lines are read")
    paths = _paths(element)
    for path in paths:
        for vertices in _subpaths(path.get("d", "")):
            yield vertices, _color(path), bool(marks), True
    if marks and not paths:
        points = [[_coordinate(mark, "x"), _coordinate(mark, "y")] for mark in marks]
        yield np.array(points), _color(marks[0]), True, False


def _paths(element: ET.Element) -> list[ET.Element]:
    return [path for path in _drawn(element) if _tag(path) == "path"]


def _subpaths(path: str) -> list[np.ndarray]:
    """Cut an SVG path at its moves: each piece an array of shape (n, 2), in points."""
    pieces: list[list[list[float]]] = []
    try:
        for command, numbers in _PATH_STEP.findall(path):
            if command not in "MLZz":
                raise RecordError(f"a path has the command {command!r}; only M, L and z are read")
            if command == "M":
                pieces.append([])
            piece = pieces[-1]
            piece.extend(_way_back(piece) if command in "Zz" else _points(numbers))
    except (ValueError, IndexError) as error:
        if isinstance(error, RecordError):
            raise
        raise RecordError(f"a path is damaged ({error})") from error
    return [np.array(piece) for piece in pieces]


def _way_back(piece: list[list[float]]) -> list[list[float]]:
    """Return the point that closes a piece, if it isn't there already."""
    return [piece[0]] if piece[0] != piece[-1] else []


def _points(numbers: str) -> list[list[float]]:
    points = np.array(numbers.replace(",", " ").split(), dtype=np.float64).reshape(-1, 2)
    if not np.isfinite(points).all():
        raise ValueError("a coordinate is not finite")
    return points.tolist()


def _color(element: ET.Element) -> str:
    """Return the colour of the stroke, or of the filling where there is no stroke."""
    settings = (setting.partition(":") for setting in element.get("style", "").split(";"))
    style = {name.strip(): value.strip().lower() for name, _, value in settings}
    colors = [style.get("stroke", "none"), style.get("fill", "none")]
    return next((color for color in colors if color != "none"), "none")


# --- Its XML ------------------------------------------------------------------------------------


def _tag(element: ET.Element) -> str:
    """Return the element's name without its namespace; '' for a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _id(element: ET.Element) -> str:
    return element.get("id", "")


def _drawn(element: ET.Element) -> Iterator[ET.Element]:
    """Yield everything below the element that is drawn where it stands: not what is in <defs>."""
    waiting = list(reversed(element))
    while waiting:
        child = waiting.pop()
        if _tag(child) != "defs":
            yield child
            waiting.extend(reversed(child))


def _coordinate(element: ET.Element, name: str) -> float:
    try:
        return _points(f"{element.get(name, '')} 0")[0][0]
    except ValueError as error:
        raise RecordError(f"a mark is damaged ({error})") from error


def _words(element: ET.Element) -> str:
    """Return the text that an element draws, from comments or else from <text> elements."""
    drawn = list(_drawn(element))
    words = [unescape((child.text or "").strip()) for child in drawn if child.tag is ET.Comment]
    if not words:
        words = ["".join(child.itertext()).strip() for child in drawn if _tag(child) == "text"]
    return "\n".join(words)
