"""Read what the command line names: a rule, an optimizer, hyperparameters, data."""

import ast
import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Optional

import click
from click.core import ParameterSource

from ..errors import ArgumentError, DataNotFoundError, DependencyError, GluonbookError


def file_of(text: Optional[str]) -> Optional[Path]:
    """Return the FILE if a rule is named as FILE.py:FUNCTION, else None."""
    if text is None or ".py:" not in text:
        return None
    return Path(os.path.expanduser(text.rpartition(":")[0])).resolve()


def load_rule(named: str) -> Callable[..., Any]:
    """Return the rule of the chapter, or the function that FILE.py:FUNCTION names.

    The file's folder is appended to ``sys.path``, so that the file can import its neighbours and
    worker processes can import the file.
    """
    if named.endswith(".py"):
        raise ArgumentError(f"name a function of the file as well: {named}:FUNCTION")
    path = file_of(named)
    if path is None:
        from ..experiments.registry import find_rule

        return find_rule(named).step
    file, _, name = named.rpartition(":")
    if not path.is_file():
        raise DataNotFoundError(f"there is no file {file}")
    if "." in path.stem:  # Python would look for a package
        raise ArgumentError(f"{path.name} cannot be imported; rename it, without a dot before .py")
    found = importlib.util.find_spec(path.stem)
    if found and Path(found.origin or "").resolve() != path:
        raise ArgumentError(f"another module is called {path.stem}; rename the file {path.name}")
    if not found:
        sys.path.append(str(path.parent))
    with own_errors(named):
        module = importlib.import_module(path.stem)
    function = getattr(module, name, None)
    if not callable(function):
        functions = filter(inspect.isfunction, vars(module).values())
        own = [each.__name__ for each in functions if each.__module__ == module.__name__]
        raise ArgumentError(f"{file} has no function {name!r}; it has {', '.join(own) or 'none'}")
    try:
        inspect.signature(function).bind("params", "states", "hyperparams")
    except TypeError as error:
        raise ArgumentError(
            f"{named} does not take (params, states, hyperparams), as a rule does: {error}"
        ) from error
    return function  # type: ignore[no-any-return]


@contextmanager
def own_errors(*named: Optional[str]) -> Iterator[None]:
    """Report an error that a FILE.py:FUNCTION raises, with the traceback from that file on."""
    files = [file_of(text) for text in named]
    try:
        yield
    except (Exception, SystemExit) as error:
        found = error.__traceback__
        while found and Path(found.tb_frame.f_code.co_filename) not in files:
            found = found.tb_next
        is_syntax = isinstance(error, SyntaxError) and Path(error.filename or "") in files
        is_remote = type(error.__cause__).__name__ == "_RemoteTraceback"  # of another process
        if isinstance(error, GluonbookError) or not (found or is_syntax or is_remote):
            raise
        traceback.print_exception(type(error), error, found, chain=is_remote)
        sys.exit(2)


def parse_optimizer(text: str) -> Any:
    """Return what ``--against`` names: a function, a class of torch.optim, or a Gluon name."""
    if file_of(text):
        return load_rule(text)
    library = text.partition(".")[0]
    if library not in ("torch", "optax"):
        return text
    try:
        importlib.import_module(library)
    except Exception as error:  # jax beside an old NumPy raises AttributeError
        from .._mxnet.install_hints import install_extra

        command = install_extra("peers")
        raise DependencyError(f"{text} cannot be imported ({error}): {command}") from error
    try:
        return pkgutil.resolve_name(text)
    except (ImportError, AttributeError, ValueError) as error:
        raise ArgumentError(f"there is no optimizer {text}: {error}") from error


def parse_assignments(
    option: str, texts: Iterable[str], parse: Callable[[str, str], Any]
) -> dict[str, Any]:
    """Return the hyperparameters given as NAME=VALUE; `parse` takes the name and the value."""
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.isidentifier() and equals):
            raise ArgumentError(f"{option} {text}: give NAME=VALUE, such as {option} lr=0.01")
        if name in values:
            raise ArgumentError(f"{option} {text}: {name} is given twice")
        values[name] = parse(name, value)
    return values


def parse_value(name: str, text: str) -> Any:
    """Return a number or a truth value."""
    try:
        value = ast.literal_eval(text.capitalize())  # true is True
    except (SyntaxError, ValueError):
        value = None
    if not isinstance(value, (int, float)):
        raise ArgumentError(f"{name}={text}: it must be a number, true or false")
    return value


def load_named_data(edition: str, source: str) -> tuple[Any, dict[str, str]]:
    """Return the data that ``--edition`` and ``--data`` ask for, and where they came from.

    A file with another number of columns than the airfoil table, or with a header, is read by
    `load_table`; it has no edition, so `--edition` is refused.
    """
    from ..data import load_data_ch7
    from ..dataset.parse import COLUMNS, is_number, lines_of, split
    from ..tables import load_table

    path = Path(os.path.expanduser(source))
    if source not in ("auto", "real", "twin") and path.is_file():
        lines = lines_of(path.read_bytes())
        first = next((split(line) for line in lines if line.strip()), [])
        if len(first) != len(COLUMNS) or not is_number(first[0]):
            table = load_table(path)  # first, because a damaged file is another mistake
            context = click.get_current_context(silent=True)
            if context and context.get_parameter_source("edition") == ParameterSource.COMMANDLINE:
                raise ArgumentError(
                    f"--edition is for the airfoil table, and {source} is another: it has a header "
                    "or other columns. Leave --edition out; all columns but the last are features"
                )
            return table, {"data": table.origin}
    data = load_data_ch7(edition, source)
    return data, {"edition": edition, "data": data.origin}
