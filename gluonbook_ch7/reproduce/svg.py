"""A figure read back into data coordinates, from the SVG that Matplotlib wrote.

Matplotlib writes a figure in points, six decimals of them. Two labelled ticks give an axis, and the
axes give every line. What cannot be read this way is refused with the reason.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import RecordError
from .axis import Axis, element_id, find_axis, number, refuse_transforms, tag
from .excerpt import brief

__all__ = ["Axes", "Figure", "Polyline", "decode_svg"]

_LINES = ("line2d_",)
_COLLECTIONS = ("LineCollection_", "QuadContourSet_", "PathCollection_")
_FURNITURE = ("matplotlib.axis_", "text_", "legend_")
# Every letter that SVG could use as a path command; e belongs to the numbers.
_PATH_STEP = re.compile(r"([A-DF-Za-df-z])([^A-DF-Za-df-z]*)")
# An open path of straight lines, such as a spine.
_OPEN = re.compile(r"[MLe\d\s.,+-]*")


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

    vertices: npt.NDArray[np.float64]
    color: str
    marker: bool = False
    line: bool = True


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
        raise RecordError(f"the SVG is not XML ({brief(str(error))})") from error
    # What is defined is drawn where it is used, and not where it stands.
    for element in list(root.iter()):
        for child in [child for child in element if tag(child) == "defs"]:
            element.remove(child)
    groups = [each for each in root.iter() if element_id(each).startswith("axes_")]
    if not groups:
        raise RecordError("the SVG has no flat axes as Matplotlib writes them (groups axes_1, ...)")
    return Figure(tuple(_decode_axes(group) for group in groups))


def _decode_axes(group: ET.Element) -> Axes:
    try:
        x, y = find_axis(group, 0), find_axis(group, 1)
        polylines = [line for element in group for line in _lines_of(element, x, y)]
        left_out = _left_out(group)
    except RecordError as error:
        raise RecordError(f"{brief(element_id(group))}: {error}") from error
    units = abs(x.slope), abs(y.slope)
    return Axes(x.label, y.label, x.ticks, y.ticks, tuple(polylines), units, left_out)


def _left_out(group: ET.Element) -> tuple[str, ...]:
    """Return the ids of patches that are neither the background, which is first, nor spines."""
    patches = [element for element in group if element_id(element).startswith("patch_")]
    return tuple(
        element_id(patch)
        for patch in patches[1:]
        if not all(_OPEN.fullmatch(path.get("d", "")) for path in _paths(patch))
    )


def _lines_of(element: ET.Element, x: Axis, y: Axis) -> Iterator[Polyline]:
    """Yield each line that an element of the axes draws."""
    name = element_id(element)
    if not tag(element) or name.startswith((*_FURNITURE, "patch_")):
        return
    name = brief(name or " ".join(tag(each) for each in element.iter()))
    if not name.startswith(_LINES + _COLLECTIONS):
        raise RecordError(f"{name} is not made of lines")
    refuse_transforms(element)
    marks = [mark for mark in element.iter() if tag(mark) == "use"]
    if marks and not name.startswith(_LINES):
        raise RecordError(f"{name} repeats a shape, as a scatter plot does; only lines are read")

    def vertices(points: list[tuple[float, float]]) -> npt.NDArray[np.float64]:
        xs, ys = np.array(points, np.float64).T
        return np.column_stack([x.to_data(xs), y.to_data(ys)])

    paths = _paths(element)
    for path in paths:
        for points in _pieces(path.get("d", "")):
            yield Polyline(vertices(points), _color(path), bool(marks))
    if marks and not paths:
        points = [(number(mark.get("x", "")), number(mark.get("y", ""))) for mark in marks]
        yield Polyline(vertices(points), _color(marks[0]), marker=True, line=False)


def _paths(element: ET.Element) -> list[ET.Element]:
    return [path for path in element.iter() if tag(path) == "path"]


def _pieces(path: str) -> list[list[tuple[float, float]]]:
    """Cut an SVG path at its moves: each piece a list of points."""
    pieces: list[list[tuple[float, float]]] = []
    for command, text in _PATH_STEP.findall(path):
        if command not in "MLZz":
            raise RecordError(f"a path has the command {command!r}; only M, L and z are read")
        coordinates = [number(word) for word in text.replace(",", " ").split()]
        points = list(zip(coordinates[::2], coordinates[1::2]))
        if len(coordinates) % 2 or (command in "ML") != bool(points):
            raise RecordError(f"a path is damaged ({command} with {len(coordinates)} numbers)")
        if command == "M":
            pieces.append(points)
        elif not pieces:
            raise RecordError(f"a path is damaged (it begins with {command})")
        elif command == "L":
            pieces[-1] += points
        elif pieces[-1][0] != pieces[-1][-1]:
            pieces[-1].append(pieces[-1][0])
    return pieces


def _color(element: ET.Element) -> str:
    """Return the colour of the stroke, or of the filling where there is no stroke."""
    settings = (setting.partition(":") for setting in element.get("style", "").split(";"))
    style = {name.strip(): value.strip().lower() for name, _, value in settings}
    colors = [style.get("stroke", "none"), style.get("fill", "none")]
    return next((color for color in colors if color != "none"), "none")
