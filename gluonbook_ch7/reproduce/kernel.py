"""The part of a rerun inside the kernel: observe the chapter's calls and judge its cells."""

import ast
import builtins
import functools
import inspect
import random
from contextlib import suppress
from typing import Any, Callable, Optional, Union

import matplotlib
import numpy as np

from .. import _observers, data, extension
from .._mxnet import mx
from ..dataset.locate import choose
from ..dataset.parse import standardise
from ..descent2d import descend_2d
from ..figures import plt
from .chance import runs_to_accuse
from .evidence import judge_cell
from .observer import Descent, Training, last_line
from .record import decode_outputs, recorded_losses
from .starts import find_edition
from .verdict import Judgement, Verdict

WATCHED = "__gluonbook_ch7_watched__"

# What happened in the cell that ran last.
_calls: list[Union[Training, Descent]] = []
_origins: list[str] = []

Outputs = list[dict[str, Any]]


def set_up(
    recorded: list[Outputs], edition: str, other_seeds: bool = False
) -> tuple[str, str, int]:
    """Make this kernel the book's, and observe its training calls and its data from now on.

    The edition "auto" is that of the recorded run, found from its outputs, a list for each cell; ""
    is that of the package which the chapter imports. Returns the edition, the reason for it, and
    among how many runs a random output with a small p-value is ranked again.

    With `other_seeds` nothing is observed, and every generator gets other seeds than the chapter
    gives it.
    """
    from IPython import get_ipython

    shell = get_ipython()
    first_losses, printed = recorded_losses([decode_outputs(outputs) for outputs in recorded])
    reason = "as asked for"
    if edition == "auto":
        edition, reason = _recorded_edition(first_losses, printed)
    if edition:
        extension.EDITIONS.update(dict.fromkeys(extension.EDITIONS, edition))
    extension.load_ipython_extension(None)
    _keep_figures(shell)
    if other_seeds:
        _seed_otherwise()
    else:
        # So that a rerun can be repeated. MXNet's generator is left as it is in a fresh process,
        # which is how the recorded run began.
        np.random.seed(0)
        _observe(shell)
    return edition, reason, runs_to_accuse(len(first_losses) + len(printed))


def _recorded_edition(first_losses: list[float], printed: list[float]) -> tuple[str, str]:
    """Return the edition of the data whose losses were recorded, and the reason; '' if unknown."""
    table = choose("auto")
    columns = standardise(table.values, table.origin).astype(np.float32)
    tasks = {name: (columns[:, :k], columns[:, -1]) for name, k in data.EDITIONS.items()}
    return find_edition(tasks, first_losses, printed)


def _keep_figures(shell: Any) -> None:
    """Show figures in the notebook, whatever window a cell asks for: there may be no screen."""
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    # SVG holds the figure's numbers; a recorded bitmap is shown beside a bitmap.
    set_matplotlib_formats("png", "svg")
    plt.switch_backend("module://matplotlib_inline.backend_inline")
    for module, name in ((matplotlib, "use"), (plt, "switch_backend")):
        setattr(module, name, lambda *args, **options: None)
    if shell:
        enable = shell.enable_matplotlib  # which %matplotlib and %pylab call
        shell.enable_matplotlib = lambda gui=None: enable("inline")


def _seed_otherwise() -> None:
    """Seed every generator with another number than the chapter gives it, now and later."""
    for module in (random, np.random, mx.random):
        setattr(module, "seed", functools.partial(_seed_with_next, module.seed))  # noqa: B010
    mx.random.seed(0)
    np.random.seed(0)


def _seed_with_next(seed: Any, /, *args: Any, **options: Any) -> None:
    def following(value: Any) -> Any:
        return value + 1 if isinstance(value, int) else value

    seed(*map(following, args), **{name: following(each) for name, each in options.items()})


def _observe(shell: Any) -> None:
    """Record trainings, descents and data, also of the functions that cells of a shell define."""

    def note_descent(rule: Any, trace: list[tuple[float, float]]) -> None:
        _calls.append(Descent(np.array(trace, np.float64), lambda: descend_2d(rule)))

    _observers.on_training.append(lambda call, curve: _calls.append(Training.of(call, curve)))
    _observers.on_descent.append(note_descent)
    _observers.on_data.append(_origins.append)
    setattr(builtins, WATCHED, watched)
    if shell:
        shell.ast_transformers.append(_WatchFunctions())


class _WatchFunctions(ast.NodeTransformer):
    """Decorates a chapter's own versions of the book's functions with `watched`."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if node.name in ("train_ch7", "train_gluon_ch7", "train_2d"):
            node.decorator_list.insert(0, ast.copy_location(ast.Name(WATCHED, ast.Load()), node))
        return node


def watched(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a chapter's own ``train_ch7``, ``train_gluon_ch7`` or ``train_2d`` to observe it."""

    @functools.wraps(function)
    def train(*args: Any, **options: Any) -> Any:
        call = _call_of(function, args, options)
        result = function(*args, **options)
        if function.__name__ == "train_2d":
            with suppress(TypeError, ValueError):  # it may return anything
                trace = np.array(result, np.float64)
                if trace.ndim == 2 and trace.shape[1] == 2:
                    _calls.append(Descent(trace, lambda: function(*args, **options)))
        elif call and len(last_line()):
            _calls.append(Training(call, last_line(), function=function))
        return result

    return train


def _call_of(function: Any, args: Any, options: Any) -> Optional[_observers.TrainingCall]:
    """Return the arguments of a chapter's own training function; None if it takes others."""
    try:
        bound = inspect.signature(function).bind(*args, **options)
    except TypeError:
        return None
    bound.apply_defaults()
    values = list(bound.arguments.values())
    if function.__name__ == "train_gluon_ch7":
        values.insert(1, None)  # it takes no states
    return _observers.TrainingCall(*values).copied() if len(values) == 7 else None


def judge(output: str, recorded: Outputs, today: Outputs, more_runs: int) -> dict[str, Any]:
    """Judge the cell that ran last, if it recorded anything, given its outputs then and now.

    Returns the ``judgements``, a dictionary for each, and ``data``, the origins of what was loaded.
    """
    calls, origins = _calls.copy(), _origins.copy()
    _calls.clear()
    _origins.clear()
    judgements: list[Judgement] = []
    if recorded:
        outputs = decode_outputs(recorded), decode_outputs(today)
        try:
            judgements += judge_cell(output, *outputs, calls, more_runs)
        except Exception as error:  # the chapter's functions may raise anything when repeated
            reason = f"judging it raised {type(error).__name__}: {error}"
            judgements.append(Judgement(output, "", "", Verdict.NOT_JUDGED, reason))
    for kinds in (each.get("data", {}) for each in recorded):
        if kinds and not any(kind == "text/plain" or kind.startswith("image/") for kind in kinds):
            name, reason = f"{output}: {', '.join(kinds)}", "no rule judges this kind of output"
            judgements.append(Judgement(name, "an output", "", Verdict.NOT_JUDGED, reason))
    return {"judgements": [vars(each) for each in judgements], "data": origins}
