"""The from-scratch update rules and their states, each as the chapter's formula says it.

A rule takes ``(params, states, hyperparams)`` and changes parameters and states in place. It is
elementwise, so it works unchanged on parameters that carry a leading axis of runs.
"""

from collections.abc import Sequence
from typing import Any

from ._mxnet import nd

__all__ = ["init_rmsprop_states", "rmsprop"]


def init_rmsprop_states(features: nd.NDArray) -> tuple[nd.NDArray, nd.NDArray]:
    """Return RMSProp's states before the first step: zeros.

    Parameters
    ----------
    features : NDArray, shape (n, k)
        Only ``k`` is used.

    Returns
    -------
    s_w : NDArray, shape (k, 1), float32
    s_b : NDArray, shape (1,), float32
    """
    return nd.zeros((features.shape[1], 1)), nd.zeros(1)


def rmsprop(
    params: Sequence[nd.NDArray], states: Sequence[nd.NDArray], hyperparams: dict[str, Any]
) -> None:
    """Take one RMSProp step, in place, with ``p.grad`` as the gradient g.

    For each parameter x and its state s::

        s ← γ s + (1 − γ) g ⊙ g
        x ← x − η g / √(s + ε),   ε = 1e-6

    Gluon's ``rmsprop`` computes the same formula; its γ is called ``gamma1`` and its ε, under the
    root too, is 1e-8. Others put ε outside the root (PyTorch, TensorFlow).

    Parameters
    ----------
    params : sequence of NDArray, float32
        The parameters, each with its gradient attached.
    states : sequence of NDArray, float32
        One state of the same shape for each parameter.
    hyperparams : dict
        ``lr``, the learning rate η; ``gamma``, the decay γ in [0, 1].

    References
    ----------
    The chapter's section on RMSProp; Tieleman and Hinton (2012), lecture 6.5.
    """
    eta, gamma, eps = hyperparams["lr"], hyperparams["gamma"], 1e-6
    for p, s in zip(params, states):
        g = p.grad
        s *= gamma
        s += (1 - gamma) * g.square()
        p -= eta * g / (s + eps).sqrt()
