"""Charts of the experiments and of reruns, none of which the book has. Nothing here trains.

They are Figure objects of their own, so that the reader's current figure is left alone. Colours are
Okabe and Ito's, which colour-blind readers can tell apart; line styles and markers differ too.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._files import write_whole
from .gap import LIMIT

Array = npt.NDArray[Any]
Grid = Mapping[str, Array]  # the values of each hyperparameter of a sweep

Look = dict[str, Any]
RECORDED: Look = {"color": "black", "linestyle": "-", "marker": "o", "label": "recorded"}
RERUN: Look = {"color": "#d55e00", "linestyle": "--", "marker": "x", "label": "rerun"}


def overlay_figure(
    recorded: Sequence[Array], rerun: Sequence[Array], labels: tuple[str, str], title: str
) -> Figure:
    """Draw recorded lines and, over them, the rerun's; the first of each has markers.

    A line is its vertices in data units, (n, 2). The labels are those of the two axes.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    below = {**RECORDED, "color": "#999999", "linewidth": 4.0}
    above = {**RERUN, "linewidth": 1.2}
    for lines, look in ((recorded, below), (rerun, above)):
        for vertices in lines:
            axes.plot(*vertices.T, markersize=6, **look)
            look.update(marker="", label=None)
    axes.set(xlabel=labels[0], ylabel=labels[1], title=title)
    axes.legend()
    return figure


class Fan(NamedTuple):
    """One panel of a fan chart: the bands of an ensemble, and two curves over them."""

    title: str
    epochs: Array  # (m,)
    losses: Array  # of the ensemble, (runs, m)
    recorded: Array  # (m,)
    rerun: Array


