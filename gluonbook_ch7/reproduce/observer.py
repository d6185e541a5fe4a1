"""The calls of the book's functions, and how to repeat them many times."""

import functools
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any, Callable, Optional, TypeVar

import numpy as np
import numpy.typing as npt

from .._mxnet import nd
from .._observers import TrainingCall
from ..figures import plt
from ..loss_curve import LossCurve
from ..training import fit_gluon, fit_scratch

Array = npt.NDArray[Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Training:
    """A training call that was observed, and the losses that it gave."""

    call: TrainingCall
    losses: Array  # (m,)
    start: Optional[Array] = None  # the weights (k, 1) from which it began, if they are known
    function: Optional[Callable[..., Any]] = None  # the chapter's own; None for the package's

    @classmethod
    def of(cls, call: TrainingCall, curve: LossCurve) -> "Training":
        """Return a call of the package's function, from what its observers receive."""
        return cls(call, curve.losses.astype(np.float64), curve.start[0])

    @functools.cached_property
    def is_ours(self) -> bool:
        """Whether the package's function gives the same losses bit for bit, under one seed."""
        if self.function is None:
            return True
        size = min(100, len(self.call.features))  # a tenth of the book's steps
        short = replace(self, call=replace(self.call, batch_size=size, num_epochs=2))
        ours = replace(short, function=None)
        return np.array_equal(short.repeat(seed=0), ours.repeat(seed=0), equal_nan=True)

    def repeat(self, seed: int, draws_before: int = 0) -> Array:
        """Return the losses of the same call as in a fresh process, with another shuffle."""

        def train() -> Array:
            for _ in range(draws_before):
                nd.random.normal(shape=(self.call.features.shape[1], 1))
            arguments = list(vars(self.call.copied()).values())
            ours: Callable[..., Any] = fit_scratch
            if isinstance(self.call.rule, str):
                ours = fit_gluon
                del arguments[1]  # it takes no states
            if self.function is None:
                return np.asarray(ours(*arguments).losses, np.float64)
            plt.figure()
            self.function(*arguments)
            return last_line()

        return apart(train, seed)


@dataclass(frozen=True)
class Descent:
    """A two-dimensional descent that was observed."""

    trace: Array  # (steps + 1, 2)
    repeat: Callable[[], Any]  # follows the rule again and returns the trace

    def repeats(self, runs: int) -> list[Any]:
        """Return the traces of many repetitions, which may have other lengths."""
        return apart(lambda: [self.repeat() for _ in range(runs)], seed=0)

    def is_random(self) -> bool:
        """Return True if the descent takes another path, or a longer one, when it is repeated."""
        return not np.array_equal(*self.repeats(2))


def apart(work: Callable[[], T], seed: int) -> T:
    """Return the result of some work, leaving the generators of the chapter's cells alone.

    MXNet's generator belongs to the thread, and in a new one begins as in a new process. NumPy's is
    seeded, and put back. What the work prints or draws is discarded.
    """
    state = np.random.get_state()
    figures = plt.get_fignums()
    try:
        np.random.seed(seed)
        with redirect_stdout(StringIO()), ThreadPoolExecutor(1) as new_thread:
            return new_thread.submit(work).result()
    finally:
        np.random.set_state(state)
        for number in set(plt.get_fignums()) - set(figures):
            plt.close(number)


def last_line() -> Array:
    """Return the heights of the line drawn last into the current axes; empty if there is none."""
    lines = plt.gca().get_lines() if plt.get_fignums() else []
    return np.asarray(lines[-1].get_ydata() if lines else [], np.float64)
