"""Training linear regression, from scratch and with Gluon.

`train_ch7` and `train_gluon_ch7` are the book's: they print its line and draw its figure.
`fit_scratch` and `fit_gluon` return the same training as values. The book's two loops are at the
end. By default their traced form runs (`tracing`), which gives the same losses bit for bit.
"""

import time
from typing import Any, Callable, Optional

import numpy as np

from . import _validation as validation
from . import distributed, tracing
from ._mxnet import autograd, gluon, init, nd
from ._mxnet.locking import in_turn
from ._observers import TrainingCall, on_training
from ._optimizers import check_optimizer
from ._results import run_settings
from ._sampling import draw_start, is_checkpoint, seed_generators
from .figures import plot_loss, set_figsize
from .loss_curve import Floats, LossCurve, Recorder
from .model import linreg, squared_loss

__all__ = ["LossCurve", "Rule", "fit_gluon", "fit_scratch", "train_ch7", "train_gluon_ch7"]

Rule = Callable[[list[nd.NDArray], Any, dict[str, Any]], None]


@in_turn
def fit_scratch(
    trainer_fn: Rule,
    states: Any,
    hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
    *,
    seed: Optional[int] = None,
    start: Any = None,
    keep_path: bool = False,
    traced: Optional[bool] = None,
) -> LossCurve:
    """Train linear regression with an update rule from scratch.

    Minimises the mean of `squared_loss` from weights drawn from N(0, 0.01²) and a bias of zero,
    with one update per minibatch; the examples are shuffled in every epoch.

    Parameters
    ----------
    trainer_fn : callable
        The update rule, ``trainer_fn(params, states, hyperparams)``, which changes ``params`` (the
        weights (k, 1) and the bias (1,), gradients attached) and ``states`` in place.
    states : sequence of NDArray, or of sequences of NDArray, or None, or callable
        The rule's states, arrays of the weights' and the bias's shapes, arranged as the rule takes
        them; or a function that makes them from the features, such as `init_rmsprop_states`.
    hyperparams : dict
        The rule's hyperparameters.
    features : NDArray, shape (n, k), float32
    labels : NDArray, shape (n,), float32
    batch_size, num_epochs : int
        The loss of a shorter last minibatch is averaged over the examples that it has.
    seed : int, optional
        Seeds MXNet's and NumPy's global generators first. Without it they continue from their
        current state, as in the book.
    start : (weights, bias), optional
        Start from these k weights and this bias instead of drawing the weights.
    keep_path : bool
        Keep the parameters after every step.
    traced : bool, optional
        By default, a rule that depends on nothing but its arguments is read once and its steps run
        ten at a time as one operator, with the same losses; any other rule runs in the book's loop.
        True warns (`TracingWarning`) if the rule cannot be traced; False never traces.

    Returns
    -------
    LossCurve
        Losses before training and wherever ``(batch_i + 1) * batch_size`` is a multiple of 100. A
        loss that float32 cannot hold is infinite or NaN and counts as diverged.

    Raises
    ------
    ArgumentError
        If the data, the sizes, the start or the states do not fit together, or the data contain a
        number that is not finite.
    """
    batch_size, num_epochs = validation.check_training(features, labels, batch_size, num_epochs)
    validation.check_rule(trainer_fn)
    states = states(features) if callable(states) else states
    validation.check_states(states, num_features=features.shape[1])
    seed_generators(seed)
    w, b = draw_start(features.shape[1], start)
    w.attach_grad()
    b.attach_grad()
    recorder = Recorder(w, b, keep_path)
    task = (features, labels, batch_size, num_epochs)
    settings = run_settings(trainer_fn, hyperparams, *task, seed=seed)
    call = (states, hyperparams, *task)
    run = None
    if traced is not False:
        run = tracing.train_scratch(trainer_fn, recorder, *call, warn=traced is True)
    if run is None:
        run = _scratch_loop(recorder.after(trainer_fn), w, b, *call)
    return recorder.curve(*run, settings)


