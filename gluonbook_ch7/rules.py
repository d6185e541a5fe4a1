"""The chapter's six update rules, from scratch.

A rule takes one step: it changes the parameters and their states in place, with ``p.grad`` as the
gradient g. It is elementwise, so one array may hold a parameter of many runs.

Every rule has the same arguments:

params : sequence of NDArray, float32
    The parameters, with their gradients attached.
states : sequence
    One entry for each parameter: an array of its shape, or a tuple of such arrays. The functions
    ``init_*_states`` make those of linear regression before the first step.
hyperparams : dict
    The hyperparameters under the chapter's names.

`ArgumentError` is raised if a hyperparameter is missing or outside its domain, or if the states do
not match the parameters. Statements about Gluon were checked with MXNet 1.9.1.
"""

from collections.abc import Sequence
from typing import Any

from ._mxnet import nd
from ._mxnet.locking import in_turn
from ._validation import checked

__all__ = [
    "adadelta",
    "adagrad",
    "adam",
    "init_adadelta_states",
    "init_adagrad_states",
    "init_adam_states",
    "init_momentum_states",
    "init_rmsprop_states",
    "rmsprop",
    "sgd",
    "sgd_momentum",
]

Params = Sequence[nd.NDArray]
Hyperparams = dict[str, Any]
State = tuple[nd.NDArray, nd.NDArray]


@checked("lr", arrays_per_state=0)
def sgd(params: Params, states: Any, hyperparams: Hyperparams) -> None:
    """Take one step of minibatch stochastic gradient descent (小批量随机梯度下降).

    For each parameter x::

        x ← x − η g

    ``lr`` is the learning rate η (学习率). ``states`` is ignored. Gluon's ``sgd`` does the same.

    Source: Robbins and Monro (1951), A stochastic approximation method.
    """
    eta = hyperparams["lr"]
    for p in params:
        p[:] = p - eta * p.grad


def init_momentum_states(features: nd.NDArray) -> State:
    """Return the velocities of `sgd_momentum` before the first step: zeros (k, 1) and (1,)."""
    return _zeros(features)


@checked("lr", "mom")
def sgd_momentum(params: Params, states: State, hyperparams: Hyperparams) -> None:
    """Take one step of SGD with momentum (动量法).

    For each parameter x and its velocity v::

        v ← μ v + η g
        x ← x − v

    ``lr`` is the learning rate η, ``mom`` the momentum μ in [0, 1] (the chapter's formula has γ).

    Gluon's ``sgd`` with ``momentum`` computes the same with the sign of the velocity reversed.
    PyTorch and optax keep the learning rate outside the velocity: v ← μ v + g, x ← x − η v. While η
    is constant that is the same.

    Source: Polyak (1964), Some methods of speeding up the convergence of iteration methods.
    """
    eta, mom = hyperparams["lr"], hyperparams["mom"]
    for p, v in zip(params, states):
        v[:] = mom * v + eta * p.grad
        p[:] = p - v


def init_adagrad_states(features: nd.NDArray) -> State:
    """Return the sums of squares of `adagrad` before the first step: zeros (k, 1) and (1,)."""
    return _zeros(features)


@checked("lr")
def adagrad(params: Params, states: State, hyperparams: Hyperparams) -> None:
    """Take one AdaGrad step.

    For each parameter x and its state s::

        s ← s + g ⊙ g
        x ← x − η g / √(s + ε),   ε = 1e-6

    ``lr`` is the learning rate η.

    Gluon's ``adagrad`` has ε = 1e-7, also under the root, and calls it ``eps``. PyTorch has
    ε = 1e-10 outside the root. optax starts s at 0.1.

    Source: Duchi, Hazan and Singer (2011), Adaptive subgradient methods for online learning and
    stochastic optimization.
    """
    eta, eps = hyperparams["lr"], 1e-6
    for p, s in zip(params, states):
        s[:] = s + p.grad.square()
        p[:] = p - eta * p.grad / (s + eps).sqrt()


def init_rmsprop_states(features: nd.NDArray) -> State:
    """Return the mean squares of `rmsprop` before the first step: zeros (k, 1) and (1,)."""
    return _zeros(features)