def fan_figure(fans: Sequence[Fan], title: str) -> Figure:
    """Draw ensembles as bands of percentiles, the recorded curve and the rerun over them.

    The panels share a loss axis, which shows the later fluctuations; the first epoch's fall is much
    larger and enters from above.
    """
    figure = Figure(figsize=(5 * len(fans), 4.2), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(1, len(fans), sharey=True, squeeze=False)[0]
    for axes, fan in zip(panels, fans):
        _draw_bands(axes, fan.epochs, fan.losses)
        axes.plot(fan.epochs, fan.recorded, linewidth=1.2, markersize=4, **RECORDED)
        axes.plot(fan.epochs, fan.rerun, linewidth=1.2, markersize=5, **RERUN)
        axes.set_title(fan.title)
        axes.legend()
    _show_later(panels[0], [fan.losses for fan in fans])
    panels[0].set_ylabel("loss")
    return figure


def draw_ensemble(axes: Axes, epochs: Array, losses: Array) -> None:
    """Draw an ensemble's losses, (runs, m), as bands of percentiles and their median."""
    _draw_bands(axes, epochs, losses)
    axes.plot(epochs, _percentiles(losses, [50])[0], color="black", linewidth=1.2, label="median")
    _show_later(axes, [losses])
    axes.set_ylabel("loss")
    axes.legend()


def _draw_bands(axes: Axes, epochs: Array, losses: Array) -> None:
    """Draw between which losses all, 90 % and 50 % of the runs are at each checkpoint."""
    bands = (
        (0, 100, "#dbe9f4", "all runs"),
        (5, 95, "#a6cbe6", "5 % to 95 %"),
        (25, 75, "#56a0d3", "25 % to 75 %"),
    )
    for low, high, color, name in bands:
        edges = _percentiles(losses, [low, high])
        axes.fill_between(epochs, *edges, color=color, linewidth=0, label=name)
    axes.set_xlabel("epoch")
    axes.set_xlim(0, epochs[-1] * 1.02)


def _show_later(axes: Axes, ensembles: Sequence[Array]) -> None:
    """Set the loss axis so that it shows the fluctuations after the first fall."""
    later = [losses[:, losses.shape[1] // 6 :].ravel() for losses in ensembles]
    low, high = np.nanpercentile(np.concatenate(later), [0, 99.8])
    if np.isfinite([low, high]).all() and low < high:
        axes.set_ylim(low - 0.1 * (high - low), high)


_LOOKS: tuple[Look, ...] = (
    {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    {"color": "#D55E00", "linestyle": "--", "marker": "s"},
    {"color": "#009E73", "linestyle": "-.", "marker": "^"},
    {"color": "#CC79A7", "linestyle": ":", "marker": "D"},
    {"color": "#E69F00", "linestyle": (0, (5, 1, 1, 1, 1, 1)), "marker": "v"},
    {"color": "#000000", "linestyle": (0, (1, 2)), "marker": "x"},
)
GAPS_TITLE = "what is left different"


def draw_comparison(
    figure: Figure, losses: Mapping[str, Array], gaps: Mapping[str, Array]
) -> Array:
    """Draw losses above, and below them how far apart the parameters are; return the two axes.

    Both are (seeds, steps + 1): the losses by optimizer, the gaps by what is left different.
    """
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    for i, (name, values) in enumerate(losses.items()):
        _draw_median(above, values, i, len(losses), label=name)
    above.grid(color="#dddddd", linewidth=0.5)
    above.set_ylabel("loss")
    above.legend()
    draw_gaps(below, gaps)
    lines = below.get_legend_handles_labels()
    figure.legend(*lines, loc="outside lower center", ncols=2, title=GAPS_TITLE)
    return np.array([above, below])


def draw_gaps(axes: Axes, gaps: Mapping[str, Array]) -> None:
    """Draw the largest difference up to each step for each case, and the limit of rounding."""
    for i, (name, so_far) in enumerate(gaps.items()):
        _draw_median(axes, np.where(so_far > 0, so_far, np.nan), i, len(gaps), label=name)
    axes.axhline(LIMIT, color="#555555", linewidth=0.8, label="1e-6: below, only rounding")
    axes.set(yscale="log", xlabel="step", ylabel="largest difference up to the step")
    axes.grid(color="#dddddd", linewidth=0.5)


def _draw_median(axes: Axes, values: Array, i: int, of: int, label: str) -> None:
    """Draw the seeds' median as line `i` of several, and their range as a band."""
    steps = values.shape[1] - 1
    # Each line has its markers elsewhere, so that lines on top of each other all show.
    every = max(1, steps // 10)
    offset = min(steps, i * every // of)
    low, middle, high = _percentiles(values, [0, 50, 100])
    look = _LOOKS[i % len(_LOOKS)]
    axes.plot(middle, markevery=(offset, every), linewidth=1.3, markersize=5, label=label, **look)
    axes.fill_between(range(steps + 1), low, high, color=look["color"], alpha=0.15, linewidth=0)


def _percentiles(values: Array, percents: Sequence[float]) -> Array:
    """Return percentiles at each step of the runs that are finite; NaN where none is left."""
    values = np.where(np.isfinite(values), values, np.nan)
    percentiles = np.full((len(percents), values.shape[1]), np.nan)
    alive = np.isfinite(values).any(axis=0)
    percentiles[:, alive] = np.nanpercentile(values[:, alive], percents, axis=0)
    return percentiles


def draw_sweep(figure: Figure, grid: Grid, median: Array, spread: Array, diverged: Array) -> Array:
    """Draw the final loss over a grid of one or two hyperparameters, and its spread."""
    left, right = figure.subplots(1, 2)
    draw_losses(left, grid, median, diverged)
    _draw(right, grid, spread, diverged, "spread over the seeds (largest minus smallest)")
    return np.array([left, right])


def draw_losses(axes: Axes, grid: Grid, median: Array, diverged: Array) -> None:
    """Draw the median final loss over one or two hyperparameters."""
    best = np.min(median)
    if len(grid) == 1 or np.isinf(best):
        _draw(axes, grid, median, diverged, "median final loss")
        return
    title = f"median final loss, above the best cell's {best:.4f} (star)"
    # Cells within a part in a thousand of the best look alike: their seeds differ by more.
    _draw_map(axes, grid, np.maximum(median - best, 1e-3 * best), diverged, title)
    i, j = np.unravel_index(np.argmin(median), median.shape)
    x, y = grid.values()
    axes.plot(x[i], y[j], "*", markersize=15, color="white", markeredgecolor="black")


def _draw(axes: Axes, grid: Grid, values: Array, diverged: Array, title: str) -> None:
    """Draw one quantity over one or two hyperparameters."""
    draw = _draw_curve if len(grid) == 1 else _draw_map
    draw(axes, grid, values, diverged, title)


def _draw_map(axes: Axes, grid: Grid, values: Array, diverged: Array, title: str) -> None:
    """Draw one quantity over two hyperparameters, with a cross where a run diverged."""
    (x_name, x), (y_name, y) = grid.items()
    shown = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    norm = None if np.isnan(shown).all() else "log"  # the spread of a single seed is zero
    mesh = axes.pcolormesh(_borders(x), _borders(y), shown.T, norm=norm, cmap="viridis")
    axes.figure.colorbar(mesh, ax=axes)
    axes.set(xlabel=x_name, ylabel=y_name, xscale=_scale(x), yscale=_scale(y), title=title)
    i, j = np.nonzero(diverged)
    if len(i):
        axes.plot(x[i], y[j], "x", markersize=4, color="black", label="diverged")
        axes.figure.legend(*axes.get_legend_handles_labels(), loc="upper right")


def _draw_curve(axes: Axes, grid: Grid, values: Array, diverged: Array, title: str) -> None:
    """Draw one quantity over one hyperparameter; values that diverged are marked above."""
    ((x_name, x),) = grid.items()
    shown = np.where(np.isfinite(values), values, np.nan)
    axes.plot(x, shown, marker="o", color="#0072B2")
    scale = "log" if (shown > 0).any() else "linear"  # the spread of a single seed is zero
    axes.set(xlabel=x_name, ylabel=title, title=title, xscale=_scale(x), yscale=scale)
    at = x[diverged > 0]
    if len(at):
        top = axes.get_xaxis_transform()
        axes.plot(at, np.full(len(at), 0.97), "kx", transform=top, label="diverged")
        axes.legend()


def _scale(values: Array) -> str:
    """Return the scale of an axis: logarithmic for values that are spaced in ratio."""
    steps = np.diff(values)
    in_ratio = (values > 0).all() and len(values) > 2 and not np.allclose(steps, steps[0])
    return "log" if in_ratio else "linear"


def _borders(values: Array) -> Array:
    """Return the borders of a map's cells, half-way between the values on their axis."""
    if len(values) == 1:
        return np.array([values[0] - 0.5, values[0] + 0.5])
    in_ratio = _scale(values) == "log"
    at = np.log(values) if in_ratio else values
    middles = (at[:-1] + at[1:]) / 2
    borders = np.r_[2 * at[0] - middles[0], middles, 2 * at[-1] - middles[-1]]
    return np.exp(borders) if in_ratio else np.asarray(borders)


def write_figure(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure as SVG and as PNG; return the two paths."""
    kinds = ("svg", "png")
    return [write_whole(folder / f"{name}.{kind}", figure_bytes(figure, kind)) for kind in kinds]


def figure_bytes(figure: Figure, format: str) -> bytes:
    """Return a figure as the content of a file: ``"svg"`` or ``"png"``."""
    content = io.BytesIO()
    figure.savefig(content, format=format, dpi=150)
    return content.getvalue()
