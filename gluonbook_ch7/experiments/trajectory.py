"""Following an optimizer: training with some seeds, and keeping the parameters after every step.

PyTorch and optax (extra ``peers``) average over the rows that a minibatch has, as the chapter does
from scratch.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable

import numpy as np
import numpy.typing as npt

from .._mxnet import mx, nd
from .._mxnet.locking import in_turn
from .._sampling import draw_orders, draw_start, split_minibatches
from ..tracing.graph import gluon_gradients_of_runs
from ..tracing.runs import ELEMENTWISE
from ..training import Rule, fit_scratch

Floats = npt.NDArray[np.float32]
# The weights and, last in each row, the bias, before the first step and after each:
# (trials, steps + 1, k + 1).
Paths = Floats


@dataclass(frozen=True)
class Trials:
    """The random draws of trainings with some seeds, and the data that they train on."""

    seeds: tuple[int, ...]
    starts: Floats  # weights and biases before the first step, (trials, k + 1)
    orders: npt.NDArray[np.int32]  # in which each epoch takes the examples, (epochs, trials, n)
    features: nd.NDArray
    labels: nd.NDArray
    batch_size: int


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
    trials: Trials, rule: Rule, make_states: Callable[[Any], Any], hyperparams: Mapping[str, Any]
) -> Paths:
    """Train with an update rule, as `fit_scratch` does; return the parameters after every step."""
    task = trials.features, trials.labels, trials.batch_size, len(trials.orders)
    paths: list[Any] = []
    for seed in trials.seeds:
        # Copied, because a rule that is an object, or a scheduler, may count the steps of a run.
        own_rule, own = copy.deepcopy((rule, dict(hyperparams)))
        curve = fit_scratch(own_rule, make_states, own, *task, seed=seed, keep_path=True)
        paths.append(curve.path)
    return np.stack(paths)


@in_turn
def follow_gluon(trials: Trials, name: str, hyperparams: Mapping[str, Any]) -> Paths:
    """Train with a Gluon optimizer, as `fit_gluon` does; return the parameters after every step.

    With the hyperparameter ``count_rows`` the gradient of a short minibatch is divided by its rows,
    and not by the batch size as in the book.
    """
    hyperparams = dict(hyperparams)
    count_rows = hyperparams.pop("count_rows", False)
    scale = hyperparams.get("rescale_grad", 1.0)
    params = nd.array(trials.starts)
    gradients = params.zeros_like()
    # What each optimizer updates: all trials as one array, or a single trial's bias and weights, in
    # this order because Trainer sorts parameters by name. Slices are views.
    parts = [([gradients], [params])]
    if name not in ELEMENTWISE or len(trials.seeds) == 1:
        parts = [([g[-1:], g[:-1]], [p[-1:], p[:-1]]) for g, p in zip(gradients, params)]
    updaters = []
    for _ in parts:
        # Copied, because a learning rate scheduler counts the steps that it has seen.
        optimizer = mx.optimizer.create(name, **copy.deepcopy(hyperparams))
        updaters.append(mx.optimizer.get_updater(optimizer))
    compute_gradients = gluon_gradients_of_runs(len(trials.seeds))
    path = [params.copy()]
    for order in trials.orders:
        examples = nd.array(order, dtype="int32")
        X, y = trials.features.take(examples), trials.labels.reshape((-1, 1)).take(examples)
        for X_step, y_step in split_minibatches(X, y, trials.batch_size, axis=1):
            rows = X_step.shape[1] if count_rows else trials.batch_size
            compute_gradients(X=X_step, y=y_step, params=params, out=[gradients])
            for update, (their_gradients, arrays) in zip(updaters, parts):
                update.optimizer.rescale_grad = scale / rows
                update(list(range(len(arrays))), their_gradients, arrays)
            path.append(params.copy())
    paths: Paths = nd.stack(*path, axis=1).asnumpy()
    return paths


def follow_pytorch(trials: Trials, optimizer_class: Any, hyperparams: Mapping[str, Any]) -> Paths:
    """Train with a ``torch.optim`` class; return the parameters after every step."""
    import torch

    tensors = torch.tensor(trials.starts)
    params = tensors.numpy()  # the same memory
    parts = [[trial[:-1, None], trial[-1:]] for trial in tensors]  # weights (k, 1), bias (1,)
    optimizers = [optimizer_class(pair, **hyperparams) for pair in parts]
    path = [params.copy()]

    def mean_loss(trial: int, X: Floats, y: Floats) -> Any:
        """Return the loss, after writing its gradients."""
        loss, gradient = _loss_and_gradient(params[trial], X[trial], y[trial])
        w, b = parts[trial]
        w.grad, b.grad = torch.tensor(gradient[:-1, None]), torch.tensor(gradient[-1:])
        return loss

    for X, y in _minibatches(trials):
        for trial, optimizer in enumerate(optimizers):
            optimizer.step(partial(mean_loss, trial, X, y))
        path.append(params.copy())
    return np.stack(path, axis=1)


def follow_optax(trials: Trials, transformation: Any, hyperparams: Mapping[str, Any]) -> Paths:
    """Train with an optax optimizer, or its constructor; return the parameters after every step."""
    import jax
    import optax

    optimizer = transformation(**hyperparams) if callable(transformation) else transformation

    def take_step(gradients: Any, state: Any, params: Any) -> Any:
        updates, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, updates), state

    step = jax.jit(jax.vmap(take_step))
    params = trials.starts[:, :-1, None], trials.starts[:, -1:]  # (k, 1) and (1,) of each
    state = jax.vmap(optimizer.init)(params)
    path = [trials.starts]
    for X, y in _minibatches(trials):
        _, gradient = _loss_and_gradient(path[-1], X, y)
        params, state = step((gradient[:, :-1, None], gradient[:, -1:]), state, params)
        path.append(np.column_stack([params[0][..., 0], params[1]]))
    return np.stack(path, axis=1)


def _minibatches(trials: Trials) -> Iterator[tuple[Floats, Floats]]:
    """Yield X (trials, rows, k + 1), with ones last in each row, and y (trials, rows)."""
    features, labels = trials.features.asnumpy(), trials.labels.asnumpy()
    features = np.column_stack([features, np.ones_like(labels)])
    for order in trials.orders:
        for first in range(0, len(features), trials.batch_size):
            examples = order[:, first : first + trials.batch_size]
            yield features[examples], labels[examples]


@np.errstate(over="ignore", invalid="ignore")  # of a diverged run
def _loss_and_gradient(params: Floats, X: Floats, y: Floats) -> tuple[Any, Floats]:
    """Return the mean loss of a minibatch, of one trial or of each, and its gradient."""
    residuals = (X @ params[..., np.newaxis])[..., 0] - y
    gradient = (residuals[..., np.newaxis, :] @ X)[..., 0, :] / np.float32(X.shape[-2])
    return (residuals**2).mean(axis=-1) / 2, gradient
