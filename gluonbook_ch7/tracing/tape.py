"""Stand-ins for arrays, which record the operators that are applied to them.

An update rule adds, multiplies and takes roots, and never looks at the numbers in an array. So it
can be called on stand-ins that have a shape and no numbers: each operator that it applies is
recorded on a tape. Anything else raises `TraceError`.
"""

from typing import Any, Callable, Optional

import numpy as np

from ..errors import TraceError

# Where an operand is found: ("array", k) is an array at the beginning of the step, ("result", k)
# the result of the tape's operator k, ("number", k) the tape's number k.
Place = tuple[str, int]

# MXNet's operators on two arrays, and Python's name of the method.
OPERATORS = {
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


class Tape:
    """The operators of one step and the numbers that they use, in order."""

    def __init__(self) -> None:
        self.operators: list[tuple[Any, ...]] = []
        self.numbers: list[float] = []
        self.refusal = ""

    def number(self, value: Any) -> Place:
        """Record a number; return its place."""
        self.numbers.append(float(value))
        return "number", len(self.numbers) - 1

    def apply(self, operator: str, *operands: Place) -> Place:
        """Record an operator; return the place of its result."""
        self.operators.append((operator, *operands))
        return "result", len(self.operators) - 1

    def refuse(self, reason: str) -> TraceError:
        """Return the error to raise, and remember it, in case the rule catches it."""
        self.refusal = self.refusal or reason
        return TraceError(reason)


class StandIn:
    """Stands in for an NDArray during a step.

    Attributes other than those that an NDArray has begin with an underscore.
    """

    __slots__ = ("_place", "_tape", "grad", "shape")
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None  # NumPy scalars leave the operator to us

    def __init__(
        self, shape: tuple[int, ...], tape: Tape, place: Place, grad: Optional["StandIn"] = None
    ) -> None:
        self.shape = shape
        self.grad = grad
        self._tape = tape
        self._place = place

    def copy(self) -> "StandIn":
        return StandIn(self.shape, self._tape, self._place)

    def __neg__(self) -> "StandIn":
        return self._apply("broadcast_mul", self, -1.0)

    def __getitem__(self, key: Any) -> "StandIn":
        self._check_whole(key)
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        self._check_whole(key)
        if type(value) is not StandIn:
            raise self._tape.refuse(f"it assigns a {type(value).__name__} to an array")
        self._assign(value)

    def __getattr__(self, name: str) -> Any:
        raise self._tape.refuse(
            f"it uses .{name} of an array, which is not an elementwise operator"
        )

    def _look(self, *_: Any) -> Any:
        raise self._tape.refuse("it looks at the numbers in an array")

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _look
    __iter__ = __len__ = __contains__ = __float__ = __int__ = __index__ = _look
    asscalar = asnumpy = _look

    def _apply(self, operator: str, left: Any, right: Any) -> "StandIn":
        """Record an operator on two operands, one of which is this array."""
        places = self._find(left), self._find(right)
        shape, other = self.shape, right if left is self else left
        if type(other) is StandIn and other.shape != shape:
            try:
                shape = np.broadcast_shapes(shape, other.shape)
            except ValueError:
                shapes = f"{left.shape} and {right.shape}"
                raise self._tape.refuse(f"it combines arrays of the shapes {shapes}") from None
        return StandIn(shape, self._tape, self._tape.apply(operator, *places))

    def _find(self, operand: Any) -> Place:
        if type(operand) is StandIn:
            return operand._place
        if isinstance(operand, (int, float, np.generic)):
            return self._tape.number(operand)
        raise self._tape.refuse(f"it combines its arrays with a {type(operand).__name__}")

    def _assign(self, value: "StandIn") -> None:
        if value.shape != self.shape:
            raise self._tape.refuse(f"it assigns the shape {value.shape} to {self.shape}")
        self._place = value._place

    def _check_whole(self, key: Any) -> None:
        if not (isinstance(key, slice) and key == slice(None)):
            raise self._tape.refuse(f"it uses a part of an array, [{key}]")


def _add_operators() -> None:
    """Give `StandIn` the methods ``x + y``, ``1 + y`` and ``x += y`` of each operator."""
    for operator, name in OPERATORS.items():
        forward, reflected, in_place = _forms(operator)
        setattr(StandIn, f"__{name}__", forward)
        setattr(StandIn, f"__r{name}__", reflected)
        if name != "pow":  # an NDArray has no **=
            setattr(StandIn, f"__i{name}__", in_place)
    for name in _METHODS:
        setattr(StandIn, name, _method(name))


def _forms(operator: str) -> tuple[Callable[..., StandIn], ...]:
    def forward(self: StandIn, other: Any) -> StandIn:
        return self._apply(operator, self, other)

    def reflected(self: StandIn, other: Any) -> StandIn:
        return self._apply(operator, other, self)

    def in_place(self: StandIn, other: Any) -> StandIn:
        self._assign(self._apply(operator, self, other))
        return self

    return forward, reflected, in_place


def _method(operator: str) -> Callable[[StandIn], StandIn]:
    def method(self: StandIn) -> StandIn:
        return StandIn(self.shape, self._tape, self._tape.apply(operator, self._place))

    return method


_add_operators()
