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

RESOLUTION = 1e-6
"""The last decimal of a coordinate in an SVG by Matplotlib, in points."""

_COMMENT = "comment"
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
    """One unbroken line of a figure."""

    vertices: Array  # (n, 2), in data units
    color: str  # of CSS, in lower case, such as "#1f77b4"
    marker: bool = False
    line: bool = True  # False where there are only markers


@dataclass(frozen=True, eq=False)
class Axes:
    """One pair of axes, its ticks and lines in the order drawn."""

    x_label: str
    y_label: str
    x_ticks: tuple[str, ...]  # with Matplotlib's own minus sign (U+2212)
    y_ticks: tuple[str, ...]
    polylines: tuple[Polyline, ...]
    units: tuple[float, float] = (1.0, 1.0)  # data units per point along x and y
    left_out: tuple[str, ...] = ()  # ids of arrows, bars and other patches, which are not read


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure's axes; or none of them, and in ``refusal`` why they could not be read."""

    axes: tuple[Axes, ...]
    refusal: str = ""
    bitmap: str = ""  # the figure as a PNG in base64, where there is one


def decode_svg(svg: str) -> Figure:
    """Read a figure that Matplotlib wrote as SVG back into data coordinates.

    Reads Matplotlib 2.2 to 3.x, with words as outlines or as text. Spines, ticks, grid and legend
    are not lines. A line that is broken, or a contour of several pieces, gives one `Polyline` per
    piece. `RecordError` names the axes, and what in them is neither linear, lines nor patches.
    """
    try:
        parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
        root: ET.Element = ET.fromstring(svg, parser=parser)
    except (ET.ParseError, UnicodeEncodeError) as error:
        raise RecordError(f"the SVG is not XML ({str(error)!r:.80})") from error
    for element in root.iter():
        # A name without its namespace; a comment has a function instead.
        element.tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else _COMMENT
    for element in list(root.iter()):
        # What is defined is drawn where it is used, and not where it stands.
        for definitions in element.findall("defs"):
            element.remove(definitions)
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
    found = _parts(group, "matplotlib.axis_")
    if len(found) != 2:
        raise ValueError(
            f"a figure with {len(found)} flat axes, not two; one in three dimensions is not read"
        )
    x, y = (_read_axis(element, name) for element, name in zip(found, "xy"))
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
            for patch in _parts(group, "patch_")[1:]
            if not all(_OPEN.fullmatch(path.get("d", "")) for path in patch.iter("path"))
        ),
    )


# --- Axes ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Axis:
    """An axis, and the straight line from positions on the page to data units."""

    label: str
    ticks: tuple[str, ...]
    at: float  # a position, in points
    value: float  # at that position, in data units
    slope: float  # data units per point

    def to_data(self, positions: Array) -> Array:
        """Convert positions in points to data units, with no more digits than the SVG holds."""
        decimals = 1 + math.ceil(-math.log10(abs(self.slope) * RESOLUTION))
        values = np.round(self.value + (positions - self.at) * self.slope, decimals)
        # Adding zero turns the -0.0 that rounding leaves into 0.0.
        return np.asarray(values + 0.0, np.float64)


def _read_axis(axis: ET.Element, name: str) -> _Axis:
    _refuse_moved(axis)
    places, labels = [], []
    for tick in _parts(axis, f"{name}tick_"):
        marks = [mark for line in _parts(tick, _LINES) for mark in line.iter("use")]
        if marks and _words(tick):
            places.append(_number(marks[0].get(name, "")))
            labels.append(_words(tick))
    label, factor, offset = "", 1.0, 0.0
    for text in map(_words, _parts(axis, "text_")):
        shortened = _SHORTENED.fullmatch(_ascii_minus(text))
        if shortened:
            factor = float(shortened["factor"] or 1)
            offset = float(shortened["offset"] or 0)
        else:
            label = text
    what = f"the {name} axis has a tick labelled"
    values = [offset + factor * _number(_ascii_minus(each), what) for each in labels]
    return _Axis(label, tuple(labels), *_fit(np.array(places), np.array(values), name))


def _fit(places: Array, values: Array, name: str) -> tuple[float, float, float]:
    """Return a position, the value there and the slope of the line through the outermost ticks."""
    if len(places) < 2:
        raise ValueError(f"the {name} axis has fewer than two labelled ticks")
    first, last = np.argmin(places), np.argmax(places)
    with np.errstate(all="ignore"):
        span = values[last] - values[first]
        slope = span / (places[last] - places[first])
        errors = values - values[first] - (places - places[first]) * slope
    if not np.isfinite(slope) or abs(slope) < 1e-100:
        raise ValueError(f"the {name} axis has ticks that don't tell two places apart")
    if not np.abs(errors).max() <= 1e-6 * abs(span):
        raise ValueError(f"the {name} axis is not linear: its ticks don't lie on a line")
    return float(places[first]), float(values[first]), float(slope)


def _ascii_minus(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "-")


def _words(element: ET.Element) -> str:
    """Return the text that an element draws.

    Matplotlib draws words as outlines and keeps the text in comments, or writes <text> elements.
    """
    comments = [unescape((each.text or "").strip()) for each in element.iter(_COMMENT)]
    texts = ["".join(each.itertext()).strip() for each in element.iter("text")]
    return "\n".join(comments or texts)


# --- Lines --------------------------------------------------------------------------------------


def _lines_of(element: ET.Element, x: _Axis, y: _Axis) -> Iterator[Polyline]:
    """Yield each line that an element of the axes draws."""
    name = _id(element) or " ".join(each.tag for each in element.iter())
    if element.tag == _COMMENT or name.startswith(_FURNITURE):
        return
    shown = repr(name).strip("'")[:80]
    if not name.startswith((_LINES, *_COLLECTIONS)):
        raise ValueError(f"{shown} is not made of lines")
    _refuse_moved(element)
    marks, paths = list(element.iter("use")), list(element.iter("path"))
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


def _id(element: ET.Element) -> str:
    return element.get("id", "")


def _parts(element: ET.Element, begin: str) -> list[ET.Element]:
    """Return the children of an element whose ids begin in some way."""
    return [child for child in element if _id(child).startswith(begin)]


def _refuse_moved(element: ET.Element) -> None:
    """Raise an error if something but words is drawn elsewhere than its coordinates say."""
    if element.get("transform"):
        raise ValueError("a part is moved by a transform, which is not read")
    for child in element:
        if not _id(child).startswith("text_"):
            _refuse_moved(child)


def _number(text: str, what: str = "a coordinate is") -> float:
    """Return the finite number that a text holds."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{what} {text!r:.80}, which is not a number, or is not finite")
    return value
