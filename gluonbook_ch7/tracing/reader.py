"""The reader: calls a rule on stand-ins, step by step, and returns what it does in each."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Callable

from .._mxnet.library import OPERATOR_CALLS, memory_of, nd
from ..errors import TraceError
from .purity import is_plain
from .tape import StandIn, Step, Tape, refusal, refused

__all__ = ["Reader"]


class Reader:
    """Calls a rule on stand-ins for its parameters and states, and reads what it does.

    Parameters
    ----------
    rule : callable
    params : sequence of NDArray
        Of them only the shapes are used.
    states : nested tuples, lists and dicts of NDArray, or None
        Likewise.
    hyperparams : dict
        The rule's own; what it changes in them, it changes.

    Attributes
    ----------
    arrays : list of NDArray
        The real arrays whose values a `Step` begins with: the parameters and the states, each
        once. The parameters' gradients follow them as leaves.
    """

    def __init__(
        self,
        rule: Callable[..., Any],
        params: Sequence[Any],
        states: Any,
        hyperparams: dict[str, Any],
    ) -> None:
        self._rule, self._real_states, self._hyperparams = rule, states, hyperparams
        _check_plain(hyperparams)
        self.arrays: list[Any] = []
        self._leaves: list[StandIn] = []
        self._params = [self._stand_in(p) for p in params]
        self._states = self._stand_in(states)
        _check_apart(self.arrays)
        for param in self._params:
            param._grad = StandIn(param.shape)
        self._leaves += [param._grad for param in self._params]

    def read(self, steps: int) -> list[Step]:
        """Return what the rule does in its next `steps` steps."""
        with _no_operators():
            refused.clear()
            read = [self._read_step() for _ in range(steps)]
            if refused:
                raise TraceError(refused[0])
        # Equal means the same stand-ins here: comparing two different ones is refused.
        if self._states != self._stand_in(self._real_states):
            raise TraceError("it replaces its states by something else")
        _check_plain(self._hyperparams)
        return read

    def _read_step(self) -> Step:
        tape = Tape()
        for k, leaf in enumerate(self._leaves):
            leaf._tape, leaf._place = tape, ("leaf", k)
        self._rule(list(self._params), self._states, self._hyperparams)
        ends = tuple(leaf._place for leaf in self._leaves[: len(self.arrays)])
        return Step(tuple(tape.operators), ends, tuple(tape.numbers))

    def _stand_in(self, tree: Any) -> Any:
        """Return the same tree with a stand-in for each array, the same one for the same array."""
        if isinstance(tree, nd.NDArray):
            for array, leaf in zip(self.arrays, self._leaves):
                if array is tree:
                    return leaf
            self.arrays.append(tree)
            self._leaves.append(StandIn(tree.shape))
            return self._leaves[-1]
        if type(tree) in (tuple, list):
            return type(tree)([self._stand_in(item) for item in tree])
        if type(tree) is dict:
            return {key: self._stand_in(item) for key, item in tree.items()}
        if tree is None:
            return None
        raise TraceError(f"its states hold a {type(tree).__name__}")


def _check_apart(arrays: Sequence[nd.NDArray]) -> None:
    spans = sorted((memory_of(array) for array in arrays), key=lambda span: span.start)
    if any(one.stop > other.start for one, other in zip(spans, spans[1:])):
        raise TraceError("some of its states share their memory")


def _check_plain(hyperparams: Any) -> None:
    if type(hyperparams) is not dict:
        raise TraceError(f"its hyperparams are a {type(hyperparams).__name__}, not a dict")
    for name, value in hyperparams.items():
        if not is_plain(value):
            raise TraceError(f"its hyperparameter {name} is a {type(value).__name__}, not a number")


_reading = threading.Lock()


@contextmanager
def _no_operators() -> Iterator[None]:
    """Let no MXNet operator run in this thread: it could move a generator or read a stale array."""
    with _reading:
        before = [getattr(owner, name) for owner, name in OPERATOR_CALLS]
        for (owner, name), function in zip(OPERATOR_CALLS, before):
            setattr(owner, name, _refusing(function, threading.get_ident()))
        try:
            yield
        finally:
            for (owner, name), function in zip(OPERATOR_CALLS, before):
                setattr(owner, name, function)


def _refusing(function: Callable[..., Any], thread: int) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != thread:
            return function(*args, **kwargs)
        raise refusal("it calls an MXNet function; only methods and + - * / ** can be read")

    return refuse
