"""A figure read back into data coordinates, from the SVG that Matplotlib wrote.

Matplotlib writes a figure in points, six decimals of them. Two labelled ticks give an axis, and the
axes give every line. What cannot be read this way is refused with the reason.
"""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import unescape

import numpy as np
import numpy.typing as npt

from ..errors import RecordError

__all__ = ["RESOLUTION", "Axes", "Figure", "Polyline", "decode_svg"]

RESOLUTION = 1e-6
"""The last decimal of a coordinate in an SVG by Matplotlib, in points."""

_LINES = "line2d_"
_COLLECTIONS = ("LineCollection_", "QuadContourSet_", "PathCollection_")
_FURNITURE = ("matplotlib.axis_", "text_", "legend_", "patch_")
# An open path of straight lines, such as a spine.
_OPEN = re.compile(r"[MLe\d\s.,+-]*")
# What Matplotlib writes beside an axis whose labels are shortened: "1e−6", "+1e6" or both.
_SHORTENED = re.compile(r"(?=.)(?P<factor>1e-?\d+)?(?P<offset>[+-]\d+(\.\d+)?(e-?\d+)?)?", re.ASCII)

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Polyline:
    """One unbroken line of a figure.

    Attributes
    ----------
    vertices : ndarray of float64, shape (n, 2)
        The points (x, y) in data units, rounded to a tenth of the SVG's last decimal.
    color : str
        Its CSS colour in lower case, such as ``'#1f77b4'``.
    marker : bool
        Whether markers are drawn on it.
    line : bool
        Whether the vertices are joined; False where there are only markers.
    """

    vertices: Array
    color: str
    marker: bool = False
    line: bool = True

    @property
    def look(self) -> tuple[str, bool, bool]:
        """Its colour, and whether it has markers and is joined."""
        return self.color, self.marker, self.line


