"""Ensembles: many runs at once, each with its own shuffles.

Run *i* is the single run ``fit_scratch(..., seed=seeds[i])`` or ``fit_gluon(..., seed=seeds[i])``,
to float32 rounding, whatever the other runs are and wherever it is computed.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Callable, Optional, Union

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from .. import _validation as validation
from .._mxnet import nd
from .._mxnet.locking import in_turn
from .._optimizers import check_names, check_optimizer
from .._results import Result, Table, run_settings, some_of
from .._sampling import draw_starts
from .._trees import map_arrays
from ..errors import ArgumentError
from ..figures import plt
from ..training import Rule
from .blocks import Store, run_blocks
from .charts import draw_ensemble
from .objective import full_batch_losses
from .registry import rule_of
from .stacked import StackedRuns

RUNS_PER_BLOCK = 1000


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble(Result):
    """The full-batch losses of many runs, and what they learned.

    Attributes
    ----------
    seeds : tuple of int
        The seed of each run.
    epochs : ndarray, shape (m,), float64
        Where the book plots each loss, as in `LossCurve`.
    losses : ndarray, shape (runs, m), float32
        One loss curve per row.
    weights : ndarray, shape (runs, k), float32
    bias : ndarray, shape (runs,), float32
        After the last step.
    settings : dict
        ``rule``, ``hyperparams``, ``batch_size``, ``num_epochs``, ``data`` and ``versions``.
    """

    seeds: tuple[int, ...]
    epochs: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    settings: Mapping[str, Any]

    @property
    def diverged_at(self) -> tuple[Optional[int], ...]:
        """For each run the first checkpoint whose loss is not finite, or None."""
        diverged = ~np.isfinite(self.losses)
        return tuple(int(run.argmax()) if run.any() else None for run in diverged)

    def _summary(self) -> str:
        low, middle, high = self._percentiles([0, 50, 100])[:, -1]
        when = "final loss" if self.losses.shape[1] > 1 else "loss before training"
        return (
            f"{self.settings['rule']}, {len(self.seeds):,} runs: median {when} {middle:.6f}, "
            f"{low:.6f} to {high:.6f}"
        )

    def _table(self) -> Table:
        percentiles = self._percentiles([0, 5, 50, 95, 100])
        rows = [
            (f"{self.epochs[i]:.2f}", *(f"{loss:.6f}" for loss in percentiles[:, i]))
            for i in some_of(len(self.epochs))
        ]
        return ("epoch", "lowest", "5 %", "median", "95 %", "highest"), rows

    def _percentiles(self, percents: Sequence[float]) -> npt.NDArray[np.float64]:
        """Return percentiles of the losses at each checkpoint; a diverged loss is infinite."""
        losses = np.where(np.isfinite(self.losses), self.losses, np.inf)
        with np.errstate(invalid="ignore"):  # between two infinite losses
            percentiles = np.percentile(losses, percents, axis=0)
        return np.where(np.isnan(percentiles), np.inf, percentiles)

    def plot(self, ax: Optional[Axes] = None) -> Axes:
        """Plot the median loss, and bands that hold 50 %, 90 % and all of the runs.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default, those of a new figure.

        Returns
        -------
        matplotlib Axes
        """
        axes = plt.figure().gca() if ax is None else ax
        draw_ensemble(axes, self.epochs, self.losses)
        return axes


def fit_ensemble(
    rule: Union[Rule, str],
    states: Any,
    hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
    *,
    seeds: Union[int, Sequence[int]],
    start: Any = None,
    count_rows: bool = True,
    max_memory: float = 2**30,
    executor: Optional[Executor] = None,
    store: Optional[Store] = None,
    on_block: Optional[Callable[[int, int], None]] = None,
) -> Ensemble:
    """Train many runs at once.

    Parameters
    ----------
    rule : callable or str
        An update rule as `fit_scratch` takes it, or the name of a Gluon optimizer. A rule must be
        elementwise, because one array holds many runs, and do the same in every training.
    states : sequence of NDArray, or of sequences of NDArray, or None, or callable
        The rule's states for a single run, or a function that makes them from the features; every
        run gets a copy. None for Gluon's optimizers, which keep their own.
    hyperparams : dict
        The hyperparameters of the rule or the optimizer: numbers, or arrays of shape (runs,) with
        one number for each run. A Gluon optimizer takes numbers, so only the runs that share them
        are trained together.
    features, labels, batch_size, num_epochs
        As in `fit_scratch`.
    seeds : int or sequence of int
        One for each run; n means ``range(n)``. A seed determines the run's shuffles and, without
        `start`, its first weights.
    start : (weights, bias), optional
        Starting points: k numbers and one number for all runs, or arrays (runs, k) and (runs,).
    count_rows : bool
        Average the gradient of a short last minibatch over its rows, as the book's loop does. False
        divides by `batch_size`, as the book does with Gluon; so does every Gluon optimizer.
    max_memory : float
        How many bytes the runs that are trained together may take; larger ensembles are trained
        block by block.
    executor : concurrent.futures.Executor, optional
        Trains the blocks in other processes or on other machines, with the same losses bit for bit.
        Its processes must be spawned, not forked.
    store : Store, optional
        Keeps the blocks that are finished, and provides those of an earlier, interrupted call.
    on_block : callable, optional
        Called as ``on_block(finished, total)`` at the beginning and after each block.

    Returns
    -------
    Ensemble

    Raises
    ------
    ArgumentError
        If the data, the sizes, the states, the starts or the seeds do not fit together, or a run
        would depend on the others because the rule takes a norm, counts its calls or the like.
    WorkerError
        If a worker of the executor died.

    Notes
    -----
    The losses are computed from the second moments of the data, in float64, and agree with those of
    single runs to about 1e-7. The global generators of MXNet and NumPy are not touched.
    """
    seeds = validation.check_seeds(seeds)
    batch_size, num_epochs = validation.check_training(features, labels, batch_size, num_epochs)
    if not isinstance(hyperparams, Mapping):
        raise ArgumentError(f"hyperparams is a {type(hyperparams).__name__}; it must be a dict")
    hyperparams = {name: _per_run(name, h, len(seeds)) for name, h in hyperparams.items()}
    if isinstance(rule, str):
        hyperparams = check_optimizer(rule, hyperparams, per_run=True)
        if states is not None:
            raise ArgumentError(f"Gluon's {rule} keeps its own states; states must be None")
    else:
        validation.check_rule(rule)
        known = rule_of(rule)
        if known:  # here, because the rule does not look into arrays
            varying = [name for name, h in hyperparams.items() if np.ndim(h)]
            check_names(known.name, varying, known.hyperparams)
            validation.check_hyperparams(known.name, hyperparams, tuple(known.hyperparams))
        states = states(features) if callable(states) else states
        validation.check_states(states, features.shape[1])
    num_features = features.shape[1]
    start = draw_starts(seeds, num_features) if start is None else start
    weights, bias = validation.check_start(start, num_features, len(seeds))
    X, y, states = _to_numpy((features, labels, states))
    everything = StackedRuns(
        rule=rule,
        states=states,
        hyperparams=hyperparams,
        features=X,
        labels=y,
        batch_size=batch_size,
        num_epochs=num_epochs,
        seeds=np.array(seeds),
        weights=np.broadcast_to(weights, (len(seeds), num_features, 1)),
        bias=np.broadcast_to(bias, (len(seeds), 1, 1)),
        count_rows=count_rows and not isinstance(rule, str),
    )
    needed = everything.bytes_per_run
    if not max_memory >= needed:  # nor if it is NaN
        raise ArgumentError(f"max_memory is {max_memory:.0f} bytes; one run takes about {needed}")
    size = int(min(max_memory / needed, RUNS_PER_BLOCK))
    everything.some(slice(size)).check_independence()
    blocks = [everything.some(slice(i, i + size)) for i in range(0, len(seeds), size)]
    params = np.concatenate(run_blocks(blocks, executor, store, on_block))
    with np.errstate(over="ignore"):  # a diverged loss is infinite in float32
        losses = full_batch_losses(params[:, :-1], features, labels).astype(np.float32)
    return Ensemble(
        seeds=seeds,
        epochs=np.linspace(0, num_epochs, losses.shape[1]),
        losses=losses,
        weights=params[:, -1, :-1],
        bias=params[:, -1, -1],
        settings=run_settings(rule, hyperparams, features, labels, batch_size, num_epochs),
    )


@in_turn
def _to_numpy(tree: Any) -> Any:
    return map_arrays(lambda array: array.asnumpy(), tree)


def _per_run(name: str, value: Any, runs: int) -> Any:
    """Return a hyperparameter as a number, or as an array with one number for each run."""
    if np.ndim(value) == 0:
        return value
    value = value.asnumpy() if isinstance(value, nd.NDArray) else np.asarray(value)
    if value.dtype.kind not in "iuf" or value.size != runs:
        raise ArgumentError(
            f"the hyperparameter {name} has the shape {value.shape} and the type {value.dtype}; it "
            f"must be a number, or one number for each of the {runs} runs"
        )
    return value.reshape(runs)