@in_turn
def fit_gluon(
    trainer_name: str,
    trainer_hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
    *,
    seed: Optional[int] = None,
    start: Any = None,
    keep_path: bool = False,
    kvstore: distributed.KVStore = "device",
    traced: Optional[bool] = None,
) -> LossCurve:
    """Train linear regression with one of Gluon's optimizers.

    The same task as `fit_scratch`, with one difference that is the book's: ``Trainer.step`` divides
    the summed gradient by ``batch_size``, even for a short last minibatch.

    Parameters
    ----------
    trainer_name : str
        The optimizer's name, as ``gluon.Trainer`` takes it.
    trainer_hyperparams : dict
        Its hyperparameters under Gluon's names: ``learning_rate``; RMSProp's γ is ``gamma1``.
    features, labels, batch_size, num_epochs, seed, start, keep_path
        As in `fit_scratch`.
    kvstore : str or KVStore or None
        The key-value store for ``gluon.Trainer``, or its name. With a distributed one, such as
        "dist_sync", each worker calls this function with the same arguments, including the seed,
        and trains on its share of every minibatch (scripts/parameter_server.py).
    traced : bool, optional
        By default, the gradients are computed by one operator and the optimizer is called directly,
        with the same losses, unless a `kvstore` is given. True warns (`TracingWarning`) if it is;
        False runs the book's loop.

    Raises
    ------
    ArgumentError
        As `fit_scratch`; and if the optimizer, a hyperparameter or the store is unknown, a
        hyperparameter's value cannot be trained with, or workers that share a run were given no
        seed or different arguments.
    """
    batch_size, num_epochs = validation.check_training(features, labels, batch_size, num_epochs)
    hyperparams = check_optimizer(trainer_name, trainer_hyperparams)
    task = (features, labels, batch_size, num_epochs)
    store = distributed.join(kvstore, seed, trainer_name, hyperparams, *task)
    seed_generators(seed)
    net = gluon.nn.Dense(1)
    net.initialize(init.Normal(sigma=0.01))
    net(features[:1])  # Dense draws its weights when it first sees how many features there are.
    if start is not None:
        w, b = draw_start(features.shape[1], start)
        net.weight.set_data(w.T)
        net.bias.set_data(b)
    recorder = Recorder(net.weight.data(), net.bias.data(), keep_path)
    if kvstore == "device" and traced is not False:
        run = tracing.train_gluon(trainer_name, hyperparams, recorder, *task)
    else:
        if traced:
            tracing.warn_not_traced("a kvstore is given")
        trainer = gluon.Trainer(net.collect_params(), trainer_name, hyperparams, store)
        run = _gluon_loop(net, recorder.after(trainer.step), store, *task)
    return recorder.curve(*run, run_settings(trainer_name, hyperparams, *task, seed=seed))


def train_ch7(
    trainer_fn: Rule,
    states: Any,
    hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
) -> None:
    """Train as `fit_scratch` does, print the final loss and draw the curve, as the book does.

    Warns (`DivergenceWarning`) if the loss diverged.
    """
    arguments = (trainer_fn, states, hyperparams, features, labels, batch_size, num_epochs)
    call = TrainingCall(*arguments).copied() if on_training else None
    _show(call, fit_scratch(*arguments))


def train_gluon_ch7(
    trainer_name: str,
    trainer_hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
) -> None:
    """Train with a Gluon optimizer as `train_ch7` does; the arguments are those of `fit_gluon`."""
    arguments = (trainer_hyperparams, features, labels, batch_size, num_epochs)
    call = TrainingCall(trainer_name, None, *arguments).copied() if on_training else None
    _show(call, fit_gluon(trainer_name, *arguments))


def _show(call: Optional[TrainingCall], curve: LossCurve) -> None:
    """Tell the observers, print the book's line and draw the book's figure."""
    for observe in on_training:
        observe(call, curve)
    print("loss: %f, %f sec per epoch" % (curve.losses[-1], curve.seconds_per_epoch))
    curve.warn_if_diverged(stacklevel=3)
    set_figsize()
    plot_loss(curve.epochs, curve.losses)


def _scratch_loop(
    trainer_fn: Rule,
    w: nd.NDArray,
    b: nd.NDArray,
    states: Any,
    hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int,
    num_epochs: int,
) -> tuple[Floats, float]:
    """Train from scratch; return the losses and the seconds of the last epoch."""

    def full_batch_loss() -> Any:
        return squared_loss(linreg(features, w, b), labels).mean().asscalar()

    losses = [full_batch_loss()]
    examples = gluon.data.ArrayDataset(features, labels)
    minibatches = gluon.data.DataLoader(examples, batch_size, shuffle=True)
    for _ in range(num_epochs):
        start = time.time()
        for batch_i, (X, y) in enumerate(minibatches):
            with autograd.record():
                loss = squared_loss(linreg(X, w, b), y).mean()
            loss.backward()
            trainer_fn([w, b], states, hyperparams)
            if is_checkpoint(batch_i, batch_size):
                losses.append(full_batch_loss())
        seconds = time.time() - start
    return np.array(losses), seconds


def _gluon_loop(
    net: gluon.nn.Dense,
    trainer_step: Callable[[int], None],
    store: distributed.KVStore,
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int,
    num_epochs: int,
) -> tuple[Floats, float]:
    """Train with Gluon; return the losses and the seconds of the last epoch."""
    loss_of = gluon.loss.L2Loss()

    def full_batch_loss() -> Any:
        return loss_of(net(features), labels).mean().asscalar()

    losses = [full_batch_loss()]
    examples = gluon.data.ArrayDataset(features, labels)
    minibatches = gluon.data.DataLoader(examples, batch_size, shuffle=True)
    for _ in range(num_epochs):
        start = time.time()
        for batch_i, (X, y) in enumerate(minibatches):
            X, y, head_gradient = distributed.take_share(store, X, y)  # on one machine: all of it
            with autograd.record():
                loss = loss_of(net(X), y)
            loss.backward(head_gradient)
            trainer_step(batch_size)
            if is_checkpoint(batch_i, batch_size):
                losses.append(full_batch_loss())
        seconds = time.time() - start
    return np.array(losses), seconds