@checked("lr", "gamma")
def rmsprop(params: Params, states: State, hyperparams: Hyperparams) -> None:
    """Take one RMSProp step.

    For each parameter x and its state s, an exponentially weighted moving average
    (指数加权移动平均) of squared gradients::

        s ← γ s + (1 − γ) g ⊙ g
        x ← x − η g / √(s + ε),   ε = 1e-6

    ``lr`` is the learning rate η, ``gamma`` the decay γ in [0, 1]. With γ = 0 each step has the
    length η; with γ = 1, s stays zero and the step is 1,000 η g.

    Gluon's ``rmsprop`` has ε = 1e-8, also under the root; it calls γ ``gamma1`` and ε ``epsilon``,
    and computes 1 − γ in float32. PyTorch has ε outside the root, optax under it.

    Source: Tieleman and Hinton (2012), Neural networks for machine learning, lecture 6.5.
    """
    eta, gamma, eps = hyperparams["lr"], hyperparams["gamma"], 1e-6
    for p, s in zip(params, states):
        s[:] = gamma * s + (1 - gamma) * p.grad.square()
        p[:] = p - eta * p.grad / (s + eps).sqrt()


def init_adadelta_states(features: nd.NDArray) -> tuple[State, State]:
    """Return ``(s, delta)`` of `adadelta` for each parameter before the first step: zeros."""
    (s_w, s_b), (delta_w, delta_b) = _zeros(features), _zeros(features)
    return (s_w, delta_w), (s_b, delta_b)


@checked("rho", arrays_per_state=2)
def adadelta(params: Params, states: tuple[State, State], hyperparams: Hyperparams) -> None:
    """Take one AdaDelta step.

    For each parameter x and its states s and Δ::

        s ← ρ s + (1 − ρ) g ⊙ g
        g′ = √(Δ + ε) / √(s + ε) g,   ε = 1e-5
        x ← x − g′
        Δ ← ρ Δ + (1 − ρ) g′ ⊙ g′

    ``rho`` is the decay ρ in [0, 1]. There is no learning rate.

    Gluon's ``adadelta`` computes the same with the same ε; it accepts a ``learning_rate`` and does
    not use it. PyTorch and optax have ε = 1e-6.

    Source: Zeiler (2012), ADADELTA: an adaptive learning rate method.
    """
    rho, eps = hyperparams["rho"], 1e-5
    for p, (s, delta) in zip(params, states):
        s[:] = rho * s + (1 - rho) * p.grad.square()
        g = (delta + eps).sqrt() / (s + eps).sqrt() * p.grad
        p[:] = p - g
        delta[:] = rho * delta + (1 - rho) * g * g


def init_adam_states(features: nd.NDArray) -> tuple[State, State]:
    """Return ``(v, s)`` of `adam` for each parameter before the first step: zeros."""
    (v_w, v_b), (s_w, s_b) = _zeros(features), _zeros(features)
    return (v_w, s_w), (v_b, s_b)


@checked("lr", "t", arrays_per_state=2)
def adam(params: Params, states: tuple[State, State], hyperparams: Hyperparams) -> None:
    """Take one Adam step and increase ``hyperparams["t"]`` by one.

    For each parameter x and its states v and s, at step t = 1, 2, …::

        v ← β₁ v + (1 − β₁) g,        β₁ = 0.9
        s ← β₂ s + (1 − β₂) g ⊙ g,    β₂ = 0.999
        x ← x − η v̂ / (√ŝ + ε),       v̂ = v / (1 − β₁ᵗ),  ŝ = s / (1 − β₂ᵗ),  ε = 1e-6

    ``lr`` is the learning rate η, ``t`` the number of the step, 1 before the first.

    Gluon's ``adam`` has ε = 1e-8 and counts the steps itself. It folds both bias corrections into
    the learning rate, so that its ε acts as ε / √(1 − β₂ᵗ) in the formula above, and computes
    1 − β₂ in float32, which makes its steps 6e-6 too long. PyTorch and optax correct both averages,
    as here, with ε = 1e-8.

    Source: Kingma and Ba (2014), Adam: a method for stochastic optimization, algorithm 1. Gluon's
    form is at the end of its section 2.
    """
    eta, t = hyperparams["lr"], hyperparams["t"]
    beta1, beta2, eps = 0.9, 0.999, 1e-6
    for p, (v, s) in zip(params, states):
        v[:] = beta1 * v + (1 - beta1) * p.grad
        s[:] = beta2 * s + (1 - beta2) * p.grad.square()
        v_hat = v / (1 - beta1**t)
        s_hat = s / (1 - beta2**t)
        p[:] = p - eta * v_hat / (s_hat.sqrt() + eps)
    hyperparams["t"] += 1


@in_turn
def _zeros(features: nd.NDArray) -> State:
    """Return a zero for each weight (k, 1) and for the bias (1,)."""
    return nd.zeros((features.shape[1], 1)), nd.zeros(1)
