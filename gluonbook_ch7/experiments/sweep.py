"""Sweeps: the final loss over a grid of hyperparameters, with several seeds per cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from .._mxnet import nd
from .._results import Result, Table
from .._validation import check_seeds
from ..errors import ArgumentError
from ..figures import plt
from ..training import Rule
from .charts import draw_losses, draw_sweep
from .ensemble import fit_ensemble
from .objective import full_batch_losses

ROWS_SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(Result):
    """The final losses of a sweep.

    Attributes
    ----------
    grid : dict of str to ndarray
        The values of each hyperparameter, in the order of the axes.
    seeds : tuple of int
    losses : ndarray, shape (values of the first hyperparameter, ..., seeds), float32
        The full-batch loss after the last checkpoint or, if there is none, after the last step; not
        finite where a run diverged.
    settings : dict
        ``rule``, ``hyperparams``, ``batch_size``, ``num_epochs``, ``data`` and ``versions``.
    """

    grid: dict[str, npt.NDArray[np.float64]]
    seeds: tuple[int, ...]
    losses: npt.NDArray[np.float32]
    settings: Mapping[str, Any]

    @property
    def median(self) -> npt.NDArray[np.float32]:
        """The median loss of each cell; infinite where half of its runs diverged."""
        losses = np.where(np.isfinite(self.losses), self.losses, np.inf)
        median: npt.NDArray[np.float32] = np.median(losses, axis=-1)
        return median

    @property
    def spread(self) -> npt.NDArray[np.float32]:
        """The largest minus the smallest loss of each cell; infinite where a run diverged."""
        with np.errstate(invalid="ignore"):  # between two infinite losses
            spread = np.ptp(self.losses, axis=-1)
        return np.where(self.diverged == 0, spread, np.float32(np.inf))

    @property
    def diverged(self) -> npt.NDArray[np.int64]:
        """How many runs of each cell diverged."""
        diverged: npt.NDArray[np.int64] = (~np.isfinite(self.losses)).sum(axis=-1)
        return diverged

    def cells(self) -> list[dict[str, float]]:
        """Return a row for each cell, the best first: hyperparameters, median, spread, diverged."""
        columns = dict(zip(self.grid, np.meshgrid(*self.grid.values(), indexing="ij")))
        columns.update(median=self.median, spread=self.spread, diverged=self.diverged)
        cells = zip(*(column.ravel().tolist() for column in columns.values()))
        return sorted((dict(zip(columns, cell)) for cell in cells), key=lambda row: row["median"])

    def _summary(self) -> str:
        shape = " × ".join(f"{len(values)} {name}" for name, values in self.grid.items())
        best = self.cells()[0]
        where = ", ".join(f"{name} {best[name]:.3g}" for name in self.grid)
        found = f"best {best['median']:.6f}{' at ' if where else ''}{where}"
        if np.isinf(best["median"]):
            found = "in each cell at least half of the runs diverged"
        rule = self.settings["rule"]
        return f"{rule}, {shape or 'one cell'}, {len(self.seeds)} seeds: {found}"

    def _table(self) -> Table:
        rows = self.cells()[:ROWS_SHOWN]
        return list(rows[0]), [[f"{value:.6g}" for value in row.values()] for row in rows]

    def plot(self, ax: Optional[Axes] = None) -> Any:
        """Plot the median final loss over one or two hyperparameters, and its spread.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            If given, only the median is plotted, into these axes.

        Returns
        -------
        matplotlib Axes, or an array of two

        Raises
        ------
        ArgumentError
            If no hyperparameter varies, or more than two.
        """
        if len(self.grid) not in (1, 2):
            raise ArgumentError(f"a figure shows 1 or 2 hyperparameters, not {len(self.grid)}")
        orders = [np.argsort(values) for values in self.grid.values()]
        grid = {name: self.grid[name][order] for name, order in zip(self.grid, orders)}
        cells = np.ix_(*orders)
        median, spread, diverged = self.median[cells], self.spread[cells], self.diverged[cells]
        if ax is not None:
            draw_losses(ax, grid, median, diverged)
            return ax
        figure = plt.figure(figsize=(11, 4.6), layout="constrained")
        rule, data = self.settings["rule"], self.settings["data"]
        figure.suptitle(f"{rule}, {len(self.seeds)} seeds per cell, {data}")
        return draw_sweep(figure, grid, median, spread, diverged)


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
        ``start``, ``count_rows``, ``max_memory``, ``executor``, ``store`` and ``on_block`` of
        `fit_ensemble`.

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
    axes = {}
    for name, values in grid.items():
        if np.ndim(values):
            axis = values.asnumpy() if isinstance(values, nd.NDArray) else np.asarray(values)
            if axis.ndim != 1 or not len(axis) or axis.dtype.kind not in "iuf":
                raise ArgumentError(f"the grid's {name} must be a number or a sequence of numbers")
            axes[name] = axis.astype(np.float64)
    shape = (*(len(values) for values in axes.values()), len(seeds))
    *cells, run_seeds = np.meshgrid(*axes.values(), np.array(seeds), indexing="ij")
    varying = {name: values.ravel() for name, values in zip(axes, cells)}
    runs = fit_ensemble(
        rule,
        states,
        {**grid, **varying},
        features,
        labels,
        batch_size,
        num_epochs,
        seeds=run_seeds.ravel().tolist(),
        **options,
    )
    settings = {**runs.settings, "hyperparams": {**runs.settings["hyperparams"], **axes}}
    losses = runs.losses[:, -1]
    if runs.losses.shape[1] == 1:  # there is no checkpoint, so this is the loss before training
        last = np.column_stack([runs.weights, runs.bias])
        with np.errstate(over="ignore"):  # a diverged loss is infinite in float32
            losses = full_batch_losses(last, features, labels).astype(np.float32)
    return Sweep(axes, seeds, losses.reshape(shape), settings)
