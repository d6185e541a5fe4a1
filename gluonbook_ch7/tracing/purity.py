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
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

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


def why_impure(function: Any) -> str:
    """Return what a function depends on besides its arguments, or '' for nothing."""
    if not isinstance(function, (FunctionType, functools.partial)):
        return f"it is not a function but a {type(function).__name__}"
    return _why("", function, set())


def _why(name: str, value: Any, seen: set[int]) -> str:
    """Return why a value, which a function uses under a name, makes the function impure."""
    if is_constant(value) or _is_pure_callable(value) or id(value) in seen:
        return ""
    seen.add(id(value))
    if isinstance(value, functools.partial):
        parts = (value.func, *value.args, *value.keywords.values())
        return _first(_why("a partial argument", part, seen) for part in parts)
    package = str(getattr(value, "__module__", "")).partition(".")[0]
    if isinstance(value, FunctionType) and package not in _OPERATOR_MODULES:
        return _first(_reasons(value, seen))
    if value is _UNDEFINED:
        return f"it uses {name}, which is not defined"
    if isinstance(value, (FunctionType, BuiltinFunctionType)):
        return f"it calls {name}()"
    return f"it uses {name}, a {type(value).__name__}"


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


def _reasons(function: FunctionType, seen: set[int]) -> Iterator[str]:
    """Yield the reasons why a function is impure, and '' for what is pure."""
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    for default in defaults:
        yield _why("a default argument", default, seen)
    enclosing: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            enclosing[name] = cell.cell_contents
        except ValueError:  # the name has no value yet
            enclosing[name] = _UNDEFINED
    for code in _nested(function.__code__):
        yield from _changes(code, enclosing)
        for name, value in _names(code, function.__globals__, enclosing):
            yield _why(name, value, seen)
        if any(i.opname == "POP_EXCEPT" for i in dis.get_instructions(code)):
            # On stand-ins for arrays there may be other exceptions to handle.
            yield "it handles exceptions"


def _changes(code: CodeType, enclosing: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the code changes outside the function."""
    for instruction in dis.get_instructions(code):
        name = instruction.argval
        if instruction.opname in _CHANGES:
            yield f"it {_CHANGES[instruction.opname]} {name}"
        elif instruction.opname in ("STORE_DEREF", "DELETE_DEREF") and name in enclosing:
            yield f"it changes {name}, a variable of the enclosing function"


def _names(
    code: CodeType, namespace: Mapping[str, Any], enclosing: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Yield the globals and the variables of the enclosing functions that the code reads.

    Of a module or a function, whose attributes may be changed: the attribute that it reads.
    """
    instructions = [i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
    for instruction, following in zip(instructions, instructions[1:]):
        name = instruction.argval
        if instruction.opname == "LOAD_GLOBAL":
            value = namespace.get(name, getattr(builtins, name, _UNDEFINED))
        elif instruction.opname.endswith("DEREF") and name in enclosing:
            value = enclosing[name]
        else:
            continue
        has_attributes = isinstance(value, (ModuleType, FunctionType))
        if has_attributes and following.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            value = getattr(value, following.argval, _UNDEFINED)
            name = f"{name}.{following.argval}"
        yield name, value


def _nested(code: CodeType) -> Iterator[CodeType]:
    """Yield a function's code and that of the functions and comprehensions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _first(reasons: Iterable[str]) -> str:
    return next((reason for reason in reasons if reason), "")
