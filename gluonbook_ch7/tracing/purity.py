"""Whether a function depends on nothing but its arguments.

A function that reads or writes anything else may do something different each time: a global that
another cell changes, a counter in a closure, a list, a file, a random number. Only its code is
examined; it is not called.
"""

import builtins
import dis
import functools
import math
import numbers
import sys
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..errors import TraceError

_PURE_BUILTINS = {
    *(abs, bool, dict, divmod, enumerate, float, int, isinstance, len, list, max, min, pow, range),
    *(reversed, round, sorted, sum, tuple, zip),
}
_PURE_MODULES = ("gluonbook_ch7.rules", "gluonbook_ch7.experiments.registry")
# MXNet's generated operators say that they are in a module named ndarray.
_OPERATOR_MODULES = ("mxnet", "ndarray")
_UNDEFINED = object()

# Instructions that change something outside the function, or that import something.
_CHANGES = {
    "STORE_GLOBAL": "changes the global",
    "DELETE_GLOBAL": "deletes the global",
    "STORE_ATTR": "sets the attribute",
    "DELETE_ATTR": "deletes the attribute",
    "IMPORT_NAME": "imports",
}


def is_constant(value: Any) -> bool:
    """Return True if a value is a number, a string, None, or a tuple of those."""
    if isinstance(value, tuple):
        return all(map(is_constant, value))
    return value is None or isinstance(value, (numbers.Number, np.generic, str, bytes))


def check_pure(function: Any) -> None:
    """Raise `TraceError` if a function depends on anything but its arguments."""
    if not isinstance(function, (FunctionType, functools.partial)):
        raise TraceError(f"it is not a function but a {type(function).__name__}")
    _check("", function, set())


def _check(name: str, value: Any, seen: set[int]) -> None:
    """Raise `TraceError` if a value, which a function uses under a name, makes it impure."""
    if is_constant(value) or _is_pure_callable(value) or id(value) in seen:
        return
    seen.add(id(value))
    package = str(getattr(value, "__module__", "")).partition(".")[0]
    if isinstance(value, functools.partial):
        for part in (value.func, *value.args, *value.keywords.values()):
            _check("a partial argument", part, seen)
    elif isinstance(value, FunctionType) and package not in _OPERATOR_MODULES:
        for default in (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()):
            _check("a default argument", default, seen)
        _check_code(value.__code__, value.__globals__, _enclosing(value), seen)
    elif value is _UNDEFINED:
        raise TraceError(f"it uses {name}, which is not defined")
    elif isinstance(value, (FunctionType, BuiltinFunctionType)):
        raise TraceError(f"it calls {name}()")
    else:
        raise TraceError(f"it uses {name}, a {type(value).__name__}")


def _is_pure_callable(value: Any) -> bool:
    """Return True for a function of Python, math, NumPy or this package that keeps no state."""
    if isinstance(value, type):
        return value in _PURE_BUILTINS or issubclass(value, np.generic)
    if isinstance(value, FunctionType) and value.__module__ in _PURE_MODULES:
        # Not a function around it: functools.wraps gives that the same module and name.
        return getattr(sys.modules[value.__module__], value.__name__, None) is value
    if isinstance(value, BuiltinFunctionType):
        return value in _PURE_BUILTINS or getattr(math, value.__name__, None) is value
    return isinstance(value, np.ufunc)


def _enclosing(function: FunctionType) -> dict[str, Any]:
    """Return the variables of enclosing functions that a function uses."""
    values = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            values[name] = cell.cell_contents
        except ValueError:  # the name has no value yet
            values[name] = _UNDEFINED
    return values


def _check_code(
    code: CodeType, namespace: dict[str, Any], enclosing: dict[str, Any], seen: set[int]
) -> None:
    """Raise `TraceError` if a function's code, or that of a function inside it, is impure."""
    instructions = [i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
    for instruction, following in zip(instructions, instructions[1:]):
        operation, name = instruction.opname, instruction.argval
        if operation in _CHANGES:
            raise TraceError(f"it {_CHANGES[operation]} {name}")
        if operation == "POP_EXCEPT":
            # On stand-ins for arrays there may be other exceptions to handle.
            raise TraceError("it handles exceptions")
        if operation in ("STORE_DEREF", "DELETE_DEREF") and name in enclosing:
            raise TraceError(f"it changes {name}, a variable of the enclosing function")
        if operation == "LOAD_GLOBAL" or (operation.endswith("DEREF") and name in enclosing):
            found = namespace if operation == "LOAD_GLOBAL" else enclosing
            value = found.get(name, getattr(builtins, name, _UNDEFINED))
            # A module's or a function's attributes may be changed: what counts is the one read.
            has_attributes = isinstance(value, (ModuleType, FunctionType))
            if has_attributes and following.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                value = getattr(value, following.argval, _UNDEFINED)
                name = f"{name}.{following.argval}"
            _check(name, value, seen)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _check_code(constant, namespace, enclosing, seen)
