"""Training: one run of linear regression, from scratch or with Gluon.

`fit_scratch` and `fit_gluon` compute and return a `LossCurve`. `train_ch7` and `train_gluon_ch7`
are the book's: they call those, print the book's line and draw the book's figure.

Both give, bit for bit, the losses of the book's own loop with a ``DataLoader``: they draw from
``mx.random`` and ``np.random`` the same numbers in the same order and call the same operators.
They are faster because a minibatch is cut from one shuffled copy of the data, not collected row by
row, because the loss is one call and not six, and because nobody waits for a loss before the end.
"""

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt

from . import _validation as checks
from . import distributed as sharing
from ._mxnet import autograd, gluon, init, mx, nd
from ._mxnet.locking import in_turn
from ._sampling import is_checkpoint, shuffled
from .errors import ArgumentError, DivergenceWarning
from .figures import plot_loss, set_figsize
from .tracing.runs import fuse_gluon, fuse_scratch

__all__ = [
    "LossCurve",
    "draw_start",
    "fit_gluon",
    "fit_scratch",
    "seed_generators",
    "train_ch7",
    "train_gluon_ch7",
]

Rule = Callable[[list[nd.NDArray], Any, dict[str, Any]], None]


@dataclass(frozen=True)
class LossCurve:
    """The full-batch losses of one run.

    Attributes
    ----------
    start : (ndarray (k, 1), ndarray (1,)), float32
        The weights and the bias before the first step.
    epochs : ndarray, shape (m,), float64
        Where the book plots each loss: evenly from 0 to the number of epochs.
    losses : ndarray, shape (m,), float32
        The mean of `squared_loss` over all examples before training and at each checkpoint.
    seconds_per_epoch : float
        What the last epoch took, in seconds, as the book prints it.
    """

    start: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
    epochs: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float32]
    seconds_per_epoch: float

    @property
    def diverged_at(self) -> Optional[int]:
        """The first checkpoint whose loss is not finite; None if all are."""
        not_finite = np.flatnonzero(~np.isfinite(self.losses))
        return int(not_finite[0]) if len(not_finite) else None


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
    fused: bool = False,
) -> LossCurve:
    """Train linear regression with a from-scratch update rule.

    Minimises the mean of `squared_loss` from weights drawn as N(0, 0.01²) and a bias of zero, one
    update a minibatch, the examples shuffled anew for every epoch.

    Parameters
    ----------
    trainer_fn : callable
        The update rule, ``trainer_fn(params, states, hyperparams)``, which changes ``params`` (the
        weights (k, 1) and the bias (1,), gradients attached) and ``states`` in place.
    states : sequence of NDArray, or of sequences of NDArray, or None
        The rule's states, one for the weights and one for the bias; changed in place.
    hyperparams : dict
        The rule's hyperparameters.
    features : NDArray, shape (n, k), float32
    labels : NDArray, shape (n,), float32
    batch_size : int
        Examples a minibatch; the last one of an epoch may be shorter, and is averaged over the
        examples it has.
    num_epochs : int
        Passes over the data.
    seed : int, optional
        Seeds MXNet's and NumPy's global generators first. Without it they go on from where they
        stand, as in the book.
    fused : bool
        Read what the rule does and run ten steps at a time as one MXNet operator: several times
        as fast, and the same bit for bit. A rule that cannot be read is trained as without it,
        after a `FusionWarning` that says why.

    Returns
    -------
    LossCurve
        The losses before training and at the checkpoints, which come every 100 examples: wherever
        ``(batch_i + 1) * batch_size`` is a multiple of 100.

    Raises
    ------
    ArgumentError
        If the data, the sizes or the states do not fit together, or a number of the data is not
        finite.
    ForkError
        If this process was forked while another thread was training.

    Notes
    -----
    A loss that float32 cannot hold is infinite or not a number, and so the run has diverged, be it
    because the weights have or because the data are so large: standardise them.

    Trainings in several threads take turns: with seeds each gives what it gives alone. Without,
    their shuffles are drawn in whichever order they come, and the weights from MXNet's generator of
    the thread, which in every new thread starts as in a new process. Other code that draws
    from the generators meanwhile is mixed in; an update rule must not wait for a training in
    another thread. A process that forks first waits for a training in another thread to end;
    it hangs, in MXNet, if another thread calls MXNet itself meanwhile: then spawn processes.

    References
    ----------
    ``train_ch7`` in the book's package, introduced in the chapter's section on minibatch SGD.
    """
    checks.check_data(features, labels)
    checks.check_sizes(batch_size, num_epochs)
    checks.check_rule(trainer_fn)
    checks.check_states(states, num_features=features.shape[1])
    seed_generators(seed)
    w, b = draw_start(features.shape[1])
    w.attach_grad()
    b.attach_grad()
    mean_loss = _mean_loss_block()

    def update(X: nd.NDArray, y: nd.NDArray) -> None:
        with autograd.record():
            loss = mean_loss(X, w, b, y)
        loss.backward()
        trainer_fn([w, b], states, hyperparams)

    def full_batch_loss() -> nd.NDArray:
        return mean_loss(features, w, b, labels)

    start = w.asnumpy(), b.asnumpy()
    run = None
    if fused:
        task = states, hyperparams, features, labels, batch_size, num_epochs
        run = fuse_scratch(trainer_fn, [w, b], *task)
    losses, seconds = run or _train(
        update, full_batch_loss, features, labels, batch_size, num_epochs
    )
    return LossCurve(start, np.linspace(0, num_epochs, len(losses)), losses, seconds)


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
    kvstore: sharing.Store = "device",
    fused: bool = False,
) -> LossCurve:
    """Train linear regression with one of Gluon's optimizers.

    The same task as `fit_scratch`, with one difference that the book has too: ``Trainer.step``
    divides the summed gradient by ``batch_size``, also for a short last minibatch.

    Parameters
    ----------
    trainer_name : str
        The optimizer's name, as ``gluon.Trainer`` takes it.
    trainer_hyperparams : dict
        Its hyperparameters, under Gluon's names: ``learning_rate``, and RMSProp's γ is ``gamma1``.
    features, labels, batch_size, num_epochs, seed
        As in `fit_scratch`.
    kvstore : str or KVStore or None
        The store, or its name, that ``gluon.Trainer`` is handed. With a distributed one, such as
        ``mxnet.kv.create("dist_sync")``, several workers share the run: each must call this
        function with the same arguments, the seed among them, and trains on its share of every
        minibatch. With "dist_sync" each gets the losses of a run without a store, to float32
        rounding; with "dist_async" nobody waits for anybody, and the losses are one draw. A store
        serves one run.
    fused : bool
        Compute the gradients with one MXNet operator and call the optimizer directly: several
        times as fast, and the same bit for bit, with every optimizer. On this machine alone: it
        takes no `kvstore`.

    Returns
    -------
    LossCurve
        As in `fit_scratch`.

    Raises
    ------
    ArgumentError
        If the optimizer, one of its hyperparameters or the store is unknown, a hyperparameter
        cannot be trained with, the data and the sizes do not fit together, a number of the data is
        not finite, the store has served before, or workers that share a run were given no seed or
        different arguments.
    ForkError
        If this process was forked while another thread was training.

    Notes
    -----
    Trainings in several threads take turns, and overflow counts as divergence, as in `fit_scratch`.

    References
    ----------
    ``train_gluon_ch7`` in the book's package, introduced in the chapter's section on minibatch SGD.
    """
    checks.check_data(features, labels)
    checks.check_sizes(batch_size, num_epochs)
    trainer_hyperparams = checks.check_optimizer(trainer_name, trainer_hyperparams)
    if fused and kvstore != "device":
        raise ArgumentError("fused=True trains on this machine alone; it takes no kvstore")
    call = trainer_name, trainer_hyperparams, features, labels, batch_size, num_epochs
    store = sharing.join(kvstore, seed, *call)
    seed_generators(seed)
    net = _LinearWithLoss()
    net.initialize(init.Normal(sigma=0.01))
    net.hybridize(static_alloc=True)
    trainer = gluon.Trainer(net.collect_params(), trainer_name, trainer_hyperparams, store)

    def update(X: nd.NDArray, y: nd.NDArray) -> None:
        X, y, head_gradient = sharing.take_share(store, X, y)
        with autograd.record():
            loss = net(X, y)
        loss.backward(head_gradient)
        trainer.step(batch_size)

    def full_batch_loss() -> nd.NDArray:
        return net(features, labels).mean()

    full_batch_loss()  # Dense draws its weights when it first sees how many features there are.
    weight, bias = net.dense.weight, net.dense.bias
    start = weight.data().asnumpy().T, bias.data().asnumpy()
    task = features, labels, batch_size, num_epochs
    if fused:
        losses, seconds = fuse_gluon(trainer_name, trainer_hyperparams, weight, bias, *task)
    else:
        losses, seconds = _train(update, full_batch_loss, *task)
    return LossCurve(start, np.linspace(0, num_epochs, len(losses)), losses, seconds)


