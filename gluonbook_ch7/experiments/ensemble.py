"""Ensembles: many runs at once, each with its own shuffles.

An update rule is elementwise, so it does not care whether a parameter holds one run's weights
(k, 1) or those of many runs (runs, k, 1). An ensemble stacks the runs along a leading axis and
takes every step of all of them together: the price of a run falls from the cost of calling MXNet to
the cost of arithmetic.

Run *i* is the single run ``fit_scratch(..., seed=seeds[i])`` or ``fit_gluon(..., seed=seeds[i])``,
to float32 rounding, whatever the other runs are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable, Optional, Union

import numpy as np

from .. import checks
from .._mxnet import autograd, gluon, init, mx, nd
from ..errors import ArgumentError
from ..model import squared_loss
from ..training import Rule, draw_start, is_checkpoint

__all__ = ["Ensemble", "fit_ensemble"]

Start = tuple[Any, Any]
Update = Callable[[nd.NDArray, nd.NDArray], None]

RUNS_PER_BLOCK = 1000


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
    epochs: np.ndarray
    losses: np.ndarray


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
        The rule's or the optimizer's hyperparameters.
    features, labels, batch_size, num_epochs
        As in `fit_scratch`.
    seeds : sequence of int
        One for each run. It determines the run's shuffles and, without `start`, its first weights.
    start : (weights, bias), optional
        Starting points: arrays of shape (k, 1) and (1,) for all runs, or (runs, k, 1) and
        (runs, 1) for each its own.

    Returns
    -------
    Ensemble

    Raises
    ------
    ArgumentError
        If the data, the sizes, the states, the starts or the seeds do not fit together.

    Notes
    -----
    Drawing starting points seeds ``mx.random``; NumPy's global generator is left alone. The
    full-batch loss of a linear model is a quadratic form in the second moments of the data, which
    is how it is computed here, in float64; it agrees with the mean in float32 to about 1e-7.
    """
    checks.check_data(features, labels)
    checks.check_sizes(batch_size, num_epochs)
    num_features = features.shape[1]
    if isinstance(rule, str):
        checks.check_optimizer(rule, hyperparams)
    else:
        checks.check_states(states, num_features)
    seeds = _check_seeds(seeds)
    starts = _starts(start, seeds, num_features)
    blocks = [
        slice(i, min(i + RUNS_PER_BLOCK, len(seeds))) for i in range(0, len(seeds), RUNS_PER_BLOCK)
    ]
    losses = [
        _fit_block(
            rule,
            states,
            hyperparams,
            features,
            labels,
            batch_size,
            num_epochs,
            seeds[block],
            tuple(parameter[block] for parameter in starts),
        )
        for block in blocks
    ]
    losses = np.concatenate(losses)
    return Ensemble(seeds, np.linspace(0, num_epochs, losses.shape[1]), losses)


def _fit_block(
    rule: Union[Rule, str],
    states: Any,
    hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int,
    num_epochs: int,
    seeds: tuple[int, ...],
    start: Start,
) -> np.ndarray:
    """Train one block of runs; return their losses, (runs, m) float32."""
    if isinstance(rule, str):
        params, update = _gluon_update(rule, hyperparams, batch_size, start)
    else:
        params, update = _scratch_update(rule, states, hyperparams, start)
    full_batch_losses = _moment_loss(features, labels)
    shuffles = [np.random.RandomState(seed) for seed in seeds]
    X, y = features.asnumpy(), labels.asnumpy()
    losses = [full_batch_losses(*params)]
    for _ in range(num_epochs):
        orders = _shuffle(shuffles, len(X))
        for batch_i, first in enumerate(range(0, len(X), batch_size)):
            batch = orders[:, first : first + batch_size]
            update(nd.array(X[batch]), nd.array(y[batch]))
            if is_checkpoint(batch_i, batch_size):
                losses.append(full_batch_losses(*params))
    with np.errstate(over="ignore"):  # a diverged loss is infinite in float32
        return np.stack(losses, axis=1).astype(np.float32)


def _scratch_update(
    rule: Rule, states: Any, hyperparams: dict[str, Any], start: Start
) -> tuple[tuple[nd.NDArray, nd.NDArray], Update]:
    """Return the stacked parameters and the step of a from-scratch rule on all of them."""
    w, b = (nd.array(parameter) for parameter in start)
    states, hyperparams = _stack_states(states, len(w)), dict(hyperparams)
    w.attach_grad()
    b.attach_grad()

    def update(X: nd.NDArray, y: nd.NDArray) -> None:
        with autograd.record():
            loss = squared_loss(nd.batch_dot(X, w) + b, y).mean(axis=1).sum()
        loss.backward()
        rule([w, b], states, hyperparams)

    return (w, b), update


