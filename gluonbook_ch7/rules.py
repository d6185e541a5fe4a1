"""The chapter's update rules, from scratch, each as its formula says it; and what Gluon calls each.

A rule takes ``(params, states, hyperparams)`` and takes one step: it changes the parameters and
their states in place, with ``p.grad`` as the gradient g. It is elementwise, so it works unchanged
on parameters that carry a leading axis of runs, and on hyperparameters of shape (runs, 1, 1).

``params`` is a sequence of float32 NDArrays with their gradients attached; ``states`` has one entry
for each, an array of the same shape or a tuple of such arrays; ``hyperparams`` maps the chapter's
names to numbers. A hyperparameter that is missing or outside of its domain, or states that do not
match the parameters, raise `ArgumentError`. Each rule has a function that makes its states before
the first step, zeros, for weights (k, 1) and a bias (1,), from features (n, k).

`RULES` ties each rule to its states, its hyperparameters and its optimizer in Gluon, and declares
in what the two differ. All of Gluon's optimizers share one difference with the chapter, the average
over a short last minibatch; the docstrings name only the others. What they say of Gluon holds for
MXNet 1.9.1.
"""

from collections.abc import Sequence
from typing import Any

from ._mxnet import nd
from ._mxnet.locking import in_turn
from .declarations import Difference, UpdateRule, matched, take
from .variants import adam_like_gluon

