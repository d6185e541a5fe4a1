"""What runs inside the kernel: the book's import names, its data path, and a witness of its calls.

A reader's own Jupyter gets the first two from ``%load_ext gluonbook_ch7``; the chapter runner asks
for all three before the first cell.
"""

import functools
import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import FunctionType, ModuleType
from typing import Any, Callable, Optional

import numpy as np

import gluonbook_ch7

from .. import data
from ..dataset.parse import FILE_NAME
from ..dataset.table import read_table
from ..errors import GluonbookError
from .observer import TrainingCall, observe_data, observe_training, shuffles_of

__all__ = ["load_ipython_extension", "report", "set_up"]

# The book's package under its two names, each with the edition of the data that it had.
EDITIONS = {"gluonbook": "0.7", "d2lzh": "1.0"}
BOOK_PATH = f"../data/{FILE_NAME}"

_calls: list[TrainingCall] = []
_origins: list[str] = []
_observers = ExitStack()


def load_ipython_extension(ipython: Any) -> None:
    """Make ``import gluonbook``, ``import d2lzh`` and the book's data path work in a notebook.

    IPython calls this for ``%load_ext gluonbook_ch7``. MXNet is imported too, so that from here on
    ``from mxnet import nd`` works on today's NumPy.
    """
    if any(isinstance(finder, _BookFinder) for finder in sys.meta_path):
        return
    # First in line, so that an installed copy of the book's package, which cannot be imported
    # today, does not come before it.
    sys.meta_path.insert(0, _BookFinder())
    _restore_svg_setting()
    # The book reads its file with these. The rest of the session keeps NumPy's own: only this
    # path, and only where it leads nowhere, is served from elsewhere.
    for name in ("genfromtxt", "loadtxt"):
        setattr(np, name, _serving_book_path(getattr(np, name)))


class _BookFinder(MetaPathFinder, Loader):
    """Finds the book's package: this one's names, under the book's."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        return spec_from_loader(fullname, self) if fullname in EDITIONS else None

    def exec_module(self, module: ModuleType) -> None:
        names = [name for name in gluonbook_ch7.__all__ if name != "load_ipython_extension"]
        vars(module).update({name: getattr(gluonbook_ch7, name) for name in names})
        vars(module).update(
            __all__=names,
            __doc__=gluonbook_ch7.__doc__,
            get_data_ch7=_get_data_ch7_of(EDITIONS[module.__name__]),
        )


def _get_data_ch7_of(edition: str) -> Callable[..., Any]:
    """Return `get_data_ch7` with another default, so that its warnings still point at the cell."""
    book = data.get_data_ch7
    same = FunctionType(book.__code__, book.__globals__, book.__name__, (edition, "auto"))
    return functools.update_wrapper(same, book)


def _restore_svg_setting() -> None:
    """Give IPython.display back the function by which the book's cells chose SVG."""
    from IPython import display
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    vars(display).setdefault("set_matplotlib_formats", set_matplotlib_formats)


def _serving_book_path(read: Callable[..., Any]) -> Callable[..., Any]:
    """Let a reader of text files find the book's data set where the book's path leads nowhere."""

    @functools.wraps(read)
    def reading(fname: Any, *args: Any, **kwargs: Any) -> Any:
        if fname != BOOK_PATH:
            return read(fname, *args, **kwargs)
        if os.path.exists(fname):
            _origins.append(f"{os.path.abspath(fname)}, read by the chapter itself")
            return read(fname, *args, **kwargs)
        table = read_table(stacklevel=2)
        values, origin = table.values, table.origin
        _origins.append(f"{origin}, served as {BOOK_PATH}")
        return read(["\t".join(map(repr, row)) for row in values.tolist()], *args, **kwargs)

    return reading


# --- For the chapter runner ---------------------------------------------------------------------


def set_up() -> None:
    """Make this kernel the book's, and watch its training calls and its data from now on.

    NumPy's generator starts with the seed 0, so that a rerun can be repeated. MXNet's is left as it
    is in a fresh process, which is how the recorded run began.
    """
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    load_ipython_extension(None)
    # SVG holds the figure's numbers; a recorded bitmap is shown beside a bitmap.
    set_matplotlib_formats("png", "svg")
    _observers.enter_context(observe_training(_calls.append))
    _observers.enter_context(observe_data(_note_data))
    np.random.seed(0)


def report(runs: int) -> str:
    """Return as JSON what happened since the last report.

    Parameters
    ----------
    runs : int
        How many shuffles of each training call to run now; 0 for none.

    Returns
    -------
    str
        ``{"trainings": [{"epochs", "losses", "sample", "refusal"}, ...], "data": [str, ...]}``
    """
    content = {"trainings": [_training(call, runs) for call in _calls], "data": list(_origins)}
    _calls.clear()
    _origins.clear()
    return json.dumps(content)


def _note_data(loaded: data.Ch7Data) -> None:
    _origins.append(f"edition {loaded.edition}, {loaded.origin}")


def _training(call: TrainingCall, runs: int) -> dict[str, Any]:
    """Return a call's own curve, and those of its shuffles, as JSON holds them."""
    sample, refusal = _sample(call, runs) if runs else (None, "no shuffles were run")
    curve = {"epochs": call.curve.epochs.tolist(), "losses": call.curve.losses.tolist()}
    return {**curve, "sample": sample, "refusal": refusal}


def _sample(call: TrainingCall, runs: int) -> tuple[Optional[list[Any]], str]:
    """Return the losses of a call's shuffles, or None and why there are none."""
    try:
        losses = shuffles_of(call, runs).losses
        alone = shuffles_of(call, 1).losses
    except Exception as error:
        # The rule is the chapter's, and can fail on many runs at once in ways of its own.
        kind = "" if isinstance(error, GluonbookError) else f"{type(error).__name__}: "
        return None, f"the call cannot be repeated many times at once ({kind}{error})"
    if not np.allclose(losses[0], alone[0], rtol=1e-3, equal_nan=True):
        # A rule that is not elementwise, such as one with a norm, mixes runs that share an array.
        return None, "the call cannot be repeated many times at once (a run depends on the others)"
    return losses.tolist(), ""