def train_ch7(
    trainer_fn: Rule,
    states: Any,
    hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
) -> None:
    """Train with a from-scratch rule, print the final loss and draw the curve, as the book does.

    Takes what `fit_scratch` takes. Warns (`DivergenceWarning`) if the loss stopped being finite.
    """
    _show(fit_scratch(trainer_fn, states, hyperparams, features, labels, batch_size, num_epochs))


def train_gluon_ch7(
    trainer_name: str,
    trainer_hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
    *,
    seed: Optional[int] = None,
    kvstore: sharing.Store = "device",
) -> None:
    """Train with Gluon's optimizer, print the final loss and draw the curve, as the book does.

    Takes what `fit_gluon` takes. Warns (`DivergenceWarning`) if the loss stopped being finite.
    """
    call = trainer_name, trainer_hyperparams, features, labels, batch_size, num_epochs
    _show(fit_gluon(*call, seed=seed, kvstore=kvstore))


def _show(curve: LossCurve) -> None:
    """Print the book's line and draw the book's figure."""
    print("loss: %f, %f sec per epoch" % (curve.losses[-1], curve.seconds_per_epoch))
    if curve.diverged_at is not None:
        remedy = "try a smaller learning rate" if curve.diverged_at else "standardise the data"
        warnings.warn(
            f"the run diverged: from checkpoint {curve.diverged_at} of {len(curve.losses) - 1} on "
            f"(checkpoint 0 is the start) the loss is not a finite number; {remedy}",
            DivergenceWarning,
            stacklevel=3,
        )
    set_figsize()
    plot_loss(curve.epochs, curve.losses)


