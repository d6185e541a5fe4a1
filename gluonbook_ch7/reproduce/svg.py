"""A figure back in data coordinates, from the SVG that Matplotlib wrote.

Matplotlib writes a figure in points, six decimals of them. Two labelled ticks give an axis back,
and with the axes every line. What cannot be read this way is refused with the reason, so that a
figure is either known to its last decimal or openly not known.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import RecordError, brief
from .axis import find_axis, position
from .elements import drawn, element_id, is_moved, numbers, parse, tag

__all__ = ["Axes", "Figure", "Polyline", "decode_svg"]

_LINES = ("line2d_",)
_COLLECTIONS = ("LineCollection_", "QuadContourSet_", "PathCollection_")
_FURNITURE = ("matplotlib.axis_", "text_", "legend_")
# Every letter that SVG could use as a path command; e belongs to the numbers.
_PATH_STEP = re.compile(r"([A-DF-Za-df-z])([^A-DF-Za-df-z]*)")
# Which commands may stand behind which, in the paths of straight lines that Matplotlib writes.
_FOLLOWERS = {"": "M", "M": "MLZz", "L": "MLZz", "Z": "MZz", "z": "MZz"}
_STRAIGHT = re.compile(r"[MLe\d\s.,+-]*")


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

    vertices: npt.NDArray[np.float64]
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
    groups = [each for each in parse(svg).iter() if element_id(each).startswith("axes_")]
    if not groups:
        raise RecordError("the SVG has no flat axes as Matplotlib writes them (groups axes_1, ...)")
    return Figure(tuple(_decode_axes(group) for group in groups))


def _decode_axes(group: ET.Element) -> Axes:
    try:
        x, y = find_axis(group, 0), find_axis(group, 1)
        _refuse_shapes(group)
        polylines = tuple(
            Polyline(
                np.column_stack([x.to_data(line.vertices[:, 0]), y.to_data(line.vertices[:, 1])]),
                line.color,
                line.marker,
                line.line,
            )
            for element in group
            for line in _lines_of(element)
        )
    except RecordError as error:
        raise RecordError(f"{brief(element_id(group))}: {error}") from error
    return Axes(x.label, y.label, x.ticks, y.ticks, polylines)


# --- Its lines ----------------------------------------------------------------------------------


def _refuse_shapes(group: ET.Element) -> None:
    """Refuse bars, arrows and the like: patches that are neither background nor spine."""
    patches = [element for element in group if element_id(element).startswith("patch_")]
    for patch in patches[1:]:
        if not all(_STRAIGHT.fullmatch(path.get("d", "")) for path in _paths(patch)):
            name = brief(element_id(patch))
            raise RecordError(f"{name} is a filled or curved shape; only lines are read")


def _lines_of(element: ET.Element) -> Iterator[Polyline]:
    """Yield each line that an element of the axes draws, its vertices in points."""
    name = element_id(element)
    if tag(element) in ("", "defs") or name.startswith((*_FURNITURE, "patch_")):
        return
    name = brief(name or " ".join(tag(each) for each in [element, *drawn(element)]))
    if not name.startswith(_LINES + _COLLECTIONS):
        raise RecordError(f"{name} is not made of lines")
    if is_moved(element):
        raise RecordError(f"{name} is moved by a transform, which is not read")
    marks = [mark for mark in drawn(element) if tag(mark) == "use"]
    if marks and not name.startswith(_LINES):
        raise RecordError(f"{name} repeats a shape, as a scatter plot does; only lines are read")
    paths = _paths(element)
    for path in paths:
        for vertices in _subpaths(path.get("d", "")):
            yield Polyline(np.array(vertices), _color(path), bool(marks), True)
    if marks and not paths:
        points = [(position(mark, "x"), position(mark, "y")) for mark in marks]
        yield Polyline(np.array(points), _color(marks[0]), True, False)


def _paths(element: ET.Element) -> list[ET.Element]:
    return [path for path in drawn(element) if tag(path) == "path"]


def _subpaths(path: str) -> list[list[tuple[float, float]]]:
    """Cut an SVG path at its moves: each piece a list of points."""
    pieces: list[list[tuple[float, float]]] = []
    before = ""
    for command, text in _steps(path):
        if command not in "MLZz":
            raise RecordError(f"a path has the command {command!r}; only M, L and z are read")
        if command not in _FOLLOWERS[before]:
            raise RecordError(f"a path is damaged ({command} follows no M)")
        points = _points(text)
        if bool(points) == (command in "Zz"):
            raise RecordError(f"a path is damaged ({command} with {len(points)} points)")
        if command == "M":
            pieces.append(points)
        elif command == "L":
            pieces[-1] += points
        elif pieces[-1][0] != pieces[-1][-1]:
            pieces[-1].append(pieces[-1][0])
        before = command
    return pieces


def _steps(path: str) -> list[tuple[str, str]]:
    """Cut an SVG path into its commands, each with the text of its numbers."""
    first = _PATH_STEP.search(path)
    if path[: first.start() if first else None].strip():
        raise RecordError("a path is damaged (it begins with no command)")
    return _PATH_STEP.findall(path)


def _points(text: str) -> list[tuple[float, float]]:
    try:
        coordinates = numbers(text)
    except RecordError as error:
        raise RecordError(f"a path is damaged ({error})") from error
    if len(coordinates) % 2:
        raise RecordError("a path is damaged (an x without its y)")
    return list(zip(coordinates[::2], coordinates[1::2]))


def _color(element: ET.Element) -> str:
    """Return the colour of the stroke, or of the filling where there is no stroke."""
    settings = (setting.partition(":") for setting in element.get("style", "").split(";"))
    style = {name.strip(): value.strip().lower() for name, _, value in settings}
    colors = [style.get("stroke", "none"), style.get("fill", "none")]
    return next((color for color in colors if color != "none"), "none")
