"""Descent in two dimensions: a rule in plain scalars, followed for twenty steps and drawn."""

import math
from typing import Callable

from .figures import plot_trace_2d, set_figsize

__all__ = ["descend_2d", "rmsprop_2d", "show_trace_2d", "train_2d"]

Point = tuple[float, float]
Rule2D = Callable[[float, float, float, float], tuple[float, float, float, float]]


def rmsprop_2d(
    x1: float, x2: float, s1: float, s2: float, *, eta: float = 0.4, gamma: float = 0.9
) -> tuple[float, float, float, float]:
    """Take one RMSProp step on f(x₁, x₂) = 0.1 x₁² + 2 x₂².

    With the gradient g = (0.2 x₁, 4 x₂), for each coordinate::

        s ← γ s + (1 − γ) g²
        x ← x − η g / √(s + ε),   ε = 1e-6

    Parameters
    ----------
    x1, x2 : float
        Where we stand.
    s1, s2 : float
        The moving average of each coordinate's squared gradient.
    eta : float
        The learning rate η; the section's is 0.4.
    gamma : float
        The decay γ of the moving average, in [0, 1]; the section's is 0.9. For other values,
        ``train_2d(functools.partial(rmsprop_2d, gamma=0.5))``.

    Returns
    -------
    x1, x2, s1, s2 : float
        The next point and its states.

    References
    ----------
    The chapter's section on RMSProp; Tieleman and Hinton (2012), lecture 6.5.
    """
    g1, g2, eps = 0.2 * x1, 4 * x2, 1e-6
    s1 = gamma * s1 + (1 - gamma) * g1**2
    s2 = gamma * s2 + (1 - gamma) * g2**2
    x1 -= eta / math.sqrt(s1 + eps) * g1
    x2 -= eta / math.sqrt(s2 + eps) * g2
    return x1, x2, s1, s2


def descend_2d(trainer: Rule2D, num_steps: int = 20) -> list[Point]:
    """Follow a rule from (-5, -2) with both states zero.

    Parameters
    ----------
    trainer : callable
        Takes and returns ``x1, x2, s1, s2``.
    num_steps : int
        How many steps; the book's are 20.

    Returns
    -------
    list of (float, float)
        The starting point and the point after each step, ``num_steps + 1`` in all.
    """
    x1, x2, s1, s2 = -5, -2, 0, 0
    trace = [(x1, x2)]
    for _ in range(num_steps):
        x1, x2, s1, s2 = trainer(x1, x2, s1, s2)
        trace.append((x1, x2))
    return trace


def train_2d(trainer: Rule2D) -> list[Point]:
    """Follow a rule for 20 steps, print where it ends, and return the 21 points of its trace.

    The book's function; `descend_2d` is the same without the printing.
    """
    trace = descend_2d(trainer)
    x1, x2 = trace[-1]
    print("epoch %d, x1 %f, x2 %f" % (len(trace) - 1, x1, x2))
    return trace


def show_trace_2d(f: Callable, res: list[Point]) -> None:
    """Draw the trace `res` over the contours of `f`, as the book does.

    Parameters
    ----------
    f : callable
        The objective; takes two float64 arrays of one shape and returns a third.
    res : list of (float, float)
        What `train_2d` returned.
    """
    set_figsize()
    plot_trace_2d(f, res)
