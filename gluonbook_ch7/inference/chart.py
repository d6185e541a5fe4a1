"""The chart of what a loss curve says about its hyperparameters. Nothing here computes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .intervals import Interval
from .scale import CLOSEST_TO_1, FRACTIONS

Array = npt.NDArray[np.float64]

DEPTH = 15.0  # of the log-likelihood that is shown
MOST_TICKS = 8
PADDING = 1.03  # as a factor
RATE_TICKS = [
    float(f"{step}e{power}")
    for power in range(-6, 4)
    for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
]
FRACTION_TICKS = [0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995]


def interval_figure(intervals: Sequence[Interval], title: str) -> Figure:
    """Draw the likelihood of a curve over each hyperparameter, with its 99 % interval."""
    figure = Figure(figsize=(5 * len(intervals), 4), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(1, len(intervals), sharey=True, squeeze=False)[0]
    legend: dict[str, Artist] = {}
    for axes, interval in zip(panels, intervals):
        _draw(axes, interval)
        handles, labels = axes.get_legend_handles_labels()
        legend.update(zip(map(str, labels), handles))
    panels[0].set_ylabel("log-likelihood, below its largest value")
    panels[0].set_ylim(-DEPTH, 1)
    figure.legend(list(legend.values()), list(legend), loc="outside lower center", ncols=4)
    return figure


def _draw(axes: Axes, interval: Interval) -> None:
    """Draw one panel."""
    values, below = interval.values, interval.log_likelihoods - interval.log_likelihoods.max()
    axes.plot(values, below, color="#0072B2", marker="o", markersize=4, label="log-likelihood")
    axes.axvline(interval.stated, color="black", linestyle="--", label="stated value")
    for value, label in zip(interval.noticed, ("noticed in 9 runs of 10", None)):
        if value is not None:
            axes.axvline(value, color="#D55E00", linestyle=":", label=label)
    wording = "every value is rejected"
    if interval.low is not None and interval.high is not None:
        axes.axvspan(interval.low, interval.high, color="#56B4E9", alpha=0.3, label="99 % interval")
        wording = f"{interval.low:.3g} to {interval.high:.3g}"
    axes.set(title=f"{interval.name}: {wording}; stated {interval.stated:g}", xlabel=interval.name)
    _scale(axes, interval.name, [*values[below >= -DEPTH], interval.stated])


def _scale(axes: Axes, name: str, shown: Sequence[float]) -> None:
    """Scale the axis so that equal distances are changes of equal importance."""
    low, high = min(shown), max(shown)
    if name in FRACTIONS:
        ticks = FRACTION_TICKS
        axes.set_xscale("function", functions=(_distance_from_1, lambda x: 1 - 10**-x))
        axes.set_xlim(1 - (1 - low) * PADDING, 1 - (1 - high) / PADDING)
    else:
        ticks = RATE_TICKS
        axes.set_xscale("log")
        axes.set_xlim(low / PADDING, high * PADDING)
    ticks = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(ticks[:: 1 + len(ticks) // MOST_TICKS])
    axes.minorticks_off()
    axes.xaxis.set_major_formatter("{x:g}")


def _distance_from_1(values: Array) -> Array:
    """Return how many powers of ten values are closer to 1 than 0 is."""
    distance: Array = -np.log10(np.maximum(1 - values, 10**CLOSEST_TO_1))
    return distance
