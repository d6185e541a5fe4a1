"""Runs stacked along a leading axis and trained together: parameters are (runs, k, 1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Callable, Union

import numpy as np
import numpy.typing as npt

from .._mxnet import gluon, mx, nd
from .._mxnet.locking import in_turn
from .._sampling import draw_orders, is_checkpoint
from ..training import Rule

__all__ = ["StackedRuns", "map_arrays"]

Update = Callable[[], None]


@dataclass(frozen=True)
class StackedRuns:
    """Runs that are trained together, as a block of work.

    It holds plain NumPy arrays, so it can go to another process, and fixes every random draw, so
    it gives the same losses there.

    Attributes
    ----------
    rule : callable or str
        As `fit_ensemble` takes it.
    states : nested tuples of ndarray, or None
        Those of a single run.
    hyperparams : dict
        Numbers, or arrays of shape (runs,).
    features : ndarray, shape (n, k), float32
    labels : ndarray, shape (n,), float32
    batch_size, num_epochs : int
    seeds : tuple of int
        Of the runs' shuffles.
    weights, bias : ndarray, shape (runs, k, 1) and (runs, 1, 1), float32
        The starting points.
    """

    rule: Union[Rule, str]
    states: Any
    hyperparams: dict[str, Any]
    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]
    batch_size: int
    num_epochs: int
    seeds: tuple[int, ...]
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    @in_turn
    def run(self) -> npt.NDArray[np.float32]:
        """Train the runs; return their losses, (runs, m), float32."""
        orders = draw_orders(self.seeds, len(self.features), self.num_epochs)
        if not isinstance(self.rule, str):
            return self._train(orders, slice(None), self.hyperparams)
        # A Gluon optimizer takes numbers: the runs that share them are trained together.
        groups = list(_alike(self.hyperparams, len(self.seeds)))
        losses = [self._train(orders[:, runs], runs, numbers) for runs, numbers in groups]
        in_order = np.argsort(np.concatenate([runs for runs, _ in groups]))
        return np.concatenate(losses)[in_order]

    def _train(
        self, orders: npt.NDArray[np.int32], runs: Any, hyperparams: dict[str, Any]
    ) -> npt.NDArray[np.float32]:
        """Train some of the runs, whose orders and hyperparameters are given."""
        features, labels = nd.array(self.features), nd.array(self.labels.reshape(-1, 1))
        w, b = nd.array(self.weights[runs]), nd.array(self.bias[runs])
        w.attach_grad()
        b.attach_grad()
        by_gluon = isinstance(self.rule, str)
        if isinstance(self.rule, str):
            update = _gluon_update(self.rule, hyperparams, self.batch_size, w, b)
        else:
            update = _scratch_update(self.rule, self.states, hyperparams, w, b)
        full_batch_losses = _moment_loss(self.features, self.labels)
        losses = [full_batch_losses(w, b)]
        for order in orders:
            for batch_i, examples in enumerate(_minibatches(order, self.batch_size)):
                X, y = nd.take(features, examples), nd.take(labels, examples)
                _write_gradients(X, y, w, b, averaged_over=1 if by_gluon else X.shape[1])
                update()
                if is_checkpoint(batch_i, self.batch_size):
                    losses.append(full_batch_losses(w, b))
        with np.errstate(over="ignore"):  # a diverged loss is infinite in float32
            curves: npt.NDArray[np.float32] = np.stack(losses, axis=1).astype(np.float32)
        return curves


def _write_gradients(
    X: nd.NDArray, y: nd.NDArray, w: nd.NDArray, b: nd.NDArray, averaged_over: int
) -> None:
    """Write the gradients of `squared_loss`, summed over a minibatch and divided, into w and b.

    With the residual r = X w + b - y of each run, they are Xᵀ r and the sum of r.
    """
    residual = nd.batch_dot(X, w) + b - y
    residual /= averaged_over
    nd.batch_dot(X, residual, transpose_a=True, out=w.grad)
    nd.sum(residual, axis=1, keepdims=True, out=b.grad)


def _scratch_update(
    rule: Rule, states: Any, hyperparams: dict[str, Any], w: nd.NDArray, b: nd.NDArray
) -> Update:
    """Return the step of a from-scratch rule on the stacked parameters of all runs."""
    runs = len(w)
    states = map_arrays(lambda s: nd.array(np.tile(s.reshape(1, -1, 1), (runs, 1, 1))), states)
    hyperparams = {
        name: nd.array(h.reshape(runs, 1, 1)) if np.ndim(h) else h
        for name, h in hyperparams.items()
    }
    return lambda: rule([w, b], states, hyperparams)


def _gluon_update(
    name: str, hyperparams: dict[str, Any], batch_size: int, w: nd.NDArray, b: nd.NDArray
) -> Update:
    """Return the step of a Gluon optimizer on the stacked parameters, as ``Trainer`` takes it."""
    # The bias first, as Trainer sorts parameters by name: Nadam's steps depend on it.
    parameters = dict(enumerate([gluon.Parameter("bias"), gluon.Parameter("weight")]))
    optimizer = mx.optimizer.create(name, param_dict=parameters, **hyperparams)
    optimizer.rescale_grad /= batch_size
    updater = mx.optimizer.get_updater(optimizer)

    def update() -> None:
        updater([0, 1], [b.grad, w.grad], [b, w])

    return update


def _minibatches(order: npt.NDArray[np.int32], batch_size: int) -> Iterator[nd.NDArray]:
    """Cut the orders of all runs, (runs, n), into minibatches, (runs, rows)."""
    for first in range(0, order.shape[1], batch_size):
        yield nd.array(order[:, first : first + batch_size], dtype=np.int32)


def _moment_loss(
    X: npt.NDArray[np.float32], y: npt.NDArray[np.float32]
) -> Callable[[nd.NDArray, nd.NDArray], npt.NDArray[np.float64]]:
    """Return the function from stacked (w, b) to full-batch losses, (runs,) float64.

    With z = (x, 1, y) and v = (w, b, -1), the mean of (w·x + b - y)² / 2 is vᵀ M v / 2, where M is
    the mean of z zᵀ over the examples.
    """
    z = np.column_stack([X, np.ones(len(X)), y]).astype(np.float64)
    moments = z.T @ z / len(z)

    def full_batch_losses(w: nd.NDArray, b: nd.NDArray) -> npt.NDArray[np.float64]:
        minus_one = -np.ones((len(w), 1))
        v = np.concatenate([w.asnumpy()[..., 0], b.asnumpy()[..., 0], minus_one], axis=1)
        with np.errstate(over="ignore", invalid="ignore"):  # the weights of a diverged run
            losses: npt.NDArray[np.float64] = np.einsum("ri,ri->r", v @ moments, v) / 2
        # Where the model fits exactly, rounding can leave less than nothing.
        np.maximum(losses, 0.0, out=losses)
        return losses

    return full_batch_losses


def _alike(
    hyperparams: dict[str, Any], runs: int
) -> Iterator[tuple[npt.NDArray[np.intp], dict[str, Any]]]:
    """Yield the indices of the runs that share all hyperparameters, with these as numbers."""
    varying = [name for name, h in hyperparams.items() if np.ndim(h)]
    if not varying:
        yield np.arange(runs), hyperparams
        return
    table = np.column_stack([hyperparams[name] for name in varying])
    settings, which = np.unique(table, axis=0, return_inverse=True)
    for i, setting in enumerate(settings):
        yield (
            np.flatnonzero(which.reshape(-1) == i),
            {**hyperparams, **dict(zip(varying, setting.tolist()))},
        )


def map_arrays(function: Callable[[Any], Any], tree: Any) -> Any:
    """Apply a function to every array of nested tuples and lists."""
    if isinstance(tree, (nd.NDArray, np.ndarray)):
        return function(tree)
    if isinstance(tree, (tuple, list)):
        return type(tree)(map_arrays(function, item) for item in tree)
    return tree
