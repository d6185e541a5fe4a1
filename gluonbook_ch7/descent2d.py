"""Descent in two dimensions: a rule in plain numbers, followed for twenty steps and drawn.

Each rule takes one step on the chapter's objective f(x₁, x₂) = 0.1 x₁² + 2 x₂² (`f_2d`), whose
gradient is g = (0.2 x₁, 4 x₂). It takes the point ``x1, x2`` and the states ``s1, s2`` of its
coordinates, and returns the next ones. The defaults are the section's hyperparameters; for others
use ``train_2d(functools.partial(gd_2d, eta=0.6))``.
"""

import math
from typing import Any, Callable

from ._observers import on_descent
from ._validation import check_rule, checked_2d
from .figures import plot_trace_2d, set_figsize

__all__ = [
    "adagrad_2d",
    "descend_2d",
    "f_2d",
    "gd_2d",
    "momentum_2d",
    "rmsprop_2d",
    "show_trace_2d",
    "train_2d",
]

Point = tuple[float, float]
Step2D = tuple[float, float, float, float]
Rule2D = Callable[[float, float, float, float], Step2D]


def f_2d(x1: Any, x2: Any) -> Any:
    """Return the chapter's objective, 0.1 x₁² + 2 x₂², of floats or arrays."""
    return 0.1 * x1**2 + 2 * x2**2


def _gradient(x1: float, x2: float) -> tuple[float, float]:
    return 0.2 * x1, 4 * x2


@checked_2d
def gd_2d(x1: float, x2: float, s1: float, s2: float, *, eta: float = 0.4) -> Step2D:
    """Take one step of gradient descent (梯度下降), in each coordinate x ← x − η g.

    ``eta`` is the learning rate η; from 0.5 on, x₂ does not converge. The states are not used.
    """
    g1, g2 = _gradient(x1, x2)
    return x1 - eta * g1, x2 - eta * g2, 0, 0


@checked_2d
def momentum_2d(
    x1: float, x2: float, v1: float, v2: float, *, eta: float = 0.4, gamma: float = 0.5
) -> Step2D:
    """Take one step of gradient descent with momentum (动量法; Polyak 1964).

    In each coordinate, with the learning rate η and the momentum γ in [0, 1]::

        v ← γ v + η g
        x ← x − v
    """
    g1, g2 = _gradient(x1, x2)
    v1 = gamma * v1 + eta * g1
    v2 = gamma * v2 + eta * g2
    return x1 - v1, x2 - v2, v1, v2


@checked_2d
def adagrad_2d(x1: float, x2: float, s1: float, s2: float, *, eta: float = 0.4) -> Step2D:
    """Take one AdaGrad step (Duchi, Hazan and Singer 2011).

    In each coordinate, with the learning rate η; the section also tries η = 2::

        s ← s + g²
        x ← x − η g / √(s + ε),   ε = 1e-6
    """
    g1, g2 = _gradient(x1, x2)
    eps = 1e-6
    s1 += g1**2
    s2 += g2**2
    x1 -= eta / math.sqrt(s1 + eps) * g1
    x2 -= eta / math.sqrt(s2 + eps) * g2
    return x1, x2, s1, s2


@checked_2d
def rmsprop_2d(
    x1: float, x2: float, s1: float, s2: float, *, eta: float = 0.4, gamma: float = 0.9
) -> Step2D:
    """Take one RMSProp step (Tieleman and Hinton 2012, lecture 6.5).

    In each coordinate, with the learning rate η and the decay γ in [0, 1]::

        s ← γ s + (1 − γ) g²
        x ← x − η g / √(s + ε),   ε = 1e-6
    """
    g1, g2 = _gradient(x1, x2)
    eps = 1e-6
    s1 = gamma * s1 + (1 - gamma) * g1**2
    s2 = gamma * s2 + (1 - gamma) * g2**2
    x1 -= eta / math.sqrt(s1 + eps) * g1
    x2 -= eta / math.sqrt(s2 + eps) * g2
    return x1, x2, s1, s2


def descend_2d(trainer: Rule2D, num_steps: int = 20) -> list[Point]:
    """Follow a rule from (-5, -2) with both states zero.

    Returns the start and the point after each step. The rule takes and returns ``x1, x2, s1, s2``.
    """
    check_rule(trainer, "(x1, x2, s1, s2), such as rmsprop_2d")
    x1, x2, s1, s2 = -5.0, -2.0, 0.0, 0.0
    trace = [(x1, x2)]
    for _ in range(num_steps):
        x1, x2, s1, s2 = trainer(x1, x2, s1, s2)
        trace.append((x1, x2))
    return trace


def train_2d(trainer: Rule2D) -> list[Point]:
    """Follow a rule for 20 steps, print where it ends, and return the 21 points of its trace.

    This is the book's function; `descend_2d` does not print.
    """
    trace = descend_2d(trainer)
    x1, x2 = trace[-1]
    print("epoch %d, x1 %f, x2 %f" % (len(trace) - 1, x1, x2))
    for observe in on_descent:
        observe(trainer, trace)
    return trace


def show_trace_2d(f: Callable[..., Any], res: list[Point]) -> None:
    """Draw the trace `res` that `train_2d` returned over the contours of `f`, as the book does.

    The objective `f` takes two float64 arrays of one shape and returns a third.
    """
    set_figsize()
    plot_trace_2d(f, res)