__all__ = [
    "RULES",
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


def sgd(params: Params, states: Any, hyperparams: Hyperparams) -> None:
    """Take one step of minibatch stochastic gradient descent.

    For each parameter x::

        x ← x − η g

    ``lr`` is the learning rate η. There are no states; whatever is given is left alone.

    Gluon's ``sgd`` computes the same.

    References
    ----------
    The chapter on minibatch SGD; Robbins and Monro (1951), A stochastic approximation method.
    """
    (eta,) = take("sgd", hyperparams, "lr")
    for p in params:
        p -= eta * p.grad


def init_momentum_states(features: nd.NDArray) -> State:
    """Return momentum's velocities before the first step: zeros (k, 1) and (1,)."""
    return _zeros(features)


def sgd_momentum(params: Params, states: State, hyperparams: Hyperparams) -> None:
    """Take one step of SGD with momentum.

    For each parameter x and its velocity v::

        v ← μ v + η g
        x ← x − v

    ``lr`` is the learning rate η, ``mom`` the momentum μ in [0, 1] (γ in the chapter's formula).

    Gluon's ``sgd`` with ``momentum`` computes the same, with the velocity's sign turned: it too
    has the learning rate inside the velocity. PyTorch and optax have it outside, v ← μ v + g and
    x ← x − η v. From a velocity of zero that is the same while η stays the same; once η changes,
    theirs rescales the whole velocity at once, ours only what is added to it from then on.

    References
    ----------
    The chapter on momentum; Polyak (1964), Some methods of speeding up the convergence
    of iteration methods.
    """
    eta, mom = take("sgd_momentum", hyperparams, "lr", "mom")
    for p, v in matched("sgd_momentum", params, states):
        v *= mom
        v += eta * p.grad
        p -= v


def init_adagrad_states(features: nd.NDArray) -> State:
    """Return AdaGrad's sums of squared gradients before the first step: zeros (k, 1) and (1,)."""
    return _zeros(features)


def adagrad(params: Params, states: State, hyperparams: Hyperparams) -> None:
    """Take one AdaGrad step.

    For each parameter x and its state s::

        s ← s + g ⊙ g
        x ← x − η g / √(s + ε),   ε = 1e-6

    ``lr`` is the learning rate η.

    Gluon's ``adagrad`` computes the same formula with ε = 1e-7, under the root too; it calls ε
    ``eps``. PyTorch has ε = 1e-10 outside the root; optax lets s begin at 0.1.

    References
    ----------
    The chapter on AdaGrad; Duchi, Hazan and Singer (2011), Adaptive subgradient methods
    for online learning and stochastic optimization.
    """
    (eta,), eps = take("adagrad", hyperparams, "lr"), 1e-6
    for p, s in matched("adagrad", params, states):
        s += p.grad.square()
        p -= eta * p.grad / (s + eps).sqrt()


def init_rmsprop_states(features: nd.NDArray) -> State:
    """Return RMSProp's averages of squared gradients before the first step: zeros (k, 1), (1,)."""
    return _zeros(features)


def rmsprop(params: Params, states: State, hyperparams: Hyperparams) -> None:
    """Take one RMSProp step.

    For each parameter x and its state s::

        s ← γ s + (1 − γ) g ⊙ g
        x ← x − η g / √(s + ε),   ε = 1e-6

    ``lr`` is the learning rate η, ``gamma`` the decay γ in [0, 1]. γ = 0 divides by the size of the
    gradient at hand alone; γ = 1 never learns s, so the step is 1,000 η g.

    Gluon's ``rmsprop`` computes the same formula with ε = 1e-8, under the root too; it calls γ
    ``gamma1`` and ε ``epsilon``. It takes 1 − γ in float32, which is off by 2e-7 of itself at 0.9,
    and by 1e-5 at 0.999. PyTorch puts ε outside the root; optax puts it inside, as we do.

    References
    ----------
    The chapter on RMSProp; Tieleman and Hinton (2012), lecture 6.5.
    """
    (eta, gamma), eps = take("rmsprop", hyperparams, "lr", "gamma"), 1e-6
    for p, s in matched("rmsprop", params, states):
        s *= gamma
        s += (1 - gamma) * p.grad.square()
        p -= eta * p.grad / (s + eps).sqrt()


def init_adadelta_states(features: nd.NDArray) -> tuple[State, State]:
    """Return AdaDelta's states ``(s, delta)`` before the first step: zeros (k, 1) and (1,)."""
    (s_w, s_b), (delta_w, delta_b) = _zeros(features), _zeros(features)
    return (s_w, delta_w), (s_b, delta_b)


def adadelta(params: Params, states: tuple[State, State], hyperparams: Hyperparams) -> None:
    """Take one AdaDelta step.

    For each parameter x and its states s and Δ::

        s ← ρ s + (1 − ρ) g ⊙ g
        g′ = √((Δ + ε) / (s + ε)) g,   ε = 1e-5
        x ← x − g′
        Δ ← ρ Δ + (1 − ρ) g′ ⊙ g′

    ``rho`` is the decay ρ in [0, 1]; there is no learning rate. Each root is taken by itself.

    Gluon's ``adadelta`` computes the same, with the same ε; it takes a ``learning_rate`` and does
    not use it. PyTorch and optax have ε = 1e-6, and PyTorch multiplies g′ by a learning rate of 1.

    References
    ----------
    The chapter on AdaDelta; Zeiler (2012), ADADELTA: an adaptive learning rate method.
    """
    (rho,), eps = take("adadelta", hyperparams, "rho"), 1e-5
    for p, (s, delta) in matched("adadelta", params, states, arrays=2):
        s *= rho
        s += (1 - rho) * p.grad.square()
        g = (delta + eps).sqrt() / (s + eps).sqrt() * p.grad
        p -= g
        delta *= rho
        delta += (1 - rho) * g * g


def init_adam_states(features: nd.NDArray) -> tuple[State, State]:
    """Return Adam's states ``(v, s)`` before the first step: zeros (k, 1) and (1,)."""
    (v_w, v_b), (s_w, s_b) = _zeros(features), _zeros(features)
    return (v_w, s_w), (v_b, s_b)


def adam(params: Params, states: tuple[State, State], hyperparams: Hyperparams) -> None:
    """Take one Adam step, and count it: ``hyperparams["t"]`` grows by one.

    For each parameter x and its states v and s, at step t = 1, 2, …::

        v ← β₁ v + (1 − β₁) g,        β₁ = 0.9
        s ← β₂ s + (1 − β₂) g ⊙ g,    β₂ = 0.999
        x ← x − η v̂ / (√ŝ + ε),       v̂ = v / (1 − β₁ᵗ),  ŝ = s / (1 − β₂ᵗ),  ε = 1e-6

    ``lr`` is the learning rate η, ``t`` the number of the step, 1 before the first.

    Gluon's ``adam`` has ε = 1e-8, outside the root too, and counts the steps by itself. It folds
    both bias corrections into the learning rate and leaves s as it is, so that its ε counts for
    ε / √(1 − β₂ᵗ) in the formula above, 32 times as much at the first step. And it takes 1 − β₂ in
    float32, which makes it 0.00099998713: its steps are 6e-6 too long. PyTorch and optax correct
    both averages, as we do, with ε = 1e-8.

    References
    ----------
    The chapter on Adam; Kingma and Ba (2014), Adam: a method for stochastic optimization, whose
    algorithm 1 is ours, and the end of its section 2 Gluon's.
    """
    eta, t = take("adam", hyperparams, "lr", "t")
    beta1, beta2, eps = 0.9, 0.999, 1e-6
    for p, (v, s) in matched("adam", params, states, arrays=2):
        v *= beta1
        v += (1 - beta1) * p.grad
        s *= beta2
        s += (1 - beta2) * p.grad.square()
        v_hat, s_hat = v / (1 - beta1**t), s / (1 - beta2**t)
        p -= eta * v_hat / (s_hat.sqrt() + eps)
    hyperparams["t"] += 1


@in_turn
def _zeros(features: nd.NDArray) -> State:
    return nd.zeros((features.shape[1], 1)), nd.zeros(1)


_SHORT_MINIBATCH = Difference(
    "short minibatch",
    ours="averages over the rows that the last minibatch of an epoch has",
    gluons="Trainer.step(batch_size) divides by batch_size all the same",
    count_rows=True,
)
_FOLDED = Difference(
    "folded bias correction",
    ours="corrects both averages, then adds ε to √ŝ",
    gluons="corrects the learning rate and adds ε to √s",
    variant={"folded": True},
)
_SINGLE = Difference(
    "float32 1 − β",
    ours="1 − β₂ = 0.001",
    gluons="1 − β₂ = 0.00099998713",
    variant={"single": True},
)


def _epsilon(ours: float, gluons: float, name: str = "epsilon") -> Difference:
    return Difference("epsilon", f"ε = {ours:g}", f"ε = {gluons:g}", {name: ours})


_LR = {"lr": "learning_rate"}

# Each rule, its states, the hyperparameters that the chapter trains with (`DOMAINS` says what
# others may be), its optimizer in Gluon, what that calls the hyperparameters, and in what it
# differs.
# fmt: off
RULES = {rule.name: rule for rule in (
    UpdateRule(sgd, None, {"lr": 0.05},
               "sgd", _LR, (_SHORT_MINIBATCH,)),
    UpdateRule(sgd_momentum, init_momentum_states, {"lr": 0.02, "mom": 0.5},
               "sgd", {**_LR, "mom": "momentum"}, (_SHORT_MINIBATCH,)),
    UpdateRule(adagrad, init_adagrad_states, {"lr": 0.1},
               "adagrad", _LR, (_epsilon(1e-6, 1e-7, "eps"), _SHORT_MINIBATCH)),
    UpdateRule(rmsprop, init_rmsprop_states, {"lr": 0.01, "gamma": 0.9},
               "rmsprop", {**_LR, "gamma": "gamma1"}, (_epsilon(1e-6, 1e-8), _SHORT_MINIBATCH)),
    UpdateRule(adadelta, init_adadelta_states, {"rho": 0.9},
               "adadelta", {"rho": "rho"}, (_SHORT_MINIBATCH,)),
    UpdateRule(adam, init_adam_states, {"lr": 0.01, "t": 1},
               "adam", _LR, (_epsilon(1e-6, 1e-8), _FOLDED, _SINGLE, _SHORT_MINIBATCH),
               adam_like_gluon),
)}
# fmt: on