@dataclass(frozen=True, eq=False)
class Axes:
    """One pair of axes.

    Attributes
    ----------
    x_label, y_label : str
    x_ticks, y_ticks : tuple of str
        Tick labels in the order drawn, with the figure's own minus sign (U+2212).
    polylines : tuple of Polyline
        The lines, in the order drawn.
    units : (float, float)
        Data units per point along x and y.
    left_out : tuple of str
        The ids of shapes that were not read: arrows, bars and other patches.
    """

    x_label: str
    y_label: str
    x_ticks: tuple[str, ...]
    y_ticks: tuple[str, ...]
    polylines: tuple[Polyline, ...]
    units: tuple[float, float] = (1.0, 1.0)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure's axes; or none of them, and in ``refusal`` why they could not be read.

    ``bitmap`` is the figure as a PNG in base64, where there is one.
    """

    axes: tuple[Axes, ...]
    refusal: str = ""
    bitmap: str = ""


def decode_svg(svg: str) -> Figure:
    """Read a figure that Matplotlib wrote as SVG back into data coordinates.

    A point at position `p` has the value ``v0 + (p - p0) * (v1 - v0) / (p1 - p0)``, where 0 and 1
    are the outermost labelled ticks of the axis. Reads Matplotlib 2.2 to 3.x, with ``svg.fonttype``
    ``'path'`` and ``'none'``.

    Returns
    -------
    Figure
        Its axes, with every line drawn in them; spines, ticks, grid and legend are not lines. A
        line that is broken, or a contour of several pieces, gives one `Polyline` per piece.

    Raises
    ------
    RecordError
        If the text is not XML or holds no Matplotlib axes; if an axis has fewer than two labelled
        ticks or is not linear; if something is drawn that is neither lines nor patches (a 3-D
        plot, an image, a scatter plot). The message names the axes and what is in the way.
    """
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    try:
        root: ET.Element = ET.fromstring(svg, parser=parser)
    except (ET.ParseError, UnicodeEncodeError) as error:
        raise RecordError(f"the SVG is not XML ({str(error)!r:.80})") from error
    # What is defined is drawn where it is used, and not where it stands.
    for element in list(root.iter()):
        for child in [child for child in element if _tag(child) == "defs"]:
            element.remove(child)
    groups = [each for each in root.iter() if _id(each).startswith("axes_")]
    if not groups:
        raise RecordError("the SVG has no flat axes as Matplotlib writes them (groups axes_1, ...)")
    axes = []
    for number, group in enumerate(groups, start=1):
        try:
            axes.append(_decode_axes(group))
        except ValueError as error:
            raise RecordError(f"axes_{number}: {error}") from error
    return Figure(tuple(axes))


def _decode_axes(group: ET.Element) -> Axes:
    found = [element for element in group if _id(element).startswith("matplotlib.axis_")]
    if len(found) != 2:
        raise ValueError(
            f"a figure with {len(found)} flat axes, not two; one in three dimensions is not read"
        )
    x, y = (_read_axis(element, name) for element, name in zip(found, "xy"))
    patches = [element for element in group if _id(element).startswith("patch_")]
    return Axes(
        x_label=x.label,
        y_label=y.label,
        x_ticks=x.ticks,
        y_ticks=y.ticks,
        polylines=tuple(line for element in group for line in _lines_of(element, x, y)),
        units=(abs(x.slope), abs(y.slope)),
        # The first patch is the background, and spines are open paths of straight lines.
        left_out=tuple(
            _id(patch)
            for patch in patches[1:]
            if not all(_OPEN.fullmatch(path.get("d", "")) for path in _all(patch, "path"))
        ),
    )


# --- Axes ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Axis:
    """An axis: its label, its tick labels, and the line from points of the page to data units.

    At the position `at`, in points, it has the value `value`; a point is `slope` data units.
    """

    label: str
    ticks: tuple[str, ...]
    at: float
    value: float
    slope: float

    def to_data(self, positions: Array) -> Array:
        """Convert positions in points to data units, with no more digits than the SVG holds."""
        decimals = 1 + math.ceil(-math.log10(abs(self.slope) * RESOLUTION))
        values = np.round(self.value + (positions - self.at) * self.slope, decimals)
        # Adding zero turns the -0.0 that rounding leaves into 0.0.
        return np.asarray(values + 0.0, np.float64)


def _read_axis(axis: ET.Element, name: str) -> _Axis:
    _refuse_moved(axis)
    places, labels = [], []
    for tick in axis:
        lines = [part for part in tick if _id(part).startswith("line2d_")]
        marks = [mark for line in lines for mark in _all(line, "use")]
        if _id(tick).startswith(f"{name}tick_") and marks and _words(tick):
            places.append(_number(marks[0].get(name, "")))
            labels.append(_words(tick))
    label, factor, offset = "", 1.0, 0.0
    for text in (_words(element) for element in axis if _id(element).startswith("text_")):
        shortened = _SHORTENED.fullmatch(_ascii_minus(text))
        if shortened:
            factor = float(shortened["factor"] or 1)
            offset = float(shortened["offset"] or 0)
        else:
            label = text
    values = [offset + factor * _tick_value(label, name) for label in labels]
    return _Axis(label, tuple(labels), *_fit(np.array(places), np.array(values), name))


def _fit(places: Array, values: Array, name: str) -> tuple[float, float, float]:
    """Return a position, the value there and the slope of the line through the outermost ticks."""
    if len(places) < 2:
        raise ValueError(f"the {name} axis has fewer than two labelled ticks")
    first, last = np.argmin(places), np.argmax(places)
    with np.errstate(all="ignore"):
        length, span = places[last] - places[first], values[last] - values[first]
        slope = span / length
        errors = values - values[first] - (places - places[first]) * slope
    if not np.isfinite(slope) or abs(slope) < 1e-100:
        raise ValueError(f"the {name} axis has ticks that don't tell two places apart")
    if not np.abs(errors).max() <= 1e-6 * abs(span):
        raise ValueError(f"the {name} axis is not linear: its ticks don't lie on a line")
    return float(places[first]), float(values[first]), float(slope)


def _tick_value(label: str, name: str) -> float:
    try:
        return _number(_ascii_minus(label))
    except ValueError as error:
        raise ValueError(
            f"the {name} axis has a tick labelled {label!r:.80}; only linear axes of numbers are "
            "read"
        ) from error


def _ascii_minus(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "-")


def _words(element: ET.Element) -> str:
    """Return the text that an element draws.

    Matplotlib draws words as outlines and keeps the text in comments, or writes <text> elements.
    """
    comments = [unescape((each.text or "").strip()) for each in _all(element, "")]
    texts = ["".join(each.itertext()).strip() for each in _all(element, "text")]
    return "\n".join(comments or texts)


# --- Lines --------------------------------------------------------------------------------------


def _lines_of(element: ET.Element, x: _Axis, y: _Axis) -> Iterator[Polyline]:
    """Yield each line that an element of the axes draws."""
    name = _id(element) or " ".join(map(_tag, element.iter()))
    if not _tag(element) or name.startswith(_FURNITURE):
        return
    shown = repr(name).strip("'")[:80]
    if not name.startswith((_LINES, *_COLLECTIONS)):
        raise ValueError(f"{shown} is not made of lines")
    _refuse_moved(element)
    marks, paths = _all(element, "use"), _all(element, "path")
    if marks and not name.startswith(_LINES):
        raise ValueError(f"{shown} repeats a shape, as a scatter plot does; only lines are read")
    pieces = [(piece, path) for path in paths for piece in _pieces(path.get("d", ""))]
    if marks and not paths:
        points = [(_number(mark.get("x", "")), _number(mark.get("y", ""))) for mark in marks]
        pieces = [(points, marks[0])]
    for points, drawn in pieces:
        xs, ys = np.array(points, np.float64).T
        with np.errstate(over="ignore", invalid="ignore"):
            vertices = np.column_stack([x.to_data(xs), y.to_data(ys)])
        if not np.isfinite(vertices).all():
            raise ValueError(f"{shown} has a point that is not finite")
        yield Polyline(vertices, _color(drawn), marker=bool(marks), line=bool(paths))


def _pieces(path: str) -> list[list[tuple[float, float]]]:
    """Cut an SVG path at its moves: each piece a list of points."""
    pieces: list[list[tuple[float, float]]] = []
    words = iter(path.split())
    for command in words:
        if command not in ("M", "L", "z") or not (pieces or command == "M"):
            raise ValueError(
                f"a path is damaged or has the command {command!r:.80}; only M, L and z are read"
            )
        if command == "M":
            pieces.append([])
        if command != "z":
            pieces[-1].append((_number(next(words, "")), _number(next(words, ""))))
        elif pieces[-1][0] != pieces[-1][-1]:
            pieces[-1].append(pieces[-1][0])
    return pieces


def _color(element: ET.Element) -> str:
    """Return the colour of the stroke, or of the filling where there is no stroke."""
    settings = (setting.partition(":") for setting in element.get("style", "").split(";"))
    style = {name.strip(): value.strip().lower() for name, _, value in settings}
    colors = [style.get("stroke", "none"), style.get("fill", "none")]
    return next((color for color in colors if color != "none"), "none")


# --- Elements -----------------------------------------------------------------------------------


def _tag(element: ET.Element) -> str:
    """Return the element's name without its namespace; '' for a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _id(element: ET.Element) -> str:
    return element.get("id", "")


def _all(element: ET.Element, tag: str) -> list[ET.Element]:
    """Return the element, and those in it, that have a tag."""
    return [each for each in element.iter() if _tag(each) == tag]


def _refuse_moved(element: ET.Element) -> None:
    """Raise an error if something but words is drawn elsewhere than its coordinates say."""
    if element.get("transform"):
        raise ValueError("a part is moved by a transform, which is not read")
    for child in element:
        if not _id(child).startswith("text_"):
            _refuse_moved(child)


def _number(text: str) -> float:
    """Return the finite number that a text holds."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r:.80} is not a number, or is not finite")
    return value
