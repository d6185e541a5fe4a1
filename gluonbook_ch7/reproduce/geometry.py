"""Figures held against each other as geometry in data coordinates, never as bytes or pixels."""

from collections.abc import Sequence

import numpy as np

from .svg import Figure, Polyline
from .verdict import Judgement, Verdict

__all__ = ["VERTEX_LIMIT", "in_brief", "judge_figure"]

VERTEX_LIMIT = 1e-6  # data units; a recorded SVG holds 6 decimals of a point


def judge_figure(output: str, recorded: Figure, rerun: Figure) -> Judgement:
    """Judge a figure as geometry: the same axes, and every vertex within 1e-6 of data units."""
    before, after = in_brief(recorded), in_brief(rerun)
    if recorded.refusal or rerun.refusal:
        refusal = recorded.refusal or rerun.refusal
        return Judgement(output, before, after, Verdict.NOT_JUDGED, refusal)
    differences = _frame_differences(recorded, rerun)
    if differences:
        return Judgement(output, before, after, Verdict.DIFFERENT, "; ".join(differences))
    largest = max(
        (
            _distance(line, _nearest(line, b.polylines))
            for a, b in zip(recorded.axes + rerun.axes, rerun.axes + recorded.axes)
            for line in a.polylines
        ),
        default=0.0,
    )
    verdict = Verdict.IDENTICAL if largest <= VERTEX_LIMIT else Verdict.DIFFERENT
    basis = f"largest distance of a vertex {largest:.1e} data units (limit {VERTEX_LIMIT:.0e})"
    return Judgement(output, before, after, verdict, basis, {"largest_difference": largest})


def in_brief(figure: Figure) -> str:
    """Say how many lines and vertices a figure has."""
    if figure.refusal:
        return "a figure"
    lines = [line for axes in figure.axes for line in axes.polylines]
    return f"{len(lines)} lines, {sum(len(line.vertices) for line in lines)} vertices"


def _frame_differences(recorded: Figure, rerun: Figure) -> list[str]:
    """Say in which way two figures cannot be compared vertex by vertex."""
    if len(recorded.axes) != len(rerun.axes):
        return [f"{len(recorded.axes)} axes became {len(rerun.axes)}"]
    differences = []
    for a, b in zip(recorded.axes, rerun.axes):
        for name in ("x_label", "y_label", "x_ticks", "y_ticks"):
            before, after = getattr(a, name), getattr(b, name)
            if before != after:
                differences.append(f"{name.replace('_', ' ')} {before} became {after}")
        if sorted(map(_look, a.polylines)) != sorted(map(_look, b.polylines)):
            differences.append("not the same number of lines, vertices, colours or markers")
    return differences


def _look(line: Polyline) -> tuple[str, bool, bool, int]:
    return line.color, line.marker, line.line, len(line.vertices)


def _nearest(line: Polyline, others: Sequence[Polyline]) -> Polyline:
    """Return the line of the same look that is nearest to `line`, wherever it stands in order."""
    return min(
        (other for other in others if _look(other) == _look(line)),
        key=lambda other: _distance(line, other),
    )


def _distance(line: Polyline, other: Polyline) -> float:
    """Return the largest difference of a coordinate, in data units."""
    return float(np.abs(line.vertices - other.vertices).max())