def seed_generators(seed: Optional[int]) -> None:
    """Seed MXNet's and NumPy's global generators; None leaves them as they are."""
    if seed is not None:
        checks.check_seeds([seed])
        mx.random.seed(seed)
        np.random.seed(seed)


def draw_start(num_features: int) -> tuple[nd.NDArray, nd.NDArray]:
    """Draw the weights (k, 1) from N(0, 0.01²) with ``mx.random``; the bias (1,) is zero."""
    return nd.random.normal(scale=0.01, shape=(num_features, 1)), nd.zeros(1)


def _train(
    update: Callable[[nd.NDArray, nd.NDArray], None],
    full_batch_loss: Callable[[], nd.NDArray],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int,
    num_epochs: int,
) -> tuple[npt.NDArray[np.float32], float]:
    """Run the epochs; return the losses at all checkpoints and the seconds of the last epoch."""
    losses = [full_batch_loss()]
    for _ in range(num_epochs):
        start = time.perf_counter()
        for batch_i, (X, y) in enumerate(_minibatches(features, labels, batch_size)):
            update(X, y)
            if is_checkpoint(batch_i, batch_size):
                losses.append(full_batch_loss())
        nd.waitall()
        seconds = time.perf_counter() - start
    return np.array([loss.asscalar() for loss in losses]), seconds


def _minibatches(
    features: nd.NDArray, labels: nd.NDArray, batch_size: int
) -> Iterator[tuple[nd.NDArray, nd.NDArray]]:
    """Shuffle as Gluon's ``RandomSampler`` does; cut into minibatches, the last one maybe short."""
    X, y = shuffled(features, labels)
    cuts = tuple(range(batch_size, len(features), batch_size))
    if not cuts:
        yield X, y
        return
    yield from zip(nd.split_v2(X, cuts), nd.split_v2(y, cuts))


def _mean_loss_block() -> gluon.HybridBlock:
    """Return linreg, squared_loss and their mean as one compiled call ``(X, w, b, y)``."""

    def mean_loss(F: Any, X: Any, w: Any, b: Any, y: Any) -> Any:
        y_hat = F.broadcast_add(F.dot(X, w), b)
        return F.mean((y_hat - F.reshape_like(y, y_hat)) ** 2 / 2)

    block = gluon.nn.HybridLambda(mean_loss)
    block.hybridize(static_alloc=True)
    return block


class _LinearWithLoss(gluon.HybridBlock):  # type: ignore[misc]  # MXNet has no types
    """``Dense(1)`` and ``L2Loss`` as one compiled call: (X, y) to one loss an example."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = gluon.nn.Dense(1)
        self.loss = gluon.loss.L2Loss()

    def hybrid_forward(self, F: Any, X: Any, y: Any) -> Any:
        return self.loss(self.dense(X), y)
