"""What runs inside the kernel of a rerun: it observes the chapter's calls, and judges its cells."""

import ast
import builtins
import json
import random
from typing import Any, Callable, Union

import numpy as np

from .. import _observers, data, extension
from .._mxnet import mx
from ..dataset.locate import choose
from ..dataset.parse import standardise
from ..descent2d import descend_2d
from .evidence import LOSS_LINE, judge_cell, loss_curves
from .observer import Descent, Training, observed
from .record import decode_outputs
from .starts import find_edition
from .verdict import Judgement, Verdict

WATCHED = "__gluonbook_ch7_watched__"

# What happened in the cell that ran last.
_calls: list[Union[Training, Descent]] = []
_origins: list[str] = []

Outputs = list[dict[str, Any]]


def answer(request: str) -> str:
    """Call `set_up` or `judge`: ``{"function": name, argument: value, ...}`` as JSON."""
    content = json.loads(request)
    name = content.pop("function")
    return json.dumps(set_up(**content) if name == "set_up" else judge(**content))


def set_up(recorded: list[Outputs], edition: str, other_seeds: bool = False) -> tuple[str, str]:
    """Make this kernel the book's, and observe its training calls and its data from now on.

    NumPy's generator starts with the seed 0, so that a rerun can be repeated. MXNet's is left as it
    is in a fresh process, which is how the recorded run began.

    The edition "auto" is that of the run which left the recorded outputs, a list for each cell; ""
    is that of the package which the chapter imports. Returns the edition and the reason for it.
    With `other_seeds` nothing is observed, and every generator is seeded otherwise than the chapter
    says.
    """
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    edition, reason = _edition(recorded) if edition == "auto" else (edition, "as asked for")
    if edition:
        extension.EDITIONS.update(dict.fromkeys(extension.EDITIONS, edition))
    extension.load_ipython_extension(None)
    # SVG holds the figure's numbers; a recorded bitmap is shown beside a bitmap.
    set_matplotlib_formats("png", "svg")
    np.random.seed(0)
    if other_seeds:
        _seed_otherwise()
    else:
        _observe()
    return edition, reason


def _edition(recorded: list[Outputs]) -> tuple[str, str]:
    """Return the edition of the data with which the chapter was recorded, and how that is known."""
    cells = [decode_outputs(outputs) for outputs in recorded]
    first_losses = [
        float(line.vertices[0, 1])
        for cell in cells
        for axes, line in loss_curves(cell)
        if (axes.x_label, axes.y_label) == ("epoch", "loss")
    ]
    printed = [float(loss) for cell in cells for loss, _ in LOSS_LINE.findall(cell.text)]
    table = choose("auto")
    columns = standardise(table.values, table.origin).astype(np.float32)
    tasks = {name: (columns[:, :count], columns[:, -1]) for name, count in data.EDITIONS.items()}
    return find_edition(tasks, first_losses, printed)


def _seed_otherwise() -> None:
    """Seed every generator with another number than the chapter says, now and later."""

    def with_another(seed: Callable[..., None]) -> Callable[..., None]:
        def seed_otherwise(number: Any = None, *args: Any, **options: Any) -> None:
            seed(number + 1 if isinstance(number, int) else number, *args, **options)

        return seed_otherwise

    for module in (random, np.random, mx.random):
        setattr(module, "seed", with_another(module.seed))  # noqa: B010
    mx.random.seed(0)
    np.random.seed(0)


def _observe() -> None:
    """Take note of trainings, descents and data, the chapter's own functions included."""
    from IPython import get_ipython

    def note_descent(rule: Any, trace: list[tuple[float, float]]) -> None:
        _calls.append(Descent(np.array(trace, np.float64), lambda: descend_2d(rule)))

    _observers.on_training.append(lambda call, curve: _calls.append(Training.of(call, curve)))
    _observers.on_descent.append(note_descent)
    _observers.on_data.append(_origins.append)
    setattr(builtins, WATCHED, watched)
    shell = get_ipython()
    if shell:
        shell.ast_transformers.append(_WatchFunctions())


class _WatchFunctions(ast.NodeTransformer):
    """Has a chapter's own versions of the book's functions observed when it defines them."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if node.name in ("train_ch7", "train_gluon_ch7", "train_2d"):
            node.decorator_list.insert(0, ast.copy_location(ast.Name(WATCHED, ast.Load()), node))
        return node


def watched(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return one of the chapter's own functions, observed."""
    return observed(function, _calls.append)


def judge(output: str, recorded: Outputs, today: Outputs) -> dict[str, Any]:
    """Judge the cell that ran last, given what it put out then and now.

    Returns the ``judgements``, a dictionary for each, and ``data``, the origins of what was loaded.
    """
    calls, origins = _calls.copy(), _origins.copy()
    _calls.clear()
    _origins.clear()
    judgements: list[Judgement] = []
    if recorded or today:
        judgements += judge_cell(output, decode_outputs(recorded), decode_outputs(today), calls)
    for kinds in (each.get("data", {}) for each in recorded):
        if kinds and not any(kind == "text/plain" or kind.startswith("image/") for kind in kinds):
            name, reason = f"{output}: {', '.join(kinds)}", "no rule judges this kind of output"
            judgements.append(Judgement(name, "an output", "", Verdict.NOT_JUDGED, reason))
    return {"judgements": [vars(each) for each in judgements], "data": origins}
