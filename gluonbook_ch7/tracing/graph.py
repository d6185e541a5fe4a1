"""Training steps and losses, each compiled into one MXNet operator.

Calling an operator from Python takes about 9 µs, and a step of RMSProp calls 24 of them on arrays
of a few numbers. In a graph MXNet runs them without Python. The operators are those that the book's
loop runs, so the results are the same bit for bit.
"""

import json
import operator
from functools import lru_cache
from typing import Any, Callable, Optional

from .._mxnet import mx, nd
from .tracer import Key

Operator = Callable[..., list[nd.NDArray]]

# What applies MXNet's operators to an array and a number.
_WITH_NUMBER: dict[str, Callable[[Any, Any], Any]] = {
    "broadcast_add": operator.add,
    "broadcast_sub": operator.sub,
    "broadcast_mul": operator.mul,
    "broadcast_div": operator.truediv,
    "broadcast_power": operator.pow,
}


def _compile(*outputs: Any) -> Operator:
    """Compile symbols into a function from named NDArrays to a list of them, `out` if given."""
    symbol = mx.sym.Group(list(outputs))
    cached = nd.CachedOp(symbol, [("static_alloc", True), ("static_shape", True)])
    names = symbol.list_inputs()

    def run(out: Optional[list[nd.NDArray]] = None, **arrays: nd.NDArray) -> list[nd.NDArray]:
        results = cached(*[arrays[name] for name in names], out=out)
        return results if isinstance(results, list) else [results]

    return run


def _split(symbol: Any, parts: int) -> list[Any]:
    """Split a symbol into equal parts along the first axis."""
    return [symbol] if parts == 1 else list(mx.sym.split(symbol, num_outputs=parts, axis=0))


def _apply(name: str, *operands: Any) -> Any:
    """Apply an operator to symbols, or to a symbol and a number."""
    if any(isinstance(operand, float) for operand in operands):
        return _WITH_NUMBER[name](*operands)
    return getattr(mx.sym, name)(*operands)


@lru_cache
def scratch_steps(key: Key, steps: int, rows: int, keep_path: bool) -> Operator:
    """Return some steps of training from scratch, with `rows` examples each, as one operator.

    Maps ``X`` (steps * rows, k), ``y`` (steps * rows, 1), ``array0`` the weights, ``array1`` the
    bias, ``array2`` … the states and, if a number changes, ``numbers`` with those of all steps, to
    the arrays after the last step; with `keep_path`, also to the weights and the bias after each,
    (steps, k + 1).
    """
    X, y = mx.sym.var("X"), mx.sym.var("y")
    arrays: Any = [mx.sym.var(f"array{k}") for k in range(len(key.ends))]
    changing = key.constants.count(None) * steps
    numbers = iter(_split(mx.sym.var("numbers"), changing) if changing else ())
    path = []
    for X_step, y_step in zip(_split(X, steps), _split(y, steps)):
        # What autograd computes for the mean of `squared_loss`: Xᵀ r and the sum of r, with
        # r = (X w + b − y) / rows. It multiplies by 1 / rows, which rounds differently.
        y_hat = mx.sym.broadcast_add(mx.sym.dot(X_step, arrays[0]), arrays[1])
        residual = _residual(y_hat, y_step, 1 / rows)
        gradients = [mx.sym.dot(X_step, residual, transpose_a=True), mx.sym.sum(residual, axis=0)]
        arrays = key.take_step([*arrays, *gradients], numbers, _apply)
        path.append(mx.sym.concat(arrays[0].reshape((1, -1)), arrays[1].reshape((1, 1)), dim=1))
    return _compile(*arrays, *([mx.sym.concat(*path, dim=0)] if keep_path else []))


def _residual(y_hat: Any, y: Any, share: float = 1.0) -> Any:
    """Return share (ŷ − y), doubled and halved as autograd does: doubling may overflow."""
    return mx.sym.broadcast_sub(y_hat, y) * 2 * (share / 2)


@lru_cache
def mean_loss() -> Operator:
    """Return the mean of `squared_loss` as one operator, of ``X``, ``y`` (n, 1), ``w``, ``b``."""
    X, y, w, b = map(mx.sym.var, ("X", "y", "w", "b"))
    y_hat = mx.sym.broadcast_add(mx.sym.dot(X, w), b)
    return _compile(mx.sym.mean((mx.sym.broadcast_sub(y_hat, y) ** 2) / 2))


@lru_cache
def gluon_gradients() -> Operator:
    """Return what autograd computes for ``Dense(1)`` and ``L2Loss`` as one operator.

    Maps ``X``, ``y`` (n, 1), ``w`` (1, k), ``b`` to the gradients of the weights and the bias.
    """
    return _compile(*_gluon_gradients())


@lru_cache
def gluon_gradients_of_runs(runs: int) -> Operator:
    """Return the gradients of several runs as one operator.

    Maps ``X`` (runs, n, k), ``y`` (runs, n, 1) and ``params`` (runs, k + 1), the weights and the
    bias of each run, to the gradients, (runs, k + 1).
    """
    each_run = zip(*(_split(mx.sym.var(name), runs) for name in ("X", "y", "params")))
    gradients = []
    for X, y, params in each_run:
        of_weights, of_bias = _gluon_gradients()(
            X=X.reshape((-3, 0)),  # without the axis of runs
            y=y.reshape((-3, 0)),
            w=mx.sym.slice_axis(params, axis=1, begin=0, end=-1),
            b=mx.sym.slice_axis(params, axis=1, begin=-1, end=None).reshape((-1,)),
        )
        gradients.append(mx.sym.concat(of_weights, of_bias.reshape((1, 1)), dim=1))
    return _compile(mx.sym.concat(*gradients, dim=0))


def _gluon_gradients() -> Any:
    X, y, w, b = map(mx.sym.var, ("X", "y", "w", "b"))
    y_hat = mx.sym.FullyConnected(X, w, b, num_hidden=1, name="forward")
    # mx.sym has no backward operators, but a saved graph can have them. This one infers its shapes
    # from the forward operator, on which it depends.
    graph = json.loads(_residual(y_hat, y).tojson())
    at = {node["name"]: index for index, node in enumerate(graph["nodes"])}
    backward = {
        "op": "_backward_FullyConnected",
        "name": "backward",
        "attrs": {"num_hidden": "1"},
        "inputs": [graph["heads"][0], [at["X"], 0, 0], [at["w"], 0, 0]],
        "control_deps": [at["forward"]],
    }
    graph["nodes"].append(backward)
    # Its output 0 is the gradient of X.
    graph["heads"] = [[len(graph["nodes"]) - 1, output, 0] for output in (1, 2)]
    return mx.sym.load_json(json.dumps(graph))


@lru_cache
def gluon_mean_loss() -> Operator:
    """Return the mean of ``L2Loss`` of ``Dense(1)`` as one operator, of what the gradients take."""
    X, y, w, b = map(mx.sym.var, ("X", "y", "w", "b"))
    error = mx.sym.broadcast_sub(y, mx.sym.FullyConnected(X, w, b, num_hidden=1))
    # L2Loss averages over each example's outputs, of which there is one.
    return _compile(mx.sym.mean(mx.sym.mean(mx.sym.square(error) * 0.5, axis=0, exclude=True)))
