"""The IPython extension: ``import gluonbook`` and ``import d2lzh`` give this package's names.

``%load_ext gluonbook_ch7`` loads it. So do the Jupyter kernel that ``gluonbook-ch7 kernel install``
registers, and the chapter runner.
"""

import functools
import os
import sys
from contextlib import ExitStack
from types import ModuleType
from typing import Any, Callable, Optional

import numpy as np

import gluonbook_ch7

from ._import_hint import BOOK_NAMES
from ._observers import on_data
from .dataset.parse import FILE_NAME

# The edition of the data that the book's package had under each name.
EDITIONS = dict(zip(BOOK_NAMES, ("0.7", "1.0")))
BOOK_PATH = f"../data/{FILE_NAME}"

# Undoes what loading the extension has changed.
_changes = ExitStack()


def load_ipython_extension(ipython: Any) -> None:
    """Make ``import gluonbook``, ``import d2lzh`` and the book's data path work in a notebook."""
    if any(isinstance(sys.modules.get(name), _BookModule) for name in EDITIONS):
        return
    for name in EDITIONS:
        # An installed copy of the book's package is passed over: it cannot be imported today.
        sys.modules[name] = _BookModule(name)
        _changes.callback(sys.modules.pop, name, None)
    _restore_svg_function()
    # The book's cells read the data file with these.
    for name in ("genfromtxt", "loadtxt"):
        read = getattr(np, name)
        setattr(np, name, _serving_book_path(read))
        _changes.callback(setattr, np, name, read)


def unload_ipython_extension(ipython: Any) -> None:
    """Undo what `load_ipython_extension` has done."""
    _changes.close()


class _BookModule(ModuleType):
    """The book's package: this package's names, each imported when it is first used."""

    def __init__(self, name: str) -> None:
        super().__init__(name, gluonbook_ch7.__doc__)
        self.__all__ = [name for name in gluonbook_ch7.__all__ if not name.endswith("_extension")]

    def __getattr__(self, name: str) -> Any:
        __tracebackhide__ = True
        return gluonbook_ch7.__getattr__(name)  # which suggests the name that was meant

    def __dir__(self) -> list[str]:
        return self.__all__

    def get_data_ch7(self, edition: Optional[str] = None, source: Any = "auto") -> Any:
        """Return the features and the labels that `gluonbook_ch7.load_data_ch7` loads."""
        from . import data

        # Not by way of the original, so that its warning points at the line that calls this one.
        loaded = data._load(EDITIONS[self.__name__] if edition is None else edition, source)
        return loaded.features, loaded.labels


def _restore_svg_function() -> None:
    """Restore the function with which the book's cells choose SVG, if IPython has removed it."""
    from IPython import display
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    if not hasattr(display, "set_matplotlib_formats"):
        setattr(display, "set_matplotlib_formats", set_matplotlib_formats)  # noqa: B010
        _changes.callback(delattr, display, "set_matplotlib_formats")


def _serving_book_path(read: Callable[..., Any]) -> Callable[..., Any]:
    """Return a reader of text files that finds the data set if the book's path has no file."""
    from .dataset.locate import read_table

    @functools.wraps(read)
    def read_text(fname: Any, *args: Any, **kwargs: Any) -> Any:
        if fname != BOOK_PATH:
            return read(fname, *args, **kwargs)
        if os.path.exists(fname):
            on_data.notify(f"{os.path.abspath(fname)}, read by the chapter itself")
            return read(fname, *args, **kwargs)
        table = read_table(stacklevel=2)
        on_data.notify(f"{table.origin}, served as {BOOK_PATH}")
        lines = ["\t".join(map(repr, row)) for row in table.values.tolist()]
        return read(lines, *args, **kwargs)

    return read_text
