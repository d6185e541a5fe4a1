"""The tape: what an update rule does in a step, written down.

A rule only adds, multiplies, takes roots: it never looks at a number in an array. So it can be
called on stand-ins that have no numbers. Each knows its shape and, when an operator is applied to
it, notes that on a tape; the operators on the tape can then be run on the real arrays without the
rule. What a stand-in cannot do raises `TraceError`.
"""

from typing import Any, Callable, NamedTuple

import numpy as np

from .._mxnet import nd
from ..errors import TraceError

__all__ = ["WITH_NUMBER", "Place", "StandIn", "Step", "Tape", "refusal", "refused"]

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
_METHODS = (
    *("square", "sqrt", "rsqrt", "cbrt", "abs", "sign", "exp", "log", "expm1", "log1p"),
    *("tanh", "sigmoid", "relu", "reciprocal", "zeros_like", "ones_like"),
)


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


class Tape:
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


# What was refused since reading began, so that a rule cannot go on by catching it.
refused: list[str] = []


def refusal(reason: str) -> TraceError:
    refused.append(reason)
    return TraceError(reason)


class StandIn:
    """Stands in for an NDArray: an array's shape, and where the tape has its value now.

    Names begin with an underscore but for those that an NDArray has, too.
    """

    __slots__ = ("_grad", "_place", "_tape", "shape")
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None  # NumPy's numbers leave the operator to us
    __class__ = property(lambda self: nd.NDArray)  # for isinstance

    _tape: Tape
    _place: Place

    def __init__(
        self, shape: tuple[int, ...], tape: Any = None, place: Any = None, grad: Any = None
    ) -> None:
        """Make the result of an operator, or a leaf: it has its tape and place from the reader."""
        self.shape, self._tape, self._place, self._grad = shape, tape, place, grad

    @property
    def grad(self) -> Any:
        return self._grad

    def copy(self) -> "StandIn":
        return StandIn(self.shape, self._tape, self._place)

    def __neg__(self) -> "StandIn":
        return self._result("broadcast_mul", self._place, self._tape.number(-1.0))

    def __getitem__(self, key: Any) -> "StandIn":
        _only_whole(key)
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        _only_whole(key)
        if type(value) is not StandIn:
            raise refusal(f"it assigns a {type(value).__name__} to an array")
        self._place = self._operand(value)

    def __getattr__(self, name: str) -> Any:
        raise refusal(f"it takes .{name} of an array, which is not an elementwise operator")

    def _refuse(self, *_: Any) -> Any:
        raise refusal("it looks at the numbers in an array")

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __iter__ = __len__ = __contains__ = __float__ = __int__ = __index__ = _refuse
    asscalar = asnumpy = _refuse

    def _refuse_operator(self, *_: Any) -> Any:
        raise refusal("it uses an operator other than + - * / **")

    __mod__ = __rmod__ = __imod__ = __floordiv__ = __rfloordiv__ = __ifloordiv__ = _refuse_operator
    __matmul__ = __rmatmul__ = __abs__ = __pos__ = __invert__ = _refuse_operator

    def _operand(self, other: Any) -> Place:
        """Return where the tape has `other`, an operand beside this array."""
        if type(other) is StandIn:
            if other._tape is not self._tape:
                raise refusal("it keeps a result from one step to the next outside its states")
            if other.shape != self.shape:
                raise refusal(f"it combines arrays of the shapes {self.shape} and {other.shape}")
            return other._place
        if isinstance(other, (int, float, np.generic)):
            return self._tape.number(other)
        raise refusal(f"it combines its arrays with a {type(other).__name__}")

    def _result(self, name: str, *operands: Place) -> "StandIn":
        return StandIn(self.shape, self._tape, self._tape.operate(name, *operands))


def _only_whole(key: Any) -> None:
    if not (isinstance(key, slice) and key == slice(None)):
        raise refusal(f"it takes a part of an array, [{key}]")


def _add_operators() -> None:
    """Give the stand-in each operator's three forms, x + y, 1 + y and x += y, and the methods."""
    for name, python_name in _PYTHON_NAMES.items():
        forward, reflected, in_place = _forms(name)
        setattr(StandIn, f"__{python_name}__", forward)
        setattr(StandIn, f"__r{python_name}__", reflected)
        if python_name != "pow":  # an NDArray has no **=
            setattr(StandIn, f"__i{python_name}__", in_place)
    for name in _METHODS:
        setattr(StandIn, name, _method(name))


def _forms(name: str) -> tuple[Callable[..., StandIn], ...]:
    def forward(self: StandIn, other: Any) -> StandIn:
        return self._result(name, self._place, self._operand(other))

    def reflected(self: StandIn, other: Any) -> StandIn:
        return self._result(name, self._operand(other), self._place)

    def in_place(self: StandIn, other: Any) -> StandIn:
        self._place = self._tape.operate(name, self._place, self._operand(other))
        return self

    return forward, reflected, in_place


def _method(name: str) -> Callable[..., StandIn]:
    def method(self: StandIn, *args: Any, **kwargs: Any) -> StandIn:
        if args or kwargs:
            raise refusal(f"it calls .{name} with arguments")
        return self._result(name, self._place)

    return method


_add_operators()
