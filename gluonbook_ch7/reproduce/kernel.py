"""What runs inside the kernel of a rerun: it observes the chapter's calls, and judges them."""

import ast
import json
import random
from dataclasses import asdict
from typing import Any, Callable, Union

import numpy as np

from .. import _observers, data, extension
from .._mxnet import mx
from .._observers import TrainingCall
from ..dataset.locate import choose
from ..dataset.parse import standardise
from ..descent2d import descend_2d
from ..loss_curve import LossCurve
from .descents import examine_descent, is_random
from .losses import examine
from .observer import Descent, Training, observed
from .starts import find_edition

__all__ = ["judge", "report", "set_up", "watched"]

_calls: list[Union[Training, Descent]] = []
_pending: list[Union[Training, Descent]] = []
_origins: list[str] = []


def set_up(claims: str) -> str:
    """Make this kernel the book's, and observe its training calls and its data from now on.

    NumPy's generator starts with the seed 0, so that a rerun can be repeated. MXNet's is left as it
    is in a fresh process, which is how the recorded run began.

    Parameters
    ----------
    claims : str
        As JSON: ``first_losses`` and ``printed``, the recorded losses before training and the
        printed ones; ``edition``, that of the data, or "auto"; and ``shift``, which is added to
        every seed; with it the generators no longer start as in a fresh process.

    Returns
    -------
    str
        ``{"edition": str, "reason": str}`` as JSON; both empty where the chapter gets the edition
        of the package that it imports.
    """
    from IPython import get_ipython
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    content = json.loads(claims)
    shift = content.pop("shift")
    edition, reason = _edition(**content)
    if edition:
        extension.EDITIONS.update(dict.fromkeys(extension.EDITIONS, edition))
    extension.load_ipython_extension(None)
    extension.on_read.append(_origins.append)
    # SVG holds the figure's numbers; a recorded bitmap is shown beside a bitmap.
    set_matplotlib_formats("png", "svg")
    _observers.on_training.append(_note_training)
    _observers.on_descent.append(_note_descent)
    _observers.on_data.append(_note_data)
    shell = get_ipython()
    if shell:
        shell.ast_transformers.append(_WatchFunctions())
    for module in (random, np.random, mx.random):
        setattr(module, "seed", _shifted(module.seed, shift))  # noqa: B010
    np.random.seed(0)
    if shift:
        mx.random.seed(0)
    return json.dumps({"edition": edition, "reason": reason})


def _shifted(seed: Callable[..., None], shift: int) -> Callable[..., None]:
    """Return a function that seeds a generator with `shift` more than it is told."""

    def seed_shifted(number: Any = None, *args: Any, **options: Any) -> None:
        seed(number + shift if isinstance(number, int) else number, *args, **options)

    return seed_shifted if shift else seed


def _edition(first_losses: list[float], printed: list[float], edition: str) -> tuple[str, str]:
    """Return the edition of the data to give the chapter, and why."""
    if edition != "auto":
        return edition, "as asked for"
    table = choose("auto")
    columns = standardise(table.values, table.origin).astype(np.float32)
    tasks = {name: (columns[:, :count], columns[:, -1]) for name, count in data.EDITIONS.items()}
    return find_edition(tasks, first_losses, printed)


def _note_training(call: TrainingCall, curve: LossCurve) -> None:
    _calls.append(Training(call, curve.epochs, curve.losses.astype(np.float64), curve.start[0]))


def _note_descent(rule: Any, trace: list[tuple[float, float]]) -> None:
    _calls.append(Descent(np.array(trace, np.float64), lambda: descend_2d(rule)))


def _note_data(loaded: data.Ch7Data) -> None:
    _origins.append(f"edition {loaded.edition}, {loaded.origin}")


class _WatchFunctions(ast.NodeTransformer):
    """Has a chapter's own versions of the book's functions observed when it defines them."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if node.name in ("train_ch7", "train_gluon_ch7", "train_2d"):
            watch = f"__import__('sys').modules[{__name__!r}].watched"
            decorator = ast.parse(watch, mode="eval").body
            for part in ast.walk(decorator):
                ast.copy_location(part, node)
            node.decorator_list.insert(0, decorator)
        return node


def watched(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return one of the chapter's own functions, observed."""
    return observed(function, _calls.append)


def report() -> str:
    """Return as JSON what happened since the last report.

    Returns
    -------
    str
        ``{"trainings": int, "descents": int, "data": [str, ...]}``: the number of training calls
        and of random descents, and which data were loaded.
    """
    _pending[:] = [each for each in _calls if isinstance(each, Training) or is_random(each)]
    origins = _origins.copy()
    _calls.clear()
    _origins.clear()
    descents = sum(isinstance(each, Descent) for each in _pending)
    content = {"trainings": len(_pending) - descents, "descents": descents, "data": origins}
    return json.dumps(content)


def judge(claims: str) -> str:
    """Judge what a cell recorded of the calls that were reported last.

    Parameters
    ----------
    claims : str
        As JSON: ``trainings``, the arguments of `examine` for each of them; and ``descent``, those
        of `examine_descent` for the first random descent, or null.

    Returns
    -------
    str
        What those functions return, as JSON: ``{"trainings": [...], "descent": [trace, end]}``.
    """
    content = json.loads(claims)
    trainings = [each for each in _pending if isinstance(each, Training)]
    descents = [each for each in _pending if isinstance(each, Descent)]
    found = [examine(call, **claim) for call, claim in zip(trainings, content["trainings"])]
    descent = examine_descent(descents[0], **content["descent"]) if content["descent"] else None
    return json.dumps(
        {
            "trainings": [asdict(each) for each in found],
            "descent": descent and [each and asdict(each) for each in descent],
        }
    )
