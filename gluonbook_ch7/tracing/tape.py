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

# MXNet's operators that a tape can hold, and what computes the same with NumPy.
OPERATORS: dict[str, Callable[..., Any]] = {
    "broadcast_add": np.add,
    "broadcast_sub": np.subtract,
    "broadcast_mul": np.multiply,
    "broadcast_div": np.divide,
    "broadcast_power": np.power,
    "square": np.square,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "cbrt": np.cbrt,
    "abs": np.abs,
    "sign": np.sign,
    "exp": np.exp,
    "log": np.log,
    "expm1": np.expm1,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "reciprocal": np.reciprocal,
    "zeros_like": np.zeros_like,
    "ones_like": np.ones_like,
}
# Methods of an NDArray that are operators of one array.
_METHODS = [name for name in OPERATORS if not name.startswith("broadcast_")]


class Tape:
    """The operators of one step and the numbers that they use, in order."""

    def __init__(self) -> None:
        self.operators: list[tuple[Any, ...]] = []  # (name, place of an operand, ...)
        self.numbers: list[float] = []


def _forms(operator: str) -> tuple[Callable[..., Any], ...]:
    """Return the methods for ``x + y``, ``1 + y`` and ``x += y`` with another operator."""

    def forward(self: "StandIn", other: Any) -> "StandIn":
        return self._record(operator, self, other)

    def reflected(self: "StandIn", other: Any) -> "StandIn":
        return self._record(operator, other, self)

    def in_place(self: "StandIn", other: Any) -> "StandIn":
        self[:] = self._record(operator, self, other)
        return self

    return forward, reflected, in_place


class StandIn:
    """Stands in for an NDArray during a step.

    Attributes other than those that an NDArray has begin with an underscore.
    """

    __array_ufunc__ = None  # NumPy scalars leave the operator to us

    def __init__(self, shape: tuple[int, ...], tape: Tape, place: Place) -> None:
        self.shape = shape
        self.grad: Optional[StandIn] = None
        self._tape = tape
        self._place = place

    __add__, __radd__, __iadd__ = _forms("broadcast_add")
    __sub__, __rsub__, __isub__ = _forms("broadcast_sub")
    __mul__, __rmul__, __imul__ = _forms("broadcast_mul")
    __truediv__, __rtruediv__, __itruediv__ = _forms("broadcast_div")
    __pow__, __rpow__ = _forms("broadcast_power")[:2]  # an NDArray has no **=

    def __neg__(self) -> "StandIn":
        return self._record("broadcast_mul", self, -1.0)

    def copy(self) -> "StandIn":
        return StandIn(self.shape, self._tape, self._place)

    def __getattr__(self, name: str) -> Any:
        if name in _METHODS:
            return lambda: self._record(name, self)
        raise TraceError(f"it uses .{name} of an array, which is not an elementwise operator")

    def __getitem__(self, key: Any) -> "StandIn":
        if not (isinstance(key, slice) and key == slice(None)):
            raise TraceError(f"it uses a part of an array, [{key}]")
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        whole = self[key]  # refuses a part
        if type(value) is not StandIn:
            raise TraceError(f"it assigns a {type(value).__name__} to an array")
        if value.shape != self.shape:
            raise TraceError(f"it assigns the shape {value.shape} to {self.shape}")
        whole._place = value._place

    def _look(self, *_: Any) -> Any:
        raise TraceError("it looks at the numbers in an array")

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _look
    __iter__ = __len__ = __contains__ = __float__ = __int__ = __index__ = _look
    asscalar = asnumpy = _look

    def _record(self, operator: str, *operands: Any) -> "StandIn":
        """Record an operator, one of whose operands is this array; return its result."""
        shape, tape, places = self.shape, self._tape, []
        for operand in operands:
            if type(operand) is StandIn:
                places.append(operand._place)
                if operand.shape != shape:
                    shape = _broadcast(shape, operand.shape)
            elif isinstance(operand, (int, float, np.generic)):
                places.append(("number", len(tape.numbers)))
                tape.numbers.append(float(operand))  # type: ignore[arg-type]
            else:
                raise TraceError(f"it combines its arrays with a {type(operand).__name__}")
        tape.operators.append((operator, *places))
        return StandIn(shape, tape, ("result", len(tape.operators) - 1))


def _broadcast(shape: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(shape, other)
    except ValueError:
        raise TraceError(f"it combines arrays of the shapes {shape} and {other}") from None
