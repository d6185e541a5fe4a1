"""Trials: one start and one order of the minibatches, on which several optimizers are followed.

Following an optimizer means keeping the parameters after every step, so that two optimizers can be
compared step by step and not only by where they end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np
import numpy.typing as npt

from .._mxnet import gluon, mx, nd
from .._mxnet.locking import in_turn
from .._sampling import draw_orders, draw_start
from ..tracing.graph import gluon_gradients
from ..training import Rule, fit_scratch

__all__ = ["LIMIT", "Path", "Trial", "draw_trial", "follow_gluon", "follow_scratch"]

# Two runs whose weights never differ by more are the same to rounding.
LIMIT = 1e-6

# (steps + 1, k + 1): the weights and, last in each row, the bias, before the first step and after
# each.
Path = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Trial:
    """What a training draws with a seed.

    Attributes
    ----------
    seed : int
    start : (ndarray (k, 1), ndarray (1,)), float32
        The first weights and bias.
    features : NDArray, shape (n, k), float32
    labels : NDArray, shape (n,), float32
    order : ndarray, shape (epochs, n), int32
        The examples in the order in which each epoch takes them.
    batch_size : int
    """

    seed: int
    start: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
    features: nd.NDArray
    labels: nd.NDArray
    order: npt.NDArray[np.int32]
    batch_size: int

    def minibatches(self, convert: Callable[[Any], Any] = np.asarray) -> Iterator[tuple[Any, Any]]:
        """Yield all minibatches of all epochs, X (rows, k) and y (rows, 1).

        Parameters
        ----------
        convert : callable
            Makes a library's arrays from NumPy's.
        """
        features, labels = self.features.asnumpy(), self.labels.asnumpy().reshape(-1, 1)
        for order in self.order:
            X, y = convert(features[order]), convert(labels[order])
            for first in range(0, len(order), self.batch_size):
                rows = slice(first, first + self.batch_size)
                yield X[rows], y[rows]


@in_turn
def draw_trial(
    features: nd.NDArray, labels: nd.NDArray, batch_size: int, num_epochs: int, seed: int
) -> Trial:
    """Draw the start and the order of the examples that ``fit_scratch(..., seed=seed)`` draws.

    Seeds ``mx.random``; NumPy's global generator is not used.
    """
    mx.random.seed(seed)
    w, b = draw_start(features.shape[1])
    order = draw_orders((seed,), len(features), num_epochs)[:, 0]
    return Trial(seed, (w.asnumpy(), b.asnumpy()), features, labels, order, batch_size)


def follow_scratch(trial: Trial, rule: Rule, states: Any, hyperparams: dict[str, Any]) -> Path:
    """Train with an update rule, as `fit_scratch` does; return the parameters after every step.

    Parameters
    ----------
    trial : Trial
    rule : callable
    states : sequence, or None, or callable
        The rule's states before the first step, which are changed, or a function that makes them.
    hyperparams : dict
        Left as they are, even by Adam.

    Returns
    -------
    ndarray, shape (steps + 1, k + 1), float32
    """
    curve = fit_scratch(
        rule,
        states,
        dict(hyperparams),
        trial.features,
        trial.labels,
        trial.batch_size,
        len(trial.order),
        seed=trial.seed,
        start=trial.start,
        keep_path=True,
    )
    assert curve.path is not None
    return curve.path


@in_turn
def follow_gluon(
    trials: Sequence[Trial], name: str, hyperparams: dict[str, Any], count_rows: bool = False
) -> list[Path]:
    """Train with a Gluon optimizer, as `fit_gluon` does; return the parameters after every step.

    Parameters
    ----------
    trials : sequence of Trial
        Of the same sizes. Their parameters are stacked, and updated in one call, which is right for
        elementwise optimizers only; any other is followed one trial at a time.
    name : str
        The optimizer's name.
    hyperparams : dict
        Under Gluon's names.
    count_rows : bool
        Divide the gradient of a short minibatch by its rows, not by the batch size as the book
        does.

    Returns
    -------
    list of ndarray, shape (steps + 1, k + 1), float32
    """
    w = nd.array(np.stack([trial.start[0].T for trial in trials]))
    b = nd.array(np.stack([trial.start[1] for trial in trials]))
    each_w, each_b = list(w), list(b)  # views
    # The bias first, because Trainer sorts parameters by name.
    parameters = {0: gluon.Parameter("bias"), 1: gluon.Parameter("weight")}
    optimizer = mx.optimizer.create(name, param_dict=parameters, **hyperparams)
    update = mx.optimizer.get_updater(optimizer)
    scale, gradients = optimizer.rescale_grad, gluon_gradients()
    path = [_flat(w, b)]
    for minibatches in zip(*(trial.minibatches(nd.array) for trial in trials)):
        rows = len(minibatches[0][0]) if count_rows else trials[0].batch_size
        optimizer.rescale_grad = scale / rows
        found = [
            gradients(X=X, y=y, w=each_w[i], b=each_b[i]) for i, (X, y) in enumerate(minibatches)
        ]
        grad_w, grad_b = (nd.stack(*each) for each in zip(*found))
        update([0, 1], [grad_b, grad_w], [b, w])
        path.append(_flat(w, b))
    return list(nd.stack(*path, axis=1).asnumpy())


def _flat(w: nd.NDArray, b: nd.NDArray) -> nd.NDArray:
    """Copy weights (trials, 1, k) and biases (trials, 1) into one array (trials, k + 1)."""
    return nd.concat(w.reshape((len(w), -1)), b, dim=1)
