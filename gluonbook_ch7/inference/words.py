"""An inference in words, for tables and pages, and as numbers that JSON can hold."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .intervals import LEVEL, Interval

if TYPE_CHECKING:
    from .infer import Inference


def in_words(inference: "Inference") -> str:
    """Return what follows from a loss curve.

    For a curve that is ordinary under the stated call, the values that it is compatible with, and
    which others would be noticed nine times in ten: "lr in [0.0086, 0.012] (≤ 0.0077 or ≥ 0.013
    would show)". For one that is not, what explains it better: "lr ≈ 0.02 or gamma ≈ 0.99 would fit
    better".
    """
    if inference.limitation:
        return f"by the distance alone, because {inference.limitation}"
    if inference.p > LEVEL:
        return ", ".join(map(_interval_in_words, inference.intervals.values()))
    return f"{' or '.join(inference.likelier) or 'no alternative'} would fit better"


def _interval_in_words(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return f"no {interval.name}"
    signs = zip(("≤", "≥"), interval.noticed)
    noticed = [f"{sign} {value:.3g}" for sign, value in signs if value is not None]
    shown = f" ({' or '.join(noticed)} would show)" if noticed else ""
    return f"{interval.name} in [{interval.low:.3g}, {interval.high:.3g}]{shown}"


def as_numbers(inference: "Inference") -> dict[str, Any]:
    """Return everything as dictionaries, lists, numbers and strings."""
    intervals = inference.intervals.values()
    return {**vars(inference), "intervals": [_interval_numbers(each) for each in intervals]}


def _interval_numbers(interval: Interval) -> dict[str, Any]:
    arrays = ("values", "log_likelihoods")
    return {**vars(interval), **{name: getattr(interval, name).tolist() for name in arrays}}


def intervals_from(numbers: dict[str, Any]) -> list[Interval]:
    """Return the intervals that `as_numbers` and JSON have turned into lists."""
    return [
        Interval(
            **{
                **content,
                "noticed": tuple(content["noticed"]),
                "values": np.array(content["values"]),
                "log_likelihoods": np.array(content["log_likelihoods"]),
            }
        )
        for content in numbers["intervals"]
    ]
