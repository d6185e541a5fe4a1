"""Sweeps: the final loss over a grid of hyperparameters, several seeds a cell."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from .._mxnet import nd
from .._validation import check_seeds
from ..errors import ArgumentError
from ..training import Rule
from .ensemble import fit_ensemble

__all__ = ["Sweep", "sweep"]


@dataclass(frozen=True)
class Sweep:
    """The final losses of a sweep.

    Attributes
    ----------
    grid : dict of str to ndarray
        The values of each hyperparameter, in the order of the axes.
    seeds : tuple of int
    losses : ndarray, shape (values of the first hyperparameter, ..., seeds), float32
        The full-batch loss after the last checkpoint; not finite where a run diverged.
    """

    grid: dict[str, npt.NDArray[np.float64]]
    seeds: tuple[int, ...]
    losses: npt.NDArray[np.float32]

    @property
    def median(self) -> npt.NDArray[np.float32]:
        """The median loss of each cell; infinite where half of its runs diverged."""
        losses = np.where(np.isfinite(self.losses), self.losses, np.inf)
        median: npt.NDArray[np.float32] = np.median(losses, axis=-1)
        return median

    @property
    def spread(self) -> npt.NDArray[np.float32]:
        """The largest minus the smallest loss of each cell; infinite where a run diverged."""
        losses = np.where(np.isfinite(self.losses), self.losses, np.inf)
        with np.errstate(invalid="ignore"):
            spread = losses.max(axis=-1) - losses.min(axis=-1)
        return np.where(np.isfinite(losses).all(axis=-1), spread, np.inf)

    @property
    def diverged(self) -> npt.NDArray[np.int64]:
        """How many runs of each cell diverged."""
        diverged: npt.NDArray[np.int64] = (~np.isfinite(self.losses)).sum(axis=-1)
        return diverged

    def cells(self) -> list[dict[str, float]]:
        """Return one row a cell, the best first: its hyperparameters, median, spread, diverged."""
        settings = itertools.product(*(values.tolist() for values in self.grid.values()))
        results = zip(self.median.ravel(), self.spread.ravel(), self.diverged.ravel())
        rows = [
            {
                **dict(zip(self.grid, setting)),
                "median": float(median),
                "spread": float(spread),
                "diverged": int(diverged),
            }
            for setting, (median, spread, diverged) in zip(settings, results)
        ]
        return sorted(rows, key=lambda row: row["median"])


def sweep(
    rule: Union[Rule, str],
    states: Any,
    grid: Mapping[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
    *,
    seeds: Union[int, Sequence[int]] = 16,
    **options: Any,
) -> Sweep:
    """Train with every combination of hyperparameters, each with every seed.

    Parameters
    ----------
    rule, states, features, labels, batch_size, num_epochs
        As in `fit_ensemble`.
    grid : dict
        For each hyperparameter a number, or the sequence of its values.
    seeds : int or sequence of int
        n means ``range(n)``. Each cell of the grid is trained once with each, from the start that
        the seed draws, so cells differ by their hyperparameters alone.
    **options
        ``start``, ``max_memory``, ``executor``, ``store`` and ``on_block`` of `fit_ensemble`.

    Returns
    -------
    Sweep
        Its axes are the hyperparameters that were given as sequences.

    Raises
    ------
    ArgumentError
        If a sequence is empty or not of numbers, and as `fit_ensemble` does.
    """
    seeds = check_seeds(seeds)
    axes = {name: _values(name, values) for name, values in grid.items() if np.ndim(values)}
    shape = (*(len(values) for values in axes.values()), len(seeds))
    settings = np.meshgrid(*axes.values(), np.arange(len(seeds)), indexing="ij")
    varying = {name: values.ravel() for name, values in zip(axes, settings)}
    runs = fit_ensemble(
        rule,
        states,
        {**grid, **varying},
        features,
        labels,
        batch_size,
        num_epochs,
        seeds=np.array(seeds)[settings[-1].ravel()].tolist(),
        **options,
    )
    return Sweep(axes, seeds, runs.losses[:, -1].reshape(shape))


def _values(name: str, values: Any) -> npt.NDArray[np.float64]:
    """Return the values of one hyperparameter, (values,), float64."""
    array = np.asarray(values)
    if array.ndim != 1 or not len(array) or array.dtype.kind not in "iuf":
        raise ArgumentError(f"the grid's {name} must be a number or a sequence of numbers")
    return array.astype(np.float64)
