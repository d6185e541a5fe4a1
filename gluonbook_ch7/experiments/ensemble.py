"""Ensembles: many runs at once, each with its own shuffles.

An update rule is elementwise, so it does not care whether a parameter holds one run's weights
(k, 1) or those of many runs (runs, k, 1). An ensemble stacks the runs along a leading axis and
takes every step of all of them together: the price of a run falls from the cost of calling MXNet to
the cost of arithmetic.

Run *i* is the single run ``fit_scratch(..., seed=seeds[i])`` or ``fit_gluon(..., seed=seeds[i])``,
to float32 rounding, whatever the other runs are and wherever it is computed.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Callable, Optional, Union

import numpy as np
import numpy.typing as npt

from .. import _validation as checks
from .._mxnet import nd
from .._mxnet.locking import in_turn
from .._sampling import draw_starts
from ..errors import ArgumentError
from ..training import Rule
from .blocks import Store, run_blocks
from .stacked import StackedRuns, map_arrays

__all__ = ["Ensemble", "fit_ensemble"]

Start = tuple[Any, Any]
RUNS_PER_BLOCK = 1000  # at which a step's arithmetic outweighs its calls, and its arrays stay small
MAX_MEMORY = 2**30
STEPS_AHEAD = 8


@dataclass(frozen=True)
class Ensemble:
    """The full-batch losses of many runs.

    Attributes
    ----------
    seeds : tuple of int
        The seed of each run.
    epochs : ndarray, shape (m,), float64
        Where the book plots each loss, as in `LossCurve`.
    losses : ndarray, shape (runs, m), float32
        One loss curve a row.
    """

    seeds: tuple[int, ...]
    epochs: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float32]

    @property
    def diverged_at(self) -> tuple[Optional[int], ...]:
        """For each run the first checkpoint whose loss is not finite; None if all are."""
        finite = np.isfinite(self.losses)
        firsts = finite.argmin(axis=1).tolist()
        return tuple(
            None if fine else first for fine, first in zip(finite.all(axis=1).tolist(), firsts)
        )


def fit_ensemble(
    rule: Union[Rule, str],
    states: Any,
    hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
    *,
    seeds: Sequence[int],
    start: Optional[Start] = None,
    max_memory: int = MAX_MEMORY,
    executor: Optional[Executor] = None,
    store: Optional[Store] = None,
    on_block: Optional[Callable[[int, int], None]] = None,
) -> Ensemble:
    """Train many runs at once.

    Parameters
    ----------
    rule : callable or str
        An update rule as `fit_scratch` takes it, or the name of a Gluon optimizer.
    states : sequence of NDArray, or of sequences of NDArray, or None
        The rule's states for a single run; every run gets a copy. None for Gluon's optimizers,
        which keep their own.
    hyperparams : dict
        The rule's or the optimizer's hyperparameters: numbers, or arrays of shape (runs,) with one
        number for each run. A Gluon optimizer takes its hyperparameters as numbers, so the runs
        that share them are trained together.
    features, labels, batch_size, num_epochs
        As in `fit_scratch`.
    seeds : sequence of int
        One for each run. It determines the run's shuffles and, without `start`, its first weights.
    start : (weights, bias), optional
        Starting points: arrays of shape (k, 1) and (1,) for all runs, or (runs, k, 1) and
        (runs, 1) for each its own.
    max_memory : int
        How many bytes the runs that are trained together may take; larger ensembles are trained
        block by block.
    executor : concurrent.futures.Executor, optional
        Trains the blocks, in other processes or on other machines. The losses are the same, bit
        for bit. Spawn its processes: a fork hangs while another thread is at work in MXNet.
    store : Store, optional
        Keeps the blocks that are finished, and has those of an earlier, interrupted call.
    on_block : callable, optional
        Called as ``on_block(finished, total)`` after each block.

    Returns
    -------
    Ensemble

    Raises
    ------
    ArgumentError
        If the data, the sizes, the states, the starts or the seeds do not fit together.
    WorkerError
        If a worker of the executor died.

    Notes
    -----
    The full-batch loss of a linear model is a quadratic form in the second moments of the data,
    which is how it is computed here, in float64; it agrees with the mean in float32 to about 1e-7.
    The global generators of MXNet and NumPy are left alone.
    """
    seeds = checks.check_seeds(seeds)
    task = features, labels, batch_size, num_epochs
    blocks = _blocks(rule, states, hyperparams, *task, seeds, start, max_memory)
    losses = np.concatenate(run_blocks(blocks, executor, store, on_block))
    return Ensemble(seeds, np.linspace(0, num_epochs, losses.shape[1]), losses)


@in_turn
def _blocks(
    rule: Union[Rule, str],
    states: Any,
    hyperparams: Any,
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int,
    num_epochs: int,
    seeds: tuple[int, ...],
    start: Optional[Start],
    max_memory: int,
) -> list[StackedRuns]:
    """Check what `fit_ensemble` was called with; return its blocks of work."""
    checks.check_data(features, labels)
    checks.check_sizes(batch_size, num_epochs)
    num_examples, num_features = features.shape
    if not isinstance(hyperparams, Mapping):
        raise ArgumentError(f"hyperparams is a {type(hyperparams).__name__}; it must be a dict")
    hyperparams = {name: _per_run(name, h, len(seeds)) for name, h in hyperparams.items()}
    if isinstance(rule, str):
        hyperparams = checks.check_optimizer(rule, hyperparams)
    else:
        checks.check_rule(rule)
        checks.check_states(states, num_features)
    if start is None:
        weights, bias = draw_starts(seeds, num_features)
    else:
        weights, bias = _given_starts(start, len(seeds), num_features)
    states = map_arrays(lambda state: state.asnumpy(), states)
    block_size = _runs_per_block(max_memory, num_examples, num_features, batch_size, num_epochs)
    blocks = []
    for first in range(0, len(seeds), block_size):
        runs = slice(first, first + block_size)
        block = StackedRuns(
            rule,
            states,
            {name: h[runs] if np.ndim(h) else h for name, h in hyperparams.items()},
            features.asnumpy(),
            labels.asnumpy(),
            batch_size,
            num_epochs,
            seeds[runs],
            weights[runs],
            bias[runs],
        )
        blocks.append(block)
    return blocks


def _runs_per_block(
    max_memory: int, num_examples: int, num_features: int, batch_size: int, num_epochs: int
) -> int:
    """Return how many runs fit together into `max_memory` bytes, at most `RUNS_PER_BLOCK`."""
    orders = 4 * num_examples * num_epochs
    # A step's minibatch, its residuals and what MXNet holds of the next steps while one runs.
    minibatches = 4 * min(batch_size, num_examples) * (num_features + 4) * STEPS_AHEAD
    fit = int(max_memory) // (orders + minibatches)
    if fit < 1:
        raise ArgumentError(
            f"max_memory is {max_memory} bytes; one run takes about {orders + minibatches}"
        )
    return min(fit, RUNS_PER_BLOCK)


def _per_run(name: str, value: Any, runs: int) -> Any:
    """Return a hyperparameter as a number, or as an array with one number for each run."""
    if isinstance(value, nd.NDArray):
        value = value.asnumpy()
    if np.ndim(value) == 0:
        return value
    value = np.asarray(value)
    if value.dtype.kind not in "iuf":
        raise ArgumentError(f"the hyperparameter {name} must be a number, or one for each run")
    if value.size != runs:
        raise ArgumentError(
            f"the hyperparameter {name} has the shape {value.shape}; it must be a number, or one "
            f"number for each of the {runs} runs"
        )
    return value.reshape(runs)


def _given_starts(start: Start, runs: int, num_features: int) -> Start:
    """Return given starting points as arrays (runs, k, 1) and (runs, 1, 1), float32."""
    stacked = []
    for name, value, size in zip(("weights", "bias"), start, (num_features, 1)):
        value = np.asarray(value.asnumpy() if isinstance(value, nd.NDArray) else value, np.float32)
        if value.size not in (size, runs * size):
            raise ArgumentError(
                f"the starting {name} have the shape {value.shape}; {size} numbers are wanted for "
                f"each of the {runs} runs, or {size} for all"
            )
        stacked.append(np.broadcast_to(value.reshape(-1, size, 1), (runs, size, 1)))
    weights, bias = stacked
    return weights, bias
