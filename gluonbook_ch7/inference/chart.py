"""The chart of what a loss curve says about its hyperparameters. Nothing here computes."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .alternatives import Scale
from .infer import Interval

__all__ = ["interval_figure"]

DEPTH = 15.0  # of the log-likelihood that is shown
MOST_TICKS = 8
RATE_TICKS = [
    float(f"{step}e{power}")
    for power in range(-6, 4)
    for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
]
FRACTION_TICKS = [0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995]


def interval_figure(intervals: Sequence[Interval], title: str) -> Figure:
    """Draw the likelihood of a curve over each hyperparameter, with its 99 % interval.

    Parameters
    ----------
    intervals : sequence of Interval
        One panel each; at least one.
    title : str
        Over the whole chart.
    """
    figure = Figure(figsize=(5 * len(intervals), 4), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(1, len(intervals), sharey=True, squeeze=False)[0]
    for axes, interval in zip(panels, intervals):
        _draw(axes, interval)
    panels[0].set_ylabel("log-likelihood, below its largest value")
    panels[0].set_ylim(-DEPTH, 1)
    legend: dict[str, Artist] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        legend.update(zip(map(str, labels), handles))
    figure.legend(list(legend.values()), list(legend), loc="outside lower center", ncols=4)
    return figure


def _draw(axes: Axes, interval: Interval) -> None:
    """Draw one panel; equal distances are changes of equal importance."""
    x = _places(interval, interval.values)
    below = interval.log_likelihoods - interval.log_likelihoods.max()
    axes.plot(x, below, color="#0072B2", marker="o", markersize=4, label="log-likelihood")
    (stated,) = _places(interval, [interval.stated])
    axes.axvline(stated, color="black", linestyle="--", label="stated value")
    for value, label in zip(interval.noticed, ("noticed in 9 runs of 10", None)):
        if value is not None:
            (at,) = _places(interval, [value])
            axes.axvline(at, color="#D55E00", linestyle=":", label=label)
    wording = "every value is rejected"
    if interval.low is not None and interval.high is not None:
        low, high = _places(interval, [interval.low, interval.high])
        axes.axvspan(low, high, color="#56B4E9", alpha=0.3, label="99 % interval")
        wording = f"{interval.low:.3g} to {interval.high:.3g}"
    axes.set(title=f"{interval.name}: {wording}; stated {interval.stated:g}", xlabel=interval.name)
    _set_ticks(axes, interval, x[below >= -DEPTH])


def _places(interval: Interval, values: Iterable[float]) -> npt.NDArray[np.float64]:
    """Return where values are on the axis, the smallest to the left."""
    scale = Scale(interval.name, interval.stated)
    sign = -1 if scale.is_fraction else 1
    return np.array([sign * scale.place(value) for value in values])


def _set_ticks(axes: Axes, interval: Interval, shown: npt.NDArray[np.float64]) -> None:
    """Let the axis show the places that matter, and label it with values."""
    scale = Scale(interval.name, interval.stated)
    (stated,) = _places(interval, [interval.stated])
    low, high = min(*shown, stated) - 0.05, max(*shown, stated) + 0.05
    axes.set_xlim(low, high)
    ticks = FRACTION_TICKS if scale.is_fraction else RATE_TICKS
    inside = [(x, tick) for x, tick in zip(_places(interval, ticks), ticks) if low <= x <= high]
    inside = inside[:: 1 + len(inside) // MOST_TICKS]
    axes.set_xticks([x for x, _ in inside], [f"{tick:g}" for _, tick in inside])
