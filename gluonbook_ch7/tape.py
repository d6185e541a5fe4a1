"""The tape: what an update rule does in a step, written down.

A rule only adds, multiplies, takes roots: it never looks at a number in an array. So it can be
called on stand-ins that have no numbers. Each knows its shape and, when an operator is applied to
it, notes that on a tape; the operators on the tape can then be run on the real arrays without the
rule. What a stand-in cannot do raises `TraceError`.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Callable, NamedTuple, Optional

import numpy as np

from ._mxnet import OPERATOR_CALLS, memory_of, nd
from .errors import TraceError
from .outside import is_plain

__all__ = ["WITH_NUMBER", "Place", "Reader", "Step"]

# Where the operand of an operator is found: ("leaf", k) an array at the beginning of the step,
# ("result", k) what the tape's operator k gave, ("number", k) the tape's number k.
Place = tuple[str, int]

# What MXNet calls an operator on two arrays, with a number on the right, with one on the left.
WITH_NUMBER = {
    "broadcast_add": ("_plus_scalar", "_plus_scalar"),
    "broadcast_sub": ("_minus_scalar", "_rminus_scalar"),
    "broadcast_mul": ("_mul_scalar", "_mul_scalar"),
    "broadcast_div": ("_div_scalar", "_rdiv_scalar"),
    "broadcast_power": ("_power_scalar", "_rpower_scalar"),
}
_PYTHON_NAMES = {
    "broadcast_add": "add",
    "broadcast_sub": "sub",
    "broadcast_mul": "mul",
    "broadcast_div": "truediv",
    "broadcast_power": "pow",
}
_METHODS = ("square", "sqrt", "rsqrt", "cbrt", "abs", "sign", "exp", "log", "expm1", "log1p")
_METHODS += ("tanh", "sigmoid", "relu", "reciprocal", "zeros_like", "ones_like")


class Step(NamedTuple):
    """What one step does.

    Attributes
    ----------
    operators : tuple of (name, operand, ...)
        In the order in which they are applied; an operand is a `Place`.
    ends : tuple of Place
        Where each array's value after the step is found.
    numbers : tuple of float
        The numbers that the operators use.
    """

    operators: tuple[Any, ...]
    ends: tuple[Place, ...]
    numbers: tuple[float, ...]


class _Tape:
    """The operators and numbers of the step that is being read."""

    def __init__(self) -> None:
        self.operators: list[Any] = []
        self.numbers: list[float] = []

    def number(self, value: Any) -> Place:
        self.numbers.append(float(value))
        return "number", len(self.numbers) - 1

    def operate(self, name: str, *operands: Place) -> Place:
        self.operators.append((name, *operands))
        return "result", len(self.operators) - 1


class _StandIn:
    """Stands in for an NDArray: an array's shape, and where the tape has its value now.

    Names begin with an underscore but for those that an NDArray has, too.
    """

    __slots__ = ("_grad", "_place", "_tape", "shape")
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None  # NumPy's numbers leave the operator to us
    __class__ = property(lambda self: nd.NDArray)  # type: ignore[assignment]  # for isinstance

    def __init__(
        self,
        shape: tuple[int, ...],
        tape: Optional[_Tape] = None,
        place: Optional[Place] = None,
        grad: Any = None,
    ) -> None:
        self.shape, self._tape, self._place, self._grad = shape, tape, place, grad

    @property
    def grad(self) -> Any:
        return self._grad

    def copy(self) -> "_StandIn":
        return _StandIn(self.shape, self._tape, self._place)

    def __neg__(self) -> "_StandIn":
        return self * -1.0

    def __getitem__(self, key: Any) -> "_StandIn":
        _only_whole(key)
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        _only_whole(key)
        if type(value) is not _StandIn:
            raise TraceError(f"it assigns a {type(value).__name__} to an array")
        self._place = self._operand(value)

    def __getattr__(self, name: str) -> Any:
        raise TraceError(f"it takes .{name} of an array, which is not an elementwise operator")

    def _refuse(self, *_: Any) -> Any:
        raise TraceError("it looks at the numbers in an array")

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse  # type: ignore
    __iter__ = __len__ = __float__ = __int__ = asscalar = asnumpy = _refuse

    def _operand(self, other: Any) -> Place:
        """Return where the tape has `other`, an operand beside this array."""
        if type(other) is _StandIn:
            if other._tape is not self._tape:
                raise TraceError("it keeps a result from one step to the next outside its states")
            if other.shape != self.shape:
                raise TraceError(f"it combines arrays of the shapes {self.shape} and {other.shape}")
            return other._place
        if isinstance(other, (int, float, np.generic)):
            return self._tape.number(other)
        raise TraceError(f"it combines its arrays with a {type(other).__name__}")

    def _result(self, name: str, *operands: Place) -> "_StandIn":
        return _StandIn(self.shape, self._tape, self._tape.operate(name, *operands))


def _only_whole(key: Any) -> None:
    if not (isinstance(key, slice) and key == slice(None)):
        raise TraceError(f"it takes a part of an array, [{key}]")


def _add_operators() -> None:
    """Give the stand-in each operator's three forms, x + y, 1 + y and x += y, and the methods."""
    for name, python_name in _PYTHON_NAMES.items():
        forward, reflected, in_place = _forms(name)
        setattr(_StandIn, f"__{python_name}__", forward)
        setattr(_StandIn, f"__r{python_name}__", reflected)
        if python_name != "pow":  # an NDArray has no **=
            setattr(_StandIn, f"__i{python_name}__", in_place)
    for name in _METHODS:
        setattr(_StandIn, name, lambda self, name=name: self._result(name, self._place))


def _forms(name: str) -> tuple[Callable[..., _StandIn], ...]:
    def forward(self: _StandIn, other: Any) -> _StandIn:
        return self._result(name, self._place, self._operand(other))

    def reflected(self: _StandIn, other: Any) -> _StandIn:
        return self._result(name, self._operand(other), self._place)

    def in_place(self: _StandIn, other: Any) -> _StandIn:
        self._place = self._tape.operate(name, self._place, self._operand(other))
        return self

    return forward, reflected, in_place


_add_operators()


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
        self, rule: Callable, params: Sequence[Any], states: Any, hyperparams: dict[str, Any]
    ) -> None:
        self._rule, self._real_states, self._hyperparams = rule, states, hyperparams
        _check_plain(hyperparams)
        self.arrays: list[Any] = []
        self._leaves: list[_StandIn] = []
        self._params = [self._stand_in(p) for p in params]
        self._states = self._stand_in(states)
        _check_apart(self.arrays)
        for param in self._params:
            param._grad = _StandIn(param.shape)
        self._leaves += [param._grad for param in self._params]

    def read(self, steps: int) -> list[Step]:
        """Return what the rule does in its next `steps` steps."""
        with _no_operators():
            read = [self._read_step() for _ in range(steps)]
        # Equal means the same stand-ins here: comparing two different ones is refused.
        if self._states != self._stand_in(self._real_states):
            raise TraceError("it replaces its states by something else")
        _check_plain(self._hyperparams)
        return read

    def _read_step(self) -> Step:
        tape = _Tape()
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
            self._leaves.append(_StandIn(tree.shape))
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


def _refusing(function: Callable, thread: int) -> Callable:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != thread:
            return function(*args, **kwargs)
        raise TraceError("it calls an MXNet function; only methods and + - * / ** can be read")

    return refuse
