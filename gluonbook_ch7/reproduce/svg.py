"""A figure read back into data coordinates, from the SVG that Matplotlib wrote.

Matplotlib writes a figure in points, six decimals of them. Two labelled ticks give an axis, and the
axes give every line. What cannot be read this way is refused with the reason.
"""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from xml.sax.saxutils import unescape

import numpy as np
import numpy.typing as npt

from ..errors import RecordError

RESOLUTION = 1e-6
"""The last decimal of a coordinate in an SVG by Matplotlib, in points."""

# Elements that are made of lines.
_LINES = ("line2d_", "LineCollection_", "QuadContourSet_", "PathCollection_")
# A path of straight lines, such as "M 0 0 L 1 1 L 1 0 z".
_PATH = re.compile(r"(M{0}(L{0})*(z\s*)?)*".format(r"(\s+[-+.\de]+){2}\s*"), re.ASCII)
# What Matplotlib writes beside an axis whose labels are shortened: "1e−6", "+1e6" or both.
_SHORTENED = re.compile(r"(?=.)(1e[-−]?\d+)?([-−+]\d+(?:\.\d+)?(?:e[-−]?\d+)?)?", re.ASCII)

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
    """Read a figure that Matplotlib, 2.2 to 3.x, wrote as SVG back into data coordinates.

    Spines, ticks, grid and legend are not lines. A line that is broken, or a contour of several
    pieces, gives one `Polyline` per piece. `RecordError` names the axes, and what in them is not
    linear or cannot be read.
    """
    try:
        parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
        root: ET.Element = ET.fromstring(svg, parser=parser)
    except (ET.ParseError, UnicodeEncodeError) as error:
        raise RecordError(f"the SVG is not XML ({str(error)!r:.80})") from error
    for element in list(root.iter()):
        # A definition is drawn where it is used, not where it stands.
        for definitions in element.findall("{*}defs"):
            element.remove(definitions)
        # A name without its namespace; a comment has a function instead.
        element.tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else "comment"
    groups = _with_id(root.iter(), "axes_")
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
    found = _with_id(group, "matplotlib.axis_")
    if len(found) != 2:
        raise ValueError(
            f"a figure with {len(found)} flat axes, not two; axes that are hidden, shared or in "
            "three dimensions are not read"
        )
    x, y = (_read_axis(element, name) for element, name in zip(found, "xy"))
    for part in _with_id(group.iter(), *_LINES, "matplotlib.axis_", "xtick_", "ytick_"):
        # Matplotlib moves only words; what else is moved, a drawing program has moved.
        drawn = part.iter() if part.get("id", "").startswith(_LINES) else [part]
        if any("transform" in each.attrib for each in drawn):
            raise ValueError(f"{part.get('id')} is moved by a transform, which is not read")
    # The first patch is the background, and spines are single straight strokes.
    patches = {
        patch.get("id", ""): " ".join(path.get("d", "") for path in patch.iter("path"))
        for patch in _with_id(group, "patch_")[1:]
    }
    return Axes(
        x_label=x.label,
        y_label=y.label,
        x_ticks=x.ticks,
        y_ticks=y.ticks,
        polylines=tuple(line for element in group for line in _lines_of(element, x, y)),
        units=(abs(x.slope), abs(y.slope)),
        left_out=tuple(name for name, path in patches.items() if re.search("[CQz]", path)),
    )


class _Axis(NamedTuple):
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
    places, labels = [], []
    for tick in _with_id(axis, f"{name}tick_"):
        marks = [mark for line in _with_id(tick, "line2d_") for mark in line.iter("use")]
        if marks and _words(tick):
            places.append(_number(marks[0].get(name, "")))
            labels.append(_words(tick))
    label, factor, offset = "", 1.0, 0.0
    for text in map(_words, _with_id(axis, "text_")):
        shortened = _SHORTENED.fullmatch(text)
        if shortened:
            factor, offset = _number(shortened[1] or "1"), _number(shortened[2] or "0")
        else:
            label = text
    what = f"the {name} axis has a tick labelled"
    values = [offset + factor * _number(each, what) for each in labels]
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


def _lines_of(element: ET.Element, x: _Axis, y: _Axis) -> Iterator[Polyline]:
    """Yield each line that an element of the axes draws."""
    name = element.get("id") or " ".join(each.tag for each in element.iter())
    if name.startswith(("comment", "matplotlib.axis_", "text_", "legend_", "patch_")):
        return
    shown = repr(name).strip("'")[:80]
    if not name.startswith(_LINES):
        raise ValueError(f"{shown} is not made of lines")
    marks, paths = list(element.iter("use")), list(element.iter("path"))
    if marks and not name.startswith("line2d_"):
        raise ValueError(f"{shown} repeats a shape, as a scatter plot does; only lines are read")
    pieces = [(piece, path) for path in paths for piece in _pieces(path.get("d", ""))]
    if marks and not paths:
        pieces = [([mark.get(axis, "") for mark in marks for axis in "xy"], marks[0])]
    for coordinates, drawn in pieces:
        xs, ys = np.reshape([_number(each) for each in coordinates], (-1, 2)).T
        with np.errstate(over="ignore", invalid="ignore"):
            vertices = np.column_stack([x.to_data(xs), y.to_data(ys)])
        if not np.isfinite(vertices).all():
            raise ValueError(f"{shown} has a point that is not finite")
        yield Polyline(vertices, _color(drawn), marker=bool(marks), line=bool(paths))


def _pieces(path: str) -> list[list[str]]:
    """Cut an SVG path at its moves; return the coordinates of each piece, x and y in turn."""
    if not _PATH.fullmatch(path):
        raise ValueError("a path is damaged or has a curve; only M, L and z are read")
    pieces = []
    for piece in path.split("M")[1:]:
        coordinates = piece.replace("L", " ").replace("z", " ").split()
        if "z" in piece and coordinates[:2] != coordinates[-2:]:
            coordinates += coordinates[:2]
        pieces.append(coordinates)
    return pieces


def _color(element: ET.Element) -> str:
    """Return the colour of the stroke, or of the filling where there is no stroke."""
    style = dict(re.findall(r"([\w-]+):\s*([^;\s]+)", element.get("style", "").lower()))
    colors = [style.get("stroke", "none"), style.get("fill", "none")]
    return next((color for color in colors if color != "none"), "none")


def _words(element: ET.Element) -> str:
    """Return the text that an element draws as outlines, with comments, or as <text> elements."""
    comments = [unescape((each.text or "").strip()) for each in element.iter("comment")]
    texts = ["".join(each.itertext()).strip() for each in element.iter("text")]
    return "\n".join(comments or texts)


def _with_id(elements: Iterable[ET.Element], *begin: str) -> list[ET.Element]:
    """Return those elements, or children of an element, whose id has one of these prefixes."""
    return [each for each in elements if each.get("id", "").startswith(begin)]


def _number(text: str, what: str = "a coordinate is") -> float:
    """Return the number that a text holds, with Matplotlib's minus sign or Python's."""
    try:
        return float(text.replace("\N{MINUS SIGN}", "-"))
    except ValueError as error:
        raise ValueError(f"{what} {text!r:.80}, which is not a number") from error
