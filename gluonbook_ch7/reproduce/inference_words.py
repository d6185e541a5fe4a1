"""An inference in words, for tables and pages, and as numbers that JSON can hold."""

from typing import Any

from .inference import Inference, Interval

__all__ = ["as_numbers", "difference_in_words", "intervals_in_words", "noticed_in_words"]


def difference_in_words(inference: Inference) -> str:
    """Return what a curve that differs from the stated call's would fit.

    For example "it fits lr ≈ 0.02 or gamma ≈ 0.99".
    """
    if not inference.likelier:
        return "it fits no alternative better"
    return f"it fits {' or '.join(inference.likelier)}"


def intervals_in_words(inference: Inference) -> str:
    """Return the 99 % intervals, for example "lr in [0.0086, 0.012]"."""
    return ", ".join(map(_interval_in_words, inference.intervals.values()))


def _interval_in_words(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return f"no {interval.name}"
    return f"{interval.name} in [{interval.low:.3g}, {interval.high:.3g}]"


def noticed_in_words(inference: Inference) -> str:
    """Return which changes the test would notice nine times in ten.

    For example "lr ≤ 0.0077 or ≥ 0.013, gamma ≥ 0.982".
    """
    found = []
    for interval in inference.intervals.values():
        signs = zip(("≤", "≥"), interval.noticed)
        ends = [f"{sign} {value:.3g}" for sign, value in signs if value is not None]
        if ends:
            found.append(f"{interval.name} {' or '.join(ends)}")
    return ", ".join(found)


def as_numbers(inference: Inference) -> dict[str, Any]:
    """Return everything as dictionaries, lists, numbers and strings."""
    recorded, expected = inference.first_losses
    return {
        "p": inference.p,
        "runs": inference.runs,
        "likelier": list(inference.likelier),
        "first_losses": [recorded, expected],
        "limitation": inference.limitation,
        "intervals": {
            name: {
                "stated": interval.stated,
                "likeliest": interval.likeliest,
                "interval": [interval.low, interval.high],
                "noticed": list(interval.noticed),
                "values": interval.values.tolist(),
                "log_likelihoods": interval.log_likelihoods.tolist(),
            }
            for name, interval in inference.intervals.items()
        },
    }
