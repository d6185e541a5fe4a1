"""The book's figures, and how a notebook shows them. Nothing here computes."""

import sys
from collections.abc import Sequence
from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

__all__ = ["plot_loss", "plot_trace_2d", "plt", "set_figsize", "use_svg_display"]


def use_svg_display() -> None:
    """Show figures as SVG in a notebook; outside IPython there is nothing to set."""
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("svg")


def set_figsize(figsize: tuple[float, float] = (3.5, 2.5)) -> None:
    """Set the size of the figures to come, in inches, and show them as SVG."""
    use_svg_display()
    plt.rcParams["figure.figsize"] = figsize


def plot_loss(
    epochs: npt.NDArray[np.float64],
    losses: npt.NDArray[np.float32],
    axes: Optional[Axes] = None,
) -> None:
    """Plot a loss curve as the book does, into the current figure unless axes are given."""
    axes = plt.gca() if axes is None else axes
    axes.plot(epochs, losses)
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")


def plot_trace_2d(f: Callable[..., Any], trace: Sequence[tuple[float, float]]) -> None:
    """Plot a 2-D trace over the contours of `f` into the current figure, as the book does."""
    x1, x2 = zip(*trace)
    plt.plot(x1, x2, "-o", color="#ff7f0e")
    grid_x1 = np.arange(-5.5, 1.0, 0.1)
    low, high = min(-3.0, min(x2) - 1), max(1.0, max(x2) + 1)
    # The book's 0.1, unless a descent that diverged would need a grid of gigabytes.
    grid_x2 = np.arange(low, high, max(0.1, (high - low) / 50_000))
    grid_x1, grid_x2 = np.meshgrid(grid_x1, grid_x2)
    plt.contour(grid_x1, grid_x2, f(grid_x1, grid_x2), colors="#1f77b4")
    plt.xlabel("x1")
    plt.ylabel("x2")
