"""Our own charts, of what the book could not do. Nothing here computes.

They are Figure objects of their own, so that the reader's current figure is left alone. Colours are
Okabe and Ito's, which colour-blind readers can tell apart; line styles and markers differ too.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._files import write_whole

__all__ = [
    "Fan",
    "comparison_figure",
    "fan_figure",
    "figure_bytes",
    "overlay_figure",
    "sweep_figure",
    "write_figure",
]

RECORDED: dict[str, Any] = {"color": "black", "linewidth": 1.2, "linestyle": "-"}
RERUN: dict[str, Any] = {"color": "#d55e00", "linewidth": 1.2, "linestyle": "--"}


def overlay_figure(
    recorded: Sequence[npt.NDArray[Any]],
    rerun: Sequence[npt.NDArray[Any]],
    labels: tuple[str, str],
    title: str,
) -> Figure:
    """Draw recorded lines and, over them, the rerun's.

    Parameters
    ----------
    recorded, rerun : sequence of ndarray, shape (n, 2)
        The lines' vertices in data units; the first of each is drawn with markers.
    labels : (str, str)
        Of the two axes.
    title : str
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    looks = (
        (recorded, {**RECORDED, "color": "#999999", "linewidth": 4.0}, "o", "recorded"),
        (rerun, RERUN, "x", "rerun"),
    )
    for lines, look, marker, name in looks:
        for i, vertices in enumerate(lines):
            first: dict[str, Any] = (
                {"marker": marker, "markersize": 6, "label": name} if i == 0 else {}
            )
            axes.plot(*vertices.T, **look, **first)
    axes.set(xlabel=labels[0], ylabel=labels[1], title=title)
    axes.legend()
    return figure


@dataclass(frozen=True)
class Fan:
    """One panel of a fan chart.

    Attributes
    ----------
    title : str
    epochs : ndarray, shape (m,)
    losses : ndarray, shape (runs, m)
        The ensemble whose bands are drawn.
    recorded, rerun : ndarray, shape (m,)
        The two curves drawn over it.
    """

    title: str
    epochs: npt.NDArray[Any]
    losses: npt.NDArray[Any]
    recorded: npt.NDArray[Any]
    rerun: npt.NDArray[Any]


