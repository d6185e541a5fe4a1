"""A trial: one start and one order of minibatches, on which several optimizers can be followed.

Following means keeping the weights after every step, so that two optimizers can be held against
each other step by step, and not by where they end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._mxnet import autograd, gluon, mx, nd
from .._mxnet.locking import in_turn
from .._sampling import draw_start
from ..model import linreg, squared_loss
from ..training import Rule

__all__ = ["Trial", "draw_trial", "follow_gluon", "follow_scratch"]


@dataclass(frozen=True)
class Trial:
    """What a run draws at random, drawn beforehand.

    Attributes
    ----------
    start : (ndarray (k, 1), ndarray (1,)), float32
        The first weights and bias.
    minibatches : sequence of (NDArray (rows, k), NDArray (rows,)), float32
        All minibatches of all epochs, in order; the last one of an epoch may be short.
    batch_size : int
        How many rows a minibatch has that is not short.
    """

    start: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
    minibatches: Sequence[tuple[nd.NDArray, nd.NDArray]]
    batch_size: int


@in_turn
def draw_trial(
    features: nd.NDArray, labels: nd.NDArray, batch_size: int, num_epochs: int, seed: int
) -> Trial:
    """Draw the start and the minibatches that ``fit_scratch(..., seed=seed)`` draws.

    Seeds ``mx.random``; NumPy's global generator is left alone.
    """
    mx.random.seed(seed)
    start = tuple(parameter.asnumpy() for parameter in draw_start(features.shape[1]))
    shuffle, X, y = np.random.RandomState(seed).shuffle, features.asnumpy(), labels.asnumpy()
    minibatches = []
    for _ in range(num_epochs):
        order = np.arange(len(X))
        shuffle(order)
        for first in range(0, len(X), batch_size):
            rows = order[first : first + batch_size]
            minibatches.append((nd.array(X[rows]), nd.array(y[rows])))
    return Trial(start, minibatches, batch_size)


@in_turn
def follow_scratch(
    trial: Trial, step: Rule, states: Any, hyperparams: dict[str, Any]
) -> npt.NDArray[np.float32]:
    """Train with an update rule as the book's ``train_ch7`` does; return every step's weights.

    Parameters
    ----------
    trial : Trial
    step : callable
        The update rule.
    states : sequence or None
        Its states before the first step; changed in place.
    hyperparams : dict
        Left as they are, even by Adam.

    Returns
    -------
    ndarray, shape (steps + 1, k + 1), float32
        The weights and, last in each row, the bias, before the first step and after each.
    """
    w, b = (nd.array(parameter) for parameter in trial.start)
    w.attach_grad()
    b.attach_grad()
    hyperparams, path = dict(hyperparams), [_flat(w, b)]
    for X, y in trial.minibatches:
        with autograd.record():
            loss = squared_loss(linreg(X, w, b), y).mean()
        loss.backward()
        step([w, b], states, hyperparams)
        path.append(_flat(w, b))
    followed: npt.NDArray[np.float32] = nd.stack(*path).asnumpy()
    return followed


@in_turn
def follow_gluon(
    trial: Trial, name: str, hyperparams: dict[str, Any], count_rows: bool = False
) -> npt.NDArray[np.float32]:
    """Train with Gluon's optimizer as ``train_gluon_ch7`` does; return every step's weights.

    Parameters
    ----------
    trial : Trial
    name : str
        The optimizer's name.
    hyperparams : dict
        Under Gluon's names.
    count_rows : bool
        Tell ``Trainer.step`` how many rows a short minibatch really has. The book does not.

    Returns
    -------
    ndarray, shape (steps + 1, k + 1), float32
        As `follow_scratch`.
    """
    weights, bias = trial.start
    net, loss = gluon.nn.Dense(1, in_units=len(weights)), gluon.loss.L2Loss()
    net.initialize()
    net.weight.set_data(nd.array(weights.T))
    net.bias.set_data(nd.array(bias))
    net.hybridize()
    loss.hybridize()
    trainer = gluon.Trainer(net.collect_params(), name, dict(hyperparams))
    path = [_flat(net.weight.data(), net.bias.data())]
    for X, y in trial.minibatches:
        with autograd.record():
            losses = loss(net(X), y)
        losses.backward()
        trainer.step(len(X) if count_rows else trial.batch_size)
        path.append(_flat(net.weight.data(), net.bias.data()))
    followed: npt.NDArray[np.float32] = nd.stack(*path).asnumpy()
    return followed


def _flat(w: nd.NDArray, b: nd.NDArray) -> nd.NDArray:
    """Copy weights and bias into one array (k + 1,)."""
    return nd.concat(w.reshape((-1,)), b, dim=0)