def _gluon_update(
    name: str, hyperparams: dict[str, Any], batch_size: int, start: Start
) -> tuple[tuple[nd.NDArray, nd.NDArray], Update]:
    """Return the stacked parameters and the step of a Gluon optimizer on all of them."""
    params = [gluon.Parameter(n, shape=p.shape) for n, p in zip(("weight", "bias"), start)]
    for parameter, value in zip(params, start):
        # Zeros, because any other filling would draw from mx.random.
        parameter.initialize(init.Zero())
        parameter.set_data(nd.array(value))
    w, b = (parameter.data() for parameter in params)
    trainer = gluon.Trainer(params, name, dict(hyperparams))

    def update(X: nd.NDArray, y: nd.NDArray) -> None:
        with autograd.record():
            loss = squared_loss(nd.batch_dot(X, w) + b, y).sum()
        loss.backward()
        trainer.step(batch_size)

    return (w, b), update


def _stack_states(states: Any, runs: int) -> Any:
    """Copy states for every run: (k, 1) to (runs, k, 1) and (1,) to (runs, 1, 1)."""
    if isinstance(states, nd.NDArray):
        return nd.tile(states.reshape((1, -1, 1)), (runs, 1, 1))
    if isinstance(states, (tuple, list)):
        return type(states)(_stack_states(state, runs) for state in states)
    return states


def _shuffle(shuffles: list[np.random.RandomState], num_examples: int) -> np.ndarray:
    """Draw an order of the examples for each run, (runs, n), as ``RandomSampler`` draws one."""
    orders = np.tile(np.arange(num_examples), (len(shuffles), 1))
    for shuffle, order in zip(shuffles, orders):
        shuffle.shuffle(order)
    return orders


def _moment_loss(
    features: nd.NDArray, labels: nd.NDArray
) -> Callable[[nd.NDArray, nd.NDArray], np.ndarray]:
    """Return the function from stacked (w, b) to full-batch losses, (runs,) float64.

    With z = (x, 1, y) and v = (w, b, -1), the mean of (w·x + b - y)² / 2 is vᵀ M v / 2, where M is
    the mean of z zᵀ over the examples.
    """
    X, y = features.asnumpy().astype(np.float64), labels.asnumpy().astype(np.float64)
    z = np.column_stack([X, np.ones(len(X)), y])
    moments = z.T @ z / len(z)

    def full_batch_losses(w: nd.NDArray, b: nd.NDArray) -> np.ndarray:
        v = np.concatenate([w.asnumpy()[..., 0], b.asnumpy()[..., 0]], axis=1).astype(np.float64)
        v = np.column_stack([v, -np.ones(len(v))])
        return np.einsum("ri,ri->r", v @ moments, v) / 2

    return full_batch_losses


def _check_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """Return the seeds as a tuple of ints; refuse none at all and what is no seed."""
    seeds = tuple(seeds)
    if not seeds:
        raise ArgumentError("seeds is empty; give one for each run, such as range(1000)")
    for seed in seeds:
        if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**31:
            raise ArgumentError(f"{seed!r} is no seed; it must be a whole number in [0, 2³¹)")
    return seeds


def _starts(start: Optional[Start], seeds: tuple[int, ...], num_features: int) -> Start:
    """Return the starting points of all runs as arrays (runs, k, 1) and (runs, 1, 1), float32."""
    if start is None:
        draws = [_draw_with_seed(seed, num_features) for seed in seeds]
        start = tuple(np.stack(parameter) for parameter in zip(*draws))
    stacked = []
    for name, value, size in zip(("weights", "bias"), start, (num_features, 1)):
        value = np.asarray(value.asnumpy() if isinstance(value, nd.NDArray) else value, np.float32)
        if value.size not in (size, len(seeds) * size):
            raise ArgumentError(
                f"the starting {name} have the shape {value.shape}; {size} numbers are wanted for "
                f"each of the {len(seeds)} runs, or {size} for all"
            )
        stacked.append(np.broadcast_to(value.reshape(-1, size, 1), (len(seeds), size, 1)))
    return tuple(stacked)


def _draw_with_seed(seed: int, num_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the starting point that a single run with this seed has."""
    mx.random.seed(seed)
    return tuple(parameter.asnumpy() for parameter in draw_start(num_features))
