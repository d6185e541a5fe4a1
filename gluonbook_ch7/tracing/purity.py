"""Outside: what a function can remember between its calls, other than in its arguments.

Before a rule is run as a graph it is read: called for all of its steps on arrays that hold no
numbers. If that fails half-way it is called again, for good. The second time must not notice the
first, so a rule may keep numbers under names of its own (those are put back), but nothing that can
be changed from within, such as a list.
"""

import builtins
import dis
import functools
import numbers
from collections.abc import Iterator
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..errors import TraceError

__all__ = ["Outside", "is_plain"]

_ABSENT = object()
_GLOBAL_INSTRUCTIONS = {"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"}
# What these packages define remembers nothing of the rules that use it.
_TRUSTED = {"builtins", "collections", "math", "mxnet", "numbers", "numpy", "gluonbook_ch7"}


class Outside:
    """The values that a function can see under names outside of its arguments.

    Module attributes (``module.x``) are taken for constants.

    Parameters
    ----------
    function : callable
        A Python function, or a partial one.

    Raises
    ------
    TraceError
        If one of the values is neither plain nor a function for which the same holds.
    """

    def __init__(self, function: Any) -> None:
        self._bindings: list[tuple[Any, str, Any]] = []
        self._attributes: list[tuple[FunctionType, dict[str, Any]]] = []
        self._seen: set[int] = set()
        if not isinstance(function, (FunctionType, functools.partial)):
            raise TraceError(f"it is no plain function but a {type(function).__name__}")
        self._visit("it", function)

    def restore(self) -> None:
        """Give every name the value that it had."""
        for place, name, value in self._bindings:
            if isinstance(place, CellType):
                _write_cell(place, value)
            elif value is _ABSENT:
                place.pop(name, None)
            else:
                place[name] = value
        for function, attributes in self._attributes:
            vars(function).clear()
            vars(function).update(attributes)

    def _visit(self, name: str, value: Any) -> None:
        """Accept a value that cannot be changed from within, look into a function, refuse others.

        Two types are looked into: a tuple holds others, a partial function has arguments.
        """
        if is_plain(value) or id(value) in self._seen or _is_trusted(value):
            return
        self._seen.add(id(value))
        if isinstance(value, FunctionType):
            self._visit_function(value)
        elif isinstance(value, functools.partial):
            for part in (value.func, *value.args, *value.keywords.values()):
                self._visit(name, part)
        elif isinstance(value, tuple):
            for part in value:
                self._visit(name, part)
        else:
            raise TraceError(
                f"it uses {name}, a {type(value).__name__}, which could remember something from "
                "one step to the next; keep that in the states or in hyperparams"
            )

    def _visit_function(self, function: FunctionType) -> None:
        """Note the values of a function's globals, closure and attributes, and visit them."""
        places: list[tuple[Any, str, Any]] = []
        for name in _global_names(function.__code__):
            if name in function.__globals__ or not hasattr(builtins, name):
                value = function.__globals__.get(name, _ABSENT)
                places.append((function.__globals__, name, value))
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            places.append((cell, name, _read_cell(cell)))
        self._bindings.extend(places)
        self._attributes.append((function, dict(vars(function))))
        defaults = (function.__defaults__ or ()) + tuple((function.__kwdefaults__ or {}).values())
        seen = [(name, value) for _, name, value in places if value is not _ABSENT]
        for name, value in (*seen, *vars(function).items(), ("a default", defaults)):
            self._visit(name, value)


def is_plain(value: Any) -> bool:
    """Tell whether a value is a number, a text or None: nothing that can change from within."""
    return value is None or isinstance(value, (numbers.Number, np.generic, str, bytes))


def _is_trusted(value: Any) -> bool:
    """Tell whether a value is a module, or a function or class of a trusted package."""
    if isinstance(value, ModuleType):
        return True
    if isinstance(value, BuiltinFunctionType) and not isinstance(value.__self__, ModuleType):
        return False  # a method of some object, such as a list's append
    of_code = isinstance(value, (type, FunctionType, BuiltinFunctionType, np.ufunc))
    module = getattr(value, "__module__", None) or "numpy"  # a ufunc has none
    return of_code and module.split(".")[0] in _TRUSTED


def _global_names(code: CodeType) -> Iterator[str]:
    """Yield the names that a function's code, and that of functions in it, looks up as globals."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in _GLOBAL_INSTRUCTIONS:
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _read_cell(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that has no value yet
        return _ABSENT


def _write_cell(cell: CellType, value: Any) -> None:
    if value is not _ABSENT:
        cell.cell_contents = value
    elif _read_cell(cell) is not _ABSENT:
        del cell.cell_contents
