"""What runs inside the kernel of a rerun: the book's import names, and a witness of its calls."""

import json
from contextlib import ExitStack
from typing import Any, Optional

import numpy as np

from .. import data, extension
from ..errors import GluonbookError
from .observer import TrainingCall, observe_data, observe_training, shuffles_of

__all__ = ["report", "set_up"]

_calls: list[TrainingCall] = []
_origins: list[str] = []
_observers = ExitStack()


def set_up() -> None:
    """Make this kernel the book's, and watch its training calls and its data from now on.

    NumPy's generator starts with the seed 0, so that a rerun can be repeated. MXNet's is left as it
    is in a fresh process, which is how the recorded run began.
    """
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    extension.load_ipython_extension(None)
    extension.on_read.append(_origins.append)
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
