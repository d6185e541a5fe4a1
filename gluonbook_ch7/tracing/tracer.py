"""Trace an update rule: call it on stand-ins and return what it does to its arrays."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Callable, NamedTuple, Optional

import numpy as np
import numpy.typing as npt

from .._mxnet import nd
from .._mxnet.library import memory_of
from .._trees import leaves, map_arrays
from ..errors import TraceError
from .purity import check_pure, is_constant
from .tape import Place, StandIn, Tape


class Key(NamedTuple):
    """What a rule does in a step; equal keys compile to equal graphs."""

    # (name, operand, ...) in the order in which they are applied; an operand is a `Place`. The
    # gradients of the parameters are counted after the arrays.
    operators: tuple[Any, ...]
    ends: tuple[Place, ...]  # where the value of each array after the step is found
    constants: tuple[Optional[float], ...]  # None for a number that changes from step to step

    def take_step(
        self, arrays: Sequence[Any], numbers: Iterator[Any], apply: Callable[..., Any]
    ) -> list[Any]:
        """Return the arrays after a step, given those before it and the gradients.

        The next of `numbers` are those that change; ``apply(name, *operands)`` is an operator.
        """
        found: dict[Place, Any] = {("array", k): array for k, array in enumerate(arrays)}
        for k, constant in enumerate(self.constants):
            found["number", k] = next(numbers) if constant is None else constant
        for k, (name, *places) in enumerate(self.operators):
            found["result", k] = apply(name, *(found[place] for place in places))
        return [found[place] for place in self.ends]


class Program(NamedTuple):
    """What a rule does in all steps of a training."""

    key: Key
    arrays: list[nd.NDArray]  # the parameters, the states and hyperparameters, each once
    changing: npt.NDArray[np.float64]  # the numbers that change, (steps, c)
    hyperparams: dict[str, Any]  # after the last step


def trace(
    rule: Callable[..., Any],
    params: Sequence[nd.NDArray],
    states: Any,
    hyperparams: dict[str, Any],
    num_steps: int,
) -> Program:
    """Return what a rule does in `num_steps` steps, without taking any or changing anything.

    A rule that leaves its hyperparameters alone does the same in every step and is called once. One
    that changes them, as Adam counts its steps, is called once for each step.

    Raise `TraceError` if the rule depends on anything but its arguments, looks at the numbers in an
    array, or applies to one what is not an elementwise operator.
    """
    check_pure(rule)
    if type(hyperparams) is not dict:
        raise TraceError(f"its hyperparams are a {type(hyperparams).__name__}, not a dict")
    arrays = _distinct_arrays([list(params), states, hyperparams])
    values = hyperparams
    tapes, ends = [], []
    for _ in range(num_steps):
        before = values
        tape, places, values = _read_step(rule, params, states, before, arrays)
        tapes.append(tape)
        ends.append(places)
        if values == before:
            break
    if any(tape.operators != tapes[0].operators for tape in tapes) or len(set(ends)) > 1:
        raise TraceError("it does not do the same in every step")
    tapes += tapes[-1:] * (num_steps - len(tapes))  # all later steps are like the last one read
    numbers = np.array([tape.numbers for tape in tapes], np.float64)
    same = (numbers == numbers[0]).all(axis=0)
    constants = tuple(x if fixed else None for x, fixed in zip(tapes[0].numbers, same))
    key = Key(tuple(tapes[0].operators), ends[0], constants)
    return Program(key, arrays, numbers[:, ~same], values)


def _read_step(
    rule: Callable[..., Any],
    params: Sequence[nd.NDArray],
    states: Any,
    hyperparams: dict[str, Any],
    arrays: Sequence[nd.NDArray],
) -> tuple[Tape, tuple[Place, ...], dict[str, Any]]:
    """Call the rule once, on stand-ins.

    Returns what it did, where the value of each array after the step is found, and the
    hyperparameters after the step.
    """
    tape = Tape()
    stand_ins = {id(x): StandIn(x.shape, tape, ("array", k)) for k, x in enumerate(arrays)}

    def find(tree: Any) -> Any:
        return map_arrays(lambda array: stand_ins[id(array)], tree)

    own_params, own_states, own_hyperparams = find(list(params)), find(states), find(hyperparams)
    for k, p in enumerate(own_params, start=len(arrays)):
        p.grad = StandIn(p.shape, tape, ("array", k))
    try:
        rule(own_params, own_states, own_hyperparams)
    except TraceError:
        raise
    except Exception as error:  # it will be raised again in the loop, from the rule's own line
        raise TraceError(f"it raised {type(error).__name__}: {error}") from error
    if not _is_same(own_states, find(states)):
        raise TraceError("it replaces its states by something else")
    for name, value in own_hyperparams.items():
        if not is_constant(value):
            own_hyperparams[name] = hyperparams.get(name)
            if value is not stand_ins.get(id(own_hyperparams[name])):
                kind = type(value).__name__
                raise TraceError(f"its hyperparameter {name} is a {kind}, not a number")
    return tape, tuple(stand_in._place for stand_in in stand_ins.values()), own_hyperparams


def _distinct_arrays(tree: Any) -> list[nd.NDArray]:
    """Return the arrays of a tree, each once; raise `TraceError` if they cannot be traced."""
    found = {id(leaf): leaf for leaf in leaves(tree) if not is_constant(leaf)}
    arrays = list(found.values())
    for array in arrays:
        if not isinstance(array, nd.NDArray):
            raise TraceError(f"its states or hyperparameters hold a {type(array).__name__}")
        if array.dtype != np.float32:
            raise TraceError("some of its arrays are not float32")
    spans = sorted((memory_of(array) for array in arrays), key=lambda span: span.start)
    if any(one.stop > other.start for one, other in zip(spans, spans[1:])):
        raise TraceError("some of its states share their memory")
    return arrays


def _is_same(tree: Any, other: Any) -> bool:
    """Return True if two trees hold the same stand-ins in the same places."""
    with suppress(TraceError):  # comparing two different stand-ins raises
        return bool(tree == other)
    return False
