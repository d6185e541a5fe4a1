"""The comparison as it is shown: rows for a table, a figure, and what JSON can hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt

from .charts import comparison_figure, write_figure
from .compare import Comparison, Gap

__all__ = ["difference_rows", "loss_rows", "meaning_rows", "summary", "write_comparison"]

AS_IN_BOOK, ALIGNED = "as in the book", "aligned"


def difference_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return one row for each case: what is left different, how much, and the peers' differences.

    The columns are the rule, the case, the largest difference of a weight, the same relative and in
    units in the last place of the largest weight, the first step over 1e-6, the largest difference
    in the worst trial, and one for each peer.
    """
    return [
        (
            comparison.rule.name,
            case,
            f"{gap.largest:.1e}",
            f"{gap.relative:.1e}",
            _in_ulps(gap.ulps),
            "never" if gap.first_over() is None else str(gap.first_over()),
            f"{gap.worst:.1e}",
            *_peer_cells(comparison, case),
        )
        for case, gap in _cases(comparison).items()
    ]


def meaning_rows(comparisons: Sequence[Comparison]) -> list[tuple[str, ...]]:
    """Return what each known difference means: its name, the rules, what ours does, and Gluon's."""
    rules: dict[tuple[str, ...], list[str]] = {}
    for comparison in comparisons:
        for difference in comparison.rule.differences:
            meaning = (difference.name, difference.ours, difference.gluons)
            rules.setdefault(meaning, []).append(comparison.rule.name)
    return [(name, ", ".join(of), ours, gluons) for (name, ours, gluons), of in rules.items()]


def loss_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return the rule, its hyperparameters, each optimizer's median final loss, and divergence."""
    settings = ", ".join(f"{name} {value}" for name, value in comparison.hyperparams.items())
    losses = [f"{np.median(loss):.6f}" for loss in comparison.final_losses.values()]
    diverged = [f"{name} at step {step}" for name, step in comparison.diverged_at.items()]
    return [(comparison.rule.name, settings, *losses, ", ".join(diverged) or "no")]


def write_comparison(comparison: Comparison, source: str, folder: Path) -> list[Path]:
    """Draw a comparison; write it as SVG and PNG.

    The loss curves are the first trial's, the differences the median of all trials at each step.

    Parameters
    ----------
    comparison : Comparison
    source : str
        What data it was computed from, for the title.
    folder : Path
        Made if need be.

    Returns
    -------
    list of Path
        What was written.
    """
    name, trials = comparison.rule.name, len(comparison.seeds)
    losses = {optimizer: losses[0] for optimizer, losses in comparison.losses.items()}
    gaps = {case: _median(gap) for case, gap in _cases(comparison).items()}
    figure = comparison_figure(
        losses,
        gaps,
        f"{name} from scratch beside Gluon's, minibatches of {comparison.batch_size}\n"
        f"{source}; seeds: {trials}",
    )
    return write_figure(figure, folder, f"compare_{name}")


def summary(comparison: Comparison) -> dict[str, Any]:
    """Return everything but the curves as what JSON can hold."""
    gaps = {"as_in_book": comparison.as_in_book, "aligned": comparison.aligned}
    only, peers, aligned = comparison.only, comparison.peers, comparison.peers_aligned
    return {
        **_each(gaps, "largest"),
        "only": _each(only, "largest"),
        **{name: {**_each(gaps, name), "only": _each(only, name)} for name in _MEASURES},
        "peers": _each(peers, "largest"),
        "peers_aligned": _each(aligned, "largest"),
        "final_losses": {name: loss.tolist() for name, loss in comparison.final_losses.items()},
        "diverged_at": comparison.diverged_at,
        "differences": {d.name: [d.ours, d.gluons] for d in comparison.rule.differences},
        "gluon": comparison.rule.gluon,
        "hyperparams": dict(comparison.hyperparams),
        "batch_size": comparison.batch_size,
        "num_epochs": comparison.num_epochs,
        "seeds": list(comparison.seeds),
    }


_MEASURES: Mapping[str, Callable[[Gap], Any]] = {
    "largest": lambda gap: gap.largest,
    "worst": lambda gap: gap.worst,
    "relative": lambda gap: gap.relative,
    "ulps": lambda gap: gap.ulps,
    "first_step_over_1e-6": Gap.first_over,
}


def _each(gaps: Mapping[str, Gap], measure: str) -> dict[str, Any]:
    return {name: _MEASURES[measure](gap) for name, gap in gaps.items()}


def _cases(comparison: Comparison) -> dict[str, Gap]:
    only = {f"only {name}": gap for name, gap in comparison.only.items()}
    return {AS_IN_BOOK: comparison.as_in_book, **only, ALIGNED: comparison.aligned}


def _peer_cells(comparison: Comparison, case: str) -> list[str]:
    """Return each peer's difference: with its own defaults beside the book, else aligned."""
    shown = {AS_IN_BOOK: comparison.peers, ALIGNED: comparison.peers_aligned}.get(case, {})
    return [f"{shown[peer].largest:.1e}" if peer in shown else "" for peer in comparison.peers]


def _in_ulps(ulps: float) -> str:
    return f"{ulps:.1f}" if ulps < 1000 else f"{ulps:.1e}"


def _median(gap: Gap) -> npt.NDArray[np.float64]:
    """Return the median of all trials that have not diverged, at each step; NaN if none is left."""
    alive = np.isfinite(gap.absolute).any(axis=0)
    median = np.full(gap.absolute.shape[1], np.nan)
    median[alive] = np.nanmedian(gap.absolute[:, alive], axis=0)
    return median