def fan_figure(fans: Sequence[Fan], title: str) -> Figure:
    """Draw ensembles as bands of percentiles, the recorded curve and the rerun over them.

    The first epoch's fall is so much larger than the later fluctuations that the loss axis shows
    the fluctuations and lets the fall enter from above.

    Parameters
    ----------
    fans : sequence of Fan
        One panel each, on a common loss axis.
    title : str
        Over the whole chart.
    """
    figure = Figure(figsize=(5 * len(fans), 4.2), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(1, len(fans), sharey=True, squeeze=False)[0]
    bands = (
        (0, 100, "#dbe9f4", "all shuffles"),
        (5, 95, "#a6cbe6", "5 % to 95 %"),
        (25, 75, "#56a0d3", "25 % to 75 %"),
    )
    for axes, fan in zip(panels, fans):
        for low, high, color, name in bands:
            edges = np.percentile(fan.losses, [low, high], axis=0)
            axes.fill_between(fan.epochs, *edges, color=color, linewidth=0, label=name)
        axes.plot(fan.epochs, fan.recorded, **RECORDED, marker="o", markersize=4, label="recorded")
        axes.plot(fan.epochs, fan.rerun, **RERUN, marker="x", markersize=5, label="rerun")
        axes.set(xlabel="epoch", title=fan.title)
        axes.set_xlim(0, fan.epochs[-1] * 1.02)
        axes.legend()
    later = np.concatenate([fan.losses[:, len(fan.epochs) // 6 :].ravel() for fan in fans])
    low, high = np.nanpercentile(later, [0, 99.8])
    if np.isfinite([low, high]).all():
        panels[0].set_ylim(low - 0.1 * (high - low), high)
    panels[0].set_ylabel("loss")
    return figure


_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    {"color": "#D55E00", "linestyle": "--", "marker": "s"},
    {"color": "#009E73", "linestyle": "-.", "marker": "^"},
    {"color": "#CC79A7", "linestyle": ":", "marker": "D"},
    {"color": "#E69F00", "linestyle": (0, (5, 1, 1, 1, 1, 1)), "marker": "v"},
    {"color": "#000000", "linestyle": (0, (1, 2)), "marker": "x"},
)


def comparison_figure(
    losses: Mapping[str, npt.NDArray[Any]], gaps: Mapping[str, npt.NDArray[Any]], title: str
) -> Figure:
    """Draw loss curves above, and below them how far apart the weights are, step by step.

    Parameters
    ----------
    losses : dict of str to ndarray, shape (steps + 1,)
        One full-batch loss curve for each optimizer.
    gaps : dict of str to ndarray, shape (steps + 1,)
        The largest difference of any weight, one line for each case; zeros are left out.
    title : str
    """
    figure = Figure(figsize=(7.5, 7), layout="constrained")
    figure.suptitle(title)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    thin = {"linewidth": 1.3, "markersize": 5}
    for axes, lines in ((above, losses), (below, gaps)):
        for i, (name, values) in enumerate(lines.items()):
            steps = len(values) - 1
            # Each line has its markers elsewhere, so that lines on top of each other both show.
            every = max(1, steps // 10)
            start = min(steps, i * every // len(lines))
            shown = np.where(np.isfinite(values) & (values > 0), values, np.nan)
            axes.plot(
                shown, **_LOOKS[i % len(_LOOKS)], markevery=(start, every), **thin, label=name
            )
        axes.grid(color="#dddddd", linewidth=0.5)
    above.set_ylabel("loss")
    above.legend()
    below.set(yscale="log", xlabel="step", ylabel="largest difference of a weight")
    below.axhline(1e-6, color="#555555", linewidth=0.8)
    figure.legend(*below.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def sweep_figure(
    title: str,
    grid: Mapping[str, npt.NDArray[Any]],
    median: npt.NDArray[Any],
    spread: npt.NDArray[Any],
    diverged: npt.NDArray[Any],
) -> Figure:
    """Draw the final loss over a grid of one or two hyperparameters, and its spread.

    Parameters
    ----------
    title : str
    grid : dict of str to ndarray
        The values of each hyperparameter.
    median, spread, diverged : ndarray, shape (values of the first, values of the second)
        Of each cell, over its seeds; for one hyperparameter of shape (values,).
    """
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    if len(grid) == 1:
        _draw_curve(left, grid, median, diverged, "median final loss")
        _draw_curve(right, grid, spread, diverged, "spread over the seeds")
        return figure
    best = np.min(median)
    # Cells within a part in a thousand of the best look alike: their seeds differ by more.
    _draw_map(left, grid, np.maximum(median - best, 1e-3 * best), diverged)
    left.set_title(f"median final loss, above the best cell's {best:.4f} (star)")
    i, j = np.unravel_index(np.argmin(median), median.shape)
    x, y = grid.values()
    left.plot(x[i], y[j], "*", markersize=15, color="white", markeredgecolor="black")
    _draw_map(right, grid, spread, diverged)
    right.set_title("spread over the seeds (largest minus smallest)")
    return figure


def _draw_map(
    axes: Axes,
    grid: Mapping[str, npt.NDArray[Any]],
    values: npt.NDArray[Any],
    diverged: npt.NDArray[Any],
) -> None:
    """Draw one quantity over two hyperparameters, with a cross where a run diverged."""
    (x_name, x), (y_name, y) = grid.items()
    shown = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    mesh = axes.pcolormesh(x, y, shown.T, norm="log", cmap="viridis", shading="nearest")
    axes.figure.colorbar(mesh, ax=axes)
    _scale(axes.set_xscale, x)
    _scale(axes.set_yscale, y)
    axes.set(xlabel=x_name, ylabel=y_name)
    at = np.argwhere(diverged > 0)
    if len(at):
        axes.plot(x[at[:, 0]], y[at[:, 1]], "x", markersize=4, color="black", label="diverged")
        axes.figure.legend(*axes.get_legend_handles_labels(), loc="upper right")


def _draw_curve(
    axes: Axes,
    grid: Mapping[str, npt.NDArray[Any]],
    values: npt.NDArray[Any],
    diverged: npt.NDArray[Any],
    name: str,
) -> None:
    """Draw one quantity over one hyperparameter; values that diverged are marked above."""
    ((x_name, x),) = grid.items()
    axes.plot(x, np.where(np.isfinite(values), values, np.nan), marker="o", color="#0072B2")
    _scale(axes.set_xscale, x)
    axes.set(xlabel=x_name, ylabel=name, title=name, yscale="log")
    if (diverged > 0).any():
        at = x[diverged > 0]
        axes.plot(at, np.full(len(at), 0.97), "kx", transform=axes.get_xaxis_transform(),
                  label="diverged")  # fmt: skip
        axes.legend()


def _scale(set_scale: Callable[[str], None], values: npt.NDArray[Any]) -> None:
    """Use a logarithmic axis for values that are spaced in ratio."""
    steps = np.diff(values)
    if (values > 0).all() and len(values) > 2 and not np.allclose(steps, steps[0]):
        set_scale("log")


def write_figure(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure as SVG and as PNG; return the two paths."""
    return [
        write_whole(folder / f"{name}.{format}", figure_bytes(figure, format))
        for format in ("svg", "png")
    ]


def figure_bytes(figure: Figure, format: str) -> bytes:
    """Return a figure as the content of a file: ``"svg"`` or ``"png"``."""
    content = io.BytesIO()
    figure.savefig(content, format=format, dpi=150)
    return content.getvalue()
