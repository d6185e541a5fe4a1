"""The graphs: training steps and losses, each as one MXNet operator.

An operator called from Python costs about 9 µs, and a step of RMSProp takes 24 of them on arrays of
a few numbers. Here they are put together into a graph that MXNet runs without Python. The
operators are those that the book's loop runs, down to which of several that mean the same, so the
results are the same bit for bit.
"""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Callable

from .._mxnet import mx, nd
from .tape import WITH_NUMBER, Place

__all__ = [
    "gluon_gradients",
    "gluon_mean_loss",
    "scratch_mean_loss",
    "scratch_steps",
]

Entry = tuple[int, int, int]  # a node, which of its outputs, and a version that is always 0
Operator = Callable[..., list[nd.NDArray]]


class _Graph:
    """A graph of operators, written node by node in the form in which MXNet saves one."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []

    def variables(self, *names: str) -> list[Entry]:
        return [self._add("null", name, (), {}) for name in names]

    def add(self, operator: str, *inputs: Entry, **attributes: Any) -> Entry:
        return self._add(operator, f"{operator}{len(self.nodes)}", inputs, attributes)

    def split(self, entry: Entry, parts: int) -> list[Entry]:
        """Split along the first axis."""
        if parts == 1:
            return [entry]
        node, _, _ = self.add("split", entry, num_outputs=parts, axis=0)
        return [(node, part, 0) for part in range(parts)]

    def _add(self, operator: str, name: str, inputs: Sequence[Entry], attributes: Any) -> Entry:
        attributes = {key: str(value) for key, value in attributes.items()}
        node = {"op": operator, "name": name, "inputs": list(inputs), "attrs": attributes}
        self.nodes.append(node)
        return len(self.nodes) - 1, 0, 0

    def compile(self, outputs: Sequence[Entry]) -> Operator:
        """Return the graph as a function that takes NDArrays by name and returns a list."""
        variables = [i for i, node in enumerate(self.nodes) if node["op"] == "null"]
        saved = {"nodes": self.nodes, "arg_nodes": variables, "heads": list(outputs)}
        symbol = mx.sym.load_json(json.dumps({**saved, "attrs": {"mxnet_version": ["int", 10901]}}))
        operator = nd.CachedOp(symbol, [("static_alloc", True), ("static_shape", True)])
        names = symbol.list_inputs()

        def run(**arrays: nd.NDArray) -> list[nd.NDArray]:
            results = operator(*[arrays[name] for name in names])
            return results if isinstance(results, list) else [results]

        return run


@lru_cache(maxsize=64)
def scratch_steps(
    steps: int,
    rows: int,
    operators: tuple[Any, ...],
    ends: tuple[Place, ...],
    constants: tuple[Any, ...],
) -> Operator:
    """Return some steps of training from scratch as one operator.

    Parameters
    ----------
    steps : int
    rows : int
        Examples in each step's minibatch.
    operators, ends
        What the rule does in a step, as in `Step`.
    constants : tuple of str or None
        The step's numbers; None for one that is not the same in every step.

    Returns
    -------
    callable
        From ``X`` (steps * rows, k), ``y`` (steps * rows, 1), ``array0`` the weights, ``array1``
        the bias, ``array2`` … the states, and, if there is a None, ``numbers`` with all of them,
        to the arrays after the last step.
    """
    graph = _Graph()
    X, y = graph.variables("X", "y")
    leaves = graph.variables(*(f"array{k}" for k in range(len(ends))))
    changing = constants.count(None) * steps
    numbers = iter(graph.split(graph.variables("numbers")[0], changing) if changing else ())
    for X_step, y_step in zip(graph.split(X, steps), graph.split(y, steps)):
        gradients = _scratch_gradients(graph, X_step, y_step, leaves[0], leaves[1], rows)
        leaves = _take_step(graph, operators, ends, constants, leaves + gradients, numbers)
    return graph.compile(leaves)


def _scratch_gradients(
    graph: _Graph, X: Entry, y: Entry, w: Entry, b: Entry, rows: int
) -> list[Entry]:
    """Add what autograd runs for the mean of `squared_loss`: with r = (X w + b - y) / rows, Xᵀ r
    and the sum of r.
    """
    y_hat = graph.add("broadcast_add", graph.add("dot", X, w), b)
    # Autograd multiplies by 1 / rows, which does not round as dividing by rows does.
    residual = _residual(graph, y_hat, y, 1 / rows)
    return [graph.add("dot", X, residual, transpose_a=True), graph.add("sum", residual, axis=0)]


def _residual(graph: _Graph, y_hat: Entry, y: Entry, share: float = 1.0) -> Entry:
    """Add share (ŷ - y), doubled and halved as autograd does: twice a large number is infinite."""
    doubled = graph.add("_mul_scalar", graph.add("broadcast_sub", y_hat, y), scalar=2)
    return graph.add("_mul_scalar", doubled, scalar=share / 2)


def _take_step(
    graph: _Graph,
    operators: Sequence[Any],
    ends: Sequence[Place],
    constants: Sequence[Any],
    leaves: Sequence[Entry],
    numbers: Iterator[Entry],
) -> list[Entry]:
    """Add a rule's operators; return the entries of the arrays' new values."""
    results: list[Entry] = []

    def find(place: Place) -> Any:
        """Return the entry at a place, or the text of a constant."""
        kind, k = place
        if kind == "number":
            return constants[k] or next(numbers)
        return leaves[k] if kind == "leaf" else results[k]

    for name, *operands in operators:
        inputs = [find(place) for place in operands]
        entries = [x for x in inputs if not isinstance(x, str)]
        if len(entries) == len(inputs):
            results.append(graph.add(name, *inputs))
        else:
            on_left = isinstance(inputs[0], str)
            name, number = WITH_NUMBER[name][on_left], inputs[0 if on_left else 1]
            results.append(graph.add(name, *entries, scalar=number))
    return [find(place) for place in ends]


@lru_cache(maxsize=1)
def scratch_mean_loss() -> Operator:
    """Return the mean of `squared_loss` as one operator, from ``X``, ``y`` (n, 1), ``w``, ``b``."""
    graph = _Graph()
    X, y, w, b = graph.variables("X", "y", "w", "b")
    y_hat = graph.add("broadcast_add", graph.add("dot", X, w), b)
    error = graph.add("_power_scalar", graph.add("broadcast_sub", y_hat, y), scalar=2)
    return graph.compile([graph.add("mean", graph.add("_div_scalar", error, scalar=2))])


@lru_cache(maxsize=1)
def gluon_gradients() -> Operator:
    """Return what autograd runs for ``Dense(1)`` and ``L2Loss`` as one operator.

    From ``X``, ``y`` (n, 1), ``w`` (1, k), ``b`` to the gradients of the weights and of the bias.
    """
    graph = _Graph()
    X, y, w, b = graph.variables("X", "y", "w", "b")
    y_hat = graph.add("FullyConnected", X, w, b, num_hidden=1)
    residual = _residual(graph, y_hat, y)
    node, _, _ = graph.add("_backward_FullyConnected", residual, X, w, num_hidden=1)
    graph.nodes[node]["control_deps"] = [y_hat[0]]  # it takes its shapes from the forward operator
    return graph.compile([(node, 1, 0), (node, 2, 0)])  # output 0 is the gradient of X


@lru_cache(maxsize=1)
def gluon_mean_loss() -> Operator:
    """Return the mean of ``L2Loss`` of ``Dense(1)`` as one operator, from what the gradients take.

    ``L2Loss`` averages over each example's outputs, of which there is one, before the mean.
    """
    graph = _Graph()
    X, y, w, b = graph.variables("X", "y", "w", "b")
    error = graph.add("broadcast_sub", y, graph.add("FullyConnected", X, w, b, num_hidden=1))
    error = graph.add("_mul_scalar", graph.add("square", error), scalar=0.5)
    return graph.compile([graph.add("mean", graph.add("mean", error, axis=0, exclude=True))])
