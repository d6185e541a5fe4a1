"""The result of an inference, in numbers, in words and as a chart. Nothing here computes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .scale import FRACTIONS, Scale

Array = npt.NDArray[np.float64]

LEVEL = 0.01  # of the test
ARRAYS = ("values", "log_likelihoods")  # of an interval
DEPTH = 15.0  # of the log-likelihood that is drawn
PADDING = 0.013  # of the drawing, on the scale of a hyperparameter
MOST_TICKS = 8
RATE_TICKS = np.outer(10.0 ** np.arange(-6, 4), [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8]).ravel()
FRACTION_TICKS = np.array(
    [0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995]
)


@dataclass(frozen=True)
class Interval:
    """What a loss curve says about one hyperparameter, the others being as stated.

    Attributes
    ----------
    name : str
    stated : float
    likeliest : float
        The value under which the curve is most likely.
    low, high : float or None
        The 99 % confidence interval: outside of it, a test at level 0.01 rejects every value. None
        if it rejects all of them. The ends are the first rejected values that were tried, at most a
        tenth too far out. An end at a tenth or ten times the stated value is where the search
        ended.
    noticed : (float or None, float or None)
        The closest values below and above the stated one that the test would notice in nine runs of
        ten. None if there is none in the range of the search.
    values, log_likelihoods : ndarray, shape (k,)
        The likelihood of the curve over the values that were tried, relative to the stated one's.
    """

    name: str
    stated: float
    likeliest: float
    low: Optional[float]
    high: Optional[float]
    noticed: tuple[Optional[float], Optional[float]]
    values: Array = field(repr=False)
    log_likelihoods: Array = field(repr=False)


@dataclass(frozen=True)
class Inference:
    """What a loss curve says about the call that gave it.

    Attributes
    ----------
    p : float
        The p-value of the stated call.
    runs : int
        How many fresh runs of the stated call the curve was ranked among.
    likelier : tuple of str
        What would make the curve likelier than the stated call, the best first, such as
        ``("lr ≈ 0.02", "gamma ≈ 0.99")``. Alternatives that make it a hundred times less likely
        than the best are left out.
    intervals : dict of str to Interval
        One for each hyperparameter that could be varied.
    first_losses : (float, float or None)
        The curve's loss before training, and that of the given start. It depends on the start
        alone and has no part in the p-value.
    limitation : str
        Why there are no alternatives and p rests on the Mahalanobis distance alone; empty if there
        are.
    """

    p: float
    runs: int
    likelier: tuple[str, ...]
    intervals: dict[str, Interval]
    first_losses: tuple[float, Optional[float]]
    limitation: str = ""


def as_numbers(inference: Inference) -> dict[str, Any]:
    """Return everything as dictionaries, lists, numbers and strings, which JSON can hold."""
    intervals = [
        {**vars(each), **{name: getattr(each, name).tolist() for name in ARRAYS}}
        for each in inference.intervals.values()
    ]
    return {**vars(inference), "intervals": intervals}


def intervals_from(numbers: dict[str, Any]) -> list[Interval]:
    """Return the intervals that `as_numbers` and JSON have turned into lists."""
    intervals = []
    for fields in numbers["intervals"]:
        arrays = {name: np.array(fields[name]) for name in ARRAYS}
        intervals.append(Interval(**{**fields, **arrays, "noticed": tuple(fields["noticed"])}))
    return intervals


def in_words(inference: Inference) -> str:
    """Return the conclusion from a loss curve.

    For an ordinary curve the intervals, and which values would be noticed nine times in ten: "lr in
    [0.0086, 0.012] (≤ 0.0077 or ≥ 0.013 would show)". For another one what explains it better: "lr
    ≈ 0.02 or gamma ≈ 0.99 would fit better".
    """
    if inference.limitation:
        return f"by the distance alone, because {inference.limitation}"
    if inference.p > LEVEL:
        return ", ".join(map(_interval_in_words, inference.intervals.values()))
    return f"{' or '.join(inference.likelier) or 'no alternative'} would fit better"


def _interval_in_words(interval: Interval) -> str:
    if interval.low is None:
        return f"no {interval.name}"
    signs = zip(("≤", "≥"), interval.noticed)
    noticed = [f"{sign} {value:.3g}" for sign, value in signs if value is not None]
    shown = f" ({' or '.join(noticed)} would show)" if noticed else ""
    return f"{interval.name} in [{interval.low:.3g}, {interval.high:.3g}]{shown}"


def interval_figure(intervals: Sequence[Interval], title: str) -> Figure:
    """Draw the likelihood of a curve over each hyperparameter, with its 99 % interval."""
    figure = Figure(figsize=(5 * len(intervals), 4), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(1, len(intervals), sharey=True, squeeze=False)[0]
    legend = {}  # by label, because the panels have the same
    for axes, interval in zip(panels, intervals):
        _draw(axes, interval)
        handles, _ = axes.get_legend_handles_labels()
        legend.update({handle.get_label(): handle for handle in handles})
    panels[0].set_ylabel("log-likelihood, below its largest value")
    panels[0].set_ylim(-DEPTH, 1)
    figure.legend(handles=list(legend.values()), loc="outside lower center", ncols=4)
    return figure


def _draw(axes: Axes, interval: Interval) -> None:
    """Draw one panel, on which equal distances are changes of equal importance."""
    values, below = interval.values, interval.log_likelihoods - interval.log_likelihoods.max()
    axes.plot(values, below, color="#0072B2", marker="o", markersize=4, label="log-likelihood")
    axes.axvline(interval.stated, color="black", linestyle="--", label="stated value")
    for value in interval.noticed:
        if value is not None:
            axes.axvline(value, color="#D55E00", linestyle=":", label="noticed in 9 runs of 10")
    wording = "every value is rejected"
    if interval.low is not None and interval.high is not None:
        axes.axvspan(interval.low, interval.high, color="#56B4E9", alpha=0.3, label="99 % interval")
        wording = f"{interval.low:.3g} to {interval.high:.3g}"
    axes.set(title=f"{interval.name}: {wording}; stated {interval.stated:g}", xlabel=interval.name)
    scale = Scale(interval.name, interval.stated)
    shown = np.append(values[below >= -DEPTH], interval.stated)
    low, high = shown.min(), shown.max()
    if interval.name in FRACTIONS:
        axes.set_xscale("function", functions=(scale.place, scale.value))
        choice = FRACTION_TICKS
    else:
        axes.set_xscale("log")
        choice = RATE_TICKS
    axes.set_xlim(scale.value(scale.place(low) - PADDING), scale.value(scale.place(high) + PADDING))
    ticks = choice[(low <= choice) & (choice <= high)]
    axes.set_xticks(ticks[:: 1 + len(ticks) // MOST_TICKS])
    axes.minorticks_off()
    axes.xaxis.set_major_formatter("{x:g}")
