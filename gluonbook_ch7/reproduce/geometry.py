"""Figures compared as geometry in data coordinates, never as bytes or pixels.

A line is the set of points that it draws. Matplotlib's releases place and count the vertices of a
contour differently, and leave out vertices of a nearly straight line; the line is the same.
"""

import base64
import io
from collections import Counter
from itertools import zip_longest
from typing import Any

import numpy as np
from matplotlib.image import imread

from .svg import RESOLUTION, Array, Axes, Figure, Polyline
from .verdict import Judgement, Outcome, Verdict

EXACT = 5 * RESOLUTION  # in points: the rounding of two lines and of the ticks of both axes
VISIBLE = 0.1  # in points: a distance that nobody can see


def judge_figures(
    output: str, recorded: tuple[Figure, ...], rerun: tuple[Figure, ...]
) -> list[Judgement]:
    """Judge figures one by one, in order; one that is missing or new is different.

    If none was recorded at all, they may have been shown in windows, or left out of the file.
    """
    judgements = []
    for then, now in zip_longest(recorded, rerun):
        if then and now:
            judgements.append(judge_figure(f"{output}: figure", then, now))
        else:
            brief = in_brief(then) if then else "none", in_brief(now) if now else "none"
            basis = "no figure today" if then else "no figure was recorded"
            verdict = Verdict.DIFFERENT if recorded else Verdict.NOT_JUDGED
            judgements.append(Judgement(f"{output}: figure", *brief, verdict, basis))
    return judgements


def judge_figure(output: str, recorded: Figure, rerun: Figure) -> Judgement:
    """Judge a figure by its axes and by the curves that its lines draw.

    Identical or consistent: no vertex is farther from the other figure's lines than `EXACT` or
    `VISIBLE`.
    """
    return Judgement(output, in_brief(recorded), in_brief(rerun), *_outcome(recorded, rerun))


def _outcome(recorded: Figure, rerun: Figure) -> Outcome:
    refusal = recorded.refusal or rerun.refusal
    if refusal and _is_same_picture(recorded.bitmap, rerun.bitmap):
        return Verdict.IDENTICAL, f"{refusal}; but every pixel is the same", {}
    if refusal:
        return Verdict.NOT_JUDGED, refusal, {}
    differences = _frame_differences(recorded, rerun)
    if differences:
        return Verdict.DIFFERENT, "; ".join(differences), {}
    distances = [_farthest(a, b) for a, b in zip(recorded.axes, rerun.axes)]
    points, (x, y), difference = max(distances)
    left_out = [name for axes in recorded.axes for name in axes.left_out]
    note = f"; left out: {', '.join(left_out)}" if left_out else ""
    numbers = {"points": points, "largest_difference": difference}
    if points <= EXACT:
        basis = f"every vertex within {difference:.1e} data units, the SVG's resolution{note}"
        return Verdict.IDENTICAL, basis, numbers
    if points <= VISIBLE:
        basis = f"the same curves, within {points:.1g} of a point (limit {VISIBLE}){note}"
        return Verdict.CONSISTENT, basis, numbers
    basis = f"{difference:.2g} data units, {points:.2g} points, apart at ({x:.4g}, {y:.4g}){note}"
    return Verdict.DIFFERENT, basis, numbers


def _is_same_picture(one: str, other: str) -> bool:
    """Return True if two PNG pictures in base64 have the same pixels."""
    try:
        a, b = (imread(io.BytesIO(base64.b64decode(picture))) for picture in (one, other))
    except (ValueError, OSError, SyntaxError):  # none, or a damaged one, as Pillow reports it
        return False
    return np.array_equal(a, b)


def in_brief(figure: Figure) -> str:
    """Return how many lines and vertices a figure has, in words."""
    if figure.refusal:
        return "a figure"
    lines = [line for axes in figure.axes for line in axes.polylines]
    return f"{len(lines)} lines, {sum(len(line.vertices) for line in lines)} vertices"


def _frame_differences(recorded: Figure, rerun: Figure) -> list[str]:
    """Return in words how the labels, or the number or the look of the lines, differ."""
    if len(recorded.axes) != len(rerun.axes):
        return [f"{len(recorded.axes)} axes became {len(rerun.axes)}"]
    differences = []
    for a, b in zip(recorded.axes, rerun.axes):
        for name in ("x_label", "y_label", "x_ticks", "y_ticks"):
            # A setting of Matplotlib, axes.unicode_minus, chooses the minus sign.
            before, after = (
                str(getattr(each, name)).replace("\N{MINUS SIGN}", "-") for each in (a, b)
            )
            if before != after:
                differences.append(f"{name.replace('_', ' ')} {before} became {after}")
        if Counter(map(look, a.polylines)) != Counter(map(look, b.polylines)):
            differences.append("not the same number of lines, colours or markers")
    return differences


def look(line: Polyline) -> tuple[Any, ...]:
    """Return what must be the same in two lines; with markers, their number too."""
    return line.color, line.marker, line.line, len(line.vertices) if line.marker else 0


def _farthest(a: Axes, b: Axes) -> tuple[float, tuple[float, float], float]:
    """Return how far any vertex of one axes is from the lines of the other, at most, in points.

    Also returns that vertex, and how far it is in data units along the axis on which that is more.
    """
    units = np.array(a.units)
    worst = 0.0, (0.0, 0.0), 0.0
    for one, other in ((a, b), (b, a)):
        for line in one.polylines:
            alike = [each for each in other.polylines if look(each) == look(line)]
            if line.marker:  # markers are seen one by one
                offsets = min(
                    (each.vertices - line.vertices for each in alike),
                    key=lambda offset: float(np.abs(offset / units).max()),
                )
            else:
                lines = [each.vertices / units for each in alike]
                offsets = _offsets(line.vertices / units, lines) * units
            points = np.hypot(*(offsets / units).T)
            index = int(np.argmax(points))
            x, y = line.vertices[index].tolist()
            worst = max(worst, (float(points[index]), (x, y), float(np.abs(offsets[index]).max())))
    return worst


def _offsets(vertices: Array, lines: list[Array]) -> Array:
    """Return the vector from each vertex to the nearest point on some lines: shape (n, 2)."""
    begins = np.concatenate([line[:-1] if len(line) > 1 else line for line in lines])
    along = np.concatenate([line[1:] if len(line) > 1 else line for line in lines]) - begins
    lengths = np.maximum((along**2).sum(axis=1), 1e-300)
    offsets = begins - vertices[:, np.newaxis]
    share = np.clip(-(offsets * along).sum(axis=2) / lengths, 0, 1)
    offsets = offsets + share[:, :, np.newaxis] * along
    nearest = (offsets**2).sum(axis=2).argmin(axis=1)
    return np.asarray(offsets[np.arange(len(vertices)), nearest])
