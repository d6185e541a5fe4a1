"""Trials: starts and orders of the minibatches, on which several optimizers are followed.

Following an optimizer means keeping the parameters after every step, so that two optimizers can be
compared step by step and not only by where they end.
"""

from dataclasses import dataclass, replace
from typing import Any, Callable

import numpy as np
import numpy.typing as npt

from .._mxnet import gluon, mx, nd
from .._mxnet.locking import in_turn
from .._sampling import draw_orders, draw_start, split_minibatches
from ..tracing.graph import gluon_gradients_of_runs
from ..training import Rule, fit_scratch

# (trials, steps + 1, k + 1): the weights and, last in each row, the bias, before the first step and
# after each.
Paths = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Trials:
    """What trainings draw with some seeds, and the data that they are trained on."""

    seeds: tuple[int, ...]
    starts: npt.NDArray[np.float32]  # weights and biases before the first step, (trials, k + 1)
    orders: npt.NDArray[np.int32]  # in which each epoch takes the examples, (epochs, trials, n)
    features: nd.NDArray
    labels: nd.NDArray
    batch_size: int

    def groups(self, elementwise: bool) -> list["Trials"]:
        """Return what is followed together: all, if the optimizer is elementwise, or each trial."""
        if elementwise:
            return [self]
        return [
            replace(
                self,
                seeds=self.seeds[i : i + 1],
                starts=self.starts[i : i + 1],
                orders=self.orders[:, i : i + 1],
            )
            for i in range(len(self.seeds))
        ]


@in_turn
def draw_trials(
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int,
    num_epochs: int,
    seeds: tuple[int, ...],
) -> Trials:
    """Draw the starts and the orders of the examples that ``fit_scratch(..., seed=seed)`` draws."""
    starts = []
    for seed in seeds:
        mx.random.seed(seed)
        weights, bias = draw_start(features.shape[1])
        starts.append([*weights.asnumpy()[:, 0], *bias.asnumpy()])
    orders = draw_orders(seeds, len(features), num_epochs)
    return Trials(seeds, np.array(starts), orders, features, labels, batch_size)


def follow_scratch(
    trials: Trials, rule: Rule, make_states: Callable[[Any], Any], hyperparams: dict[str, Any]
) -> Paths:
    """Train with an update rule, as `fit_scratch` does; return the parameters after every step."""
    paths: list[Any] = [
        fit_scratch(
            rule,
            make_states,
            dict(hyperparams),
            trials.features,
            trials.labels,
            trials.batch_size,
            len(trials.orders),
            seed=seed,
            start=(start[:-1], start[-1]),
            keep_path=True,
        ).path
        for seed, start in zip(trials.seeds, trials.starts)
    ]
    return np.stack(paths)


@in_turn
def follow_gluon(
    trials: Trials, name: str, hyperparams: dict[str, Any], count_rows: bool = False
) -> Paths:
    """Train with a Gluon optimizer, as `fit_gluon` does; return the parameters after every step.

    With `count_rows` the gradient of a short minibatch is divided by its rows, and not by the batch
    size as in the book. Several trials are updated as one array, so the optimizer must treat every
    number on its own.
    """
    params = nd.array(trials.starts)
    gradient = params.zeros_like()
    if len(trials.seeds) > 1:
        parts, gradients = [params], [gradient]
    else:  # views; the bias first, because Trainer sorts parameters by name
        parts, gradients = ([x[0, -1:], x[:, :-1]] for x in (params, gradient))
    parameters = {i: gluon.Parameter(f"parameter{i}") for i in range(len(parts))}
    optimizer = mx.optimizer.create(name, param_dict=parameters, **hyperparams)
    update = mx.optimizer.get_updater(optimizer)
    scale = optimizer.rescale_grad
    compute_gradient = gluon_gradients_of_runs(len(trials.seeds))
    path = [params.copy()]
    for order in trials.orders:
        examples = nd.array(order, dtype="int32")
        X, y = trials.features.take(examples), trials.labels.reshape((-1, 1)).take(examples)
        for X_step, y_step in split_minibatches(X, y, trials.batch_size, axis=1):
            rows = X_step.shape[1] if count_rows else trials.batch_size
            optimizer.rescale_grad = scale / rows
            compute_gradient(X=X_step, y=y_step, params=params, out=[gradient])
            update(list(parameters), gradients, parts)
            path.append(params.copy())
    paths: Paths = nd.stack(*path, axis=1).asnumpy()
    return paths
