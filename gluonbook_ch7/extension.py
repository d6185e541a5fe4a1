"""The book's import names: ``import gluonbook`` and ``import d2lzh`` give this package's names.

The IPython extension does this. It is loaded by ``%load_ext gluonbook_ch7``, by the Jupyter kernel
that ``gluonbook-ch7 kernel install`` registers, and by the chapter runner. Without it, these
imports raise an error that says how to load it.
"""

import functools
import os
import sys
from contextlib import ExitStack
from types import ModuleType
from typing import Any, Callable, Optional

import numpy as np

import gluonbook_ch7

from ._observers import on_data

# The edition of the data that the book's package had under each name.
EDITIONS = {"gluonbook": "0.7", "d2lzh": "1.0"}
BOOK_PATH = "../data/airfoil_self_noise.dat"

_changes = ExitStack()  # undoes what loading the extension has changed


def load_ipython_extension(ipython: Any) -> None:
    """Make ``import gluonbook``, ``import d2lzh`` and the book's data path work in a notebook."""
    from IPython import display
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    _changes.close()  # so that loading it twice is the same as loading it once
    for name in EDITIONS:
        # This hides an installed copy of the book's package, which cannot be imported today.
        sys.modules[name] = _book_module(name)
        _changes.callback(sys.modules.pop, name, None)
    # The book's cells choose SVG with this function, which newer releases of IPython lack.
    if not hasattr(display, "set_matplotlib_formats"):
        setattr(display, "set_matplotlib_formats", set_matplotlib_formats)  # noqa: B010
        _changes.callback(delattr, display, "set_matplotlib_formats")
    # They read the data file with these.
    for name in ("genfromtxt", "loadtxt"):
        read = getattr(np, name)
        setattr(np, name, _serving_book_path(read))
        _changes.callback(setattr, np, name, read)


def unload_ipython_extension(ipython: Any) -> None:
    """Undo what `load_ipython_extension` has done."""
    _changes.close()


def _book_module(name: str) -> ModuleType:
    """Return the book's package: this package's names, each imported when it is first used."""

    def get_data_ch7(edition: Optional[str] = None, source: Any = "auto") -> Any:
        """Return the features and the labels that `gluonbook_ch7.load_data_ch7` loads."""
        from . import data

        # Not with load_data_ch7, so that a warning points at the caller of this function.
        loaded = data._load(EDITIONS[name] if edition is None else edition, source)
        return loaded.features, loaded.labels

    names = [name for name in gluonbook_ch7.__all__ if not name.endswith("_extension")]
    module = ModuleType(name, gluonbook_ch7.__doc__)
    vars(module).update(
        __all__=names,
        __dir__=lambda: names,
        __getattr__=gluonbook_ch7.__getattr__,  # which suggests the name that was meant
        get_data_ch7=get_data_ch7,
    )
    return module


def _serving_book_path(read: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a reader of text files, so that it finds the data if the book's path has no file."""
    from .dataset.locate import read_table

    @functools.wraps(read)
    def read_text(fname: Any, *args: Any, **kwargs: Any) -> Any:
        if str(fname) == BOOK_PATH:
            origin = f"{os.path.abspath(fname)}, read by the chapter itself"
            if not os.path.exists(fname):
                table = read_table(stacklevel=2)
                origin = f"{table.origin}, served as {BOOK_PATH}"
                fname = ["\t".join(map(repr, row)) for row in table.values.tolist()]
            for observe in on_data:
                observe(origin)
        return read(fname, *args, **kwargs)

    return read_text


class _HintFinder:
    """The last importer, which says what to do where ``import gluonbook`` fails."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        __tracebackhide__ = True
        if fullname in EDITIONS:
            raise ModuleNotFoundError(
                f"No module named {fullname!r}. To import gluonbook_ch7 under this name, run "
                "%load_ext gluonbook_ch7 in the notebook first, or register a Jupyter kernel that "
                "always does: gluonbook-ch7 kernel install. In a script, write "
                f"import gluonbook_ch7 as {fullname}",
                name=fullname,
            )


sys.meta_path.append(_HintFinder())
