"""Validation of arguments, with messages that say what to do."""

import functools
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable, NamedTuple, TypeVar, Union, cast

import numpy as np

from . import _mxnet
from ._trees import leaves
from .errors import ArgumentError

Function = TypeVar("Function", bound=Callable[..., Any])


class Domain(NamedTuple):
    """The values that a hyperparameter may have: in words, and as a test of one number."""

    words: str
    holds: Callable[[Any], bool]


# The limit of float32.
_POSITIVE = Domain("a finite positive number", lambda x: 0 < x < 3.4e38)
FRACTION = Domain("a number in [0, 1]", lambda x: 0 <= x <= 1)

# The chapter's hyperparameters. The two-dimensional rules call the learning rate eta.
DOMAINS = {
    "lr": _POSITIVE,
    "eta": _POSITIVE,
    "mom": FRACTION,
    "gamma": FRACTION,
    "rho": FRACTION,
    "t": Domain("a whole number of at least 1", lambda x: x >= 1 and x == int(x)),
}


# --- Update rules -------------------------------------------------------------------------------


def checked(*names: str, arrays_per_state: int = 1) -> Callable[[Function], Function]:
    """Validate the hyperparameters that an update rule reads, and its states, at every step.

    The state of a parameter is one array, a tuple of `arrays_per_state`, or nothing if that is 0.
    """

    def decorate(rule: Function) -> Function:
        @functools.wraps(rule)
        def step(params: Any, states: Any, hyperparams: Any, **options: Any) -> None:
            # Reading an array of hyperparameters at every step would wait for MXNet.
            check_hyperparams(rule.__name__, hyperparams, names, in_arrays=False)
            if arrays_per_state:
                _check_step_states(rule.__name__, params, states, arrays_per_state)
            rule(params, states, hyperparams, **options)

        return cast(Function, step)

    return decorate


def checked_2d(rule: Function) -> Function:
    """Validate the hyperparameters of a two-dimensional rule, its keyword arguments."""

    @functools.wraps(rule)
    def step(x1: float, x2: float, s1: float, s2: float, **hyperparams: Any) -> Any:
        for name in DOMAINS.keys() & hyperparams.keys():
            check_number(rule.__name__, name, hyperparams[name], DOMAINS[name])
        return rule(x1, x2, s1, s2, **hyperparams)

    return cast(Function, step)


def check_hyperparams(
    rule: str, hyperparams: Any, names: Sequence[str], in_arrays: bool = True
) -> None:
    """Raise `ArgumentError` if a hyperparameter that a rule reads is missing or out of its domain.

    A hyperparameter may be an array, whose numbers are checked if `in_arrays`.
    """
    wanted = " and ".join(names)
    if not isinstance(hyperparams, Mapping):
        given = type(hyperparams).__name__
        raise ArgumentError(f"{rule} needs a dict with {wanted}; it got a {given}")
    missing = " and ".join(name for name in names if name not in hyperparams)
    if missing:
        unknown = " and ".join(repr(name) for name in hyperparams if name not in names)
        instead = f", but {unknown}, which it does not know" if unknown else ""
        raise ArgumentError(f"{rule} needs {wanted}; it did not get {missing}{instead}")
    for name in names:
        value = hyperparams[name]
        if getattr(value, "shape", ()) == ():
            check_number(rule, name, value, DOMAINS[name])
        elif in_arrays:
            array = value.asnumpy() if hasattr(value, "asnumpy") else np.asarray(value)
            for number in np.unique(array).tolist():
                check_number(rule, name, number, DOMAINS[name])


def check_number(rule: str, name: str, value: Any, domain: Domain) -> None:
    """Raise `ArgumentError` if a hyperparameter is not a number of its domain."""
    # NumPy would cast the limit of a domain to the number's type, or refuse a large integer.
    plain = value.item() if isinstance(value, np.generic) else value
    real = isinstance(plain, numbers.Real) and not isinstance(plain, bool)
    if not real or not domain.holds(plain):
        given = repr(value) if np.ndim(value) == 0 else f"a {type(value).__name__}"
        raise ArgumentError(f"{rule}'s {name} is {given}; it must be {domain.words}")


def _check_step_states(rule: str, params: Sequence[Any], states: Any, arrays: int) -> None:
    given = states if isinstance(states, (tuple, list)) else ()
    shapes = [[getattr(leaf, "shape", ()) for leaf in leaves(state)] for state in given]
    if shapes != [[p.shape] * arrays for p in params]:
        each = "one array" if arrays == 1 else f"a tuple of {arrays} arrays"
        got = f"the shapes {shapes}" if given else f"a {type(states).__name__}"
        raise ArgumentError(
            f"{rule} needs {len(params)} states of the shapes of their parameters, {each} for each "
            f"parameter; it got {got}"
        )


def check_rule(rule: Any, form: str = "(params, states, hyperparams), such as rmsprop") -> None:
    """Raise `ArgumentError` if an update rule is not callable."""
    if not callable(rule):
        hint = "; fit_gluon takes the name of a Gluon optimizer" if isinstance(rule, str) else ""
        raise ArgumentError(f"the update rule is {rule!r}; it must be a function {form}{hint}")


# --- Data, sizes, seeds, states -----------------------------------------------------------------


def check_training(features: Any, labels: Any, batch_size: Any, num_epochs: Any) -> tuple[int, int]:
    """Return the sizes as int; raise `ArgumentError` if they or the data cannot be trained with.

    The features (n, k) and the labels (n,) must be finite float32 NDArrays.
    """
    _check_array("features", features, "(n, k)")
    _check_array("labels", labels, "(n,)")
    if len(features) != len(labels):
        raise ArgumentError(
            f"features has {len(features)} rows and labels has {len(labels)}; they must be equal"
        )
    for name, value in (("batch_size", batch_size), ("num_epochs", num_epochs)):
        whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if not whole or value < 1:
            raise ArgumentError(f"{name} is {value!r}; it must be a whole number of at least 1")
    return int(batch_size), int(num_epochs)


def _check_array(name: str, array: Any, axes: str) -> None:
    if not isinstance(array, _mxnet.nd.NDArray):
        fault = f"is a {type(array).__name__}; convert it with mxnet.nd.array({name})"
    elif array.dtype != np.float32:
        fault = f"is {np.dtype(array.dtype).name}; it must be float32: {name}.astype('float32')"
    elif len(array.shape) != axes.count("n") + axes.count("k"):
        fault = f"has the shape {array.shape}; it must be {axes}"
    elif 0 in array.shape or -1 in array.shape:
        fault = f"is empty (shape {array.shape}); there is nothing to train on"
    else:
        values = array.asnumpy()
        bad = np.argwhere(~np.isfinite(values)).tolist()
        if not bad:
            return
        where = " and ".join(f"{axis} {i}" for axis, i in zip(("row", "column"), bad[0]))
        value = values[tuple(bad[0])]
        fault = f"has {value} in {where} (counted from 0); leave out rows with such numbers"
    raise ArgumentError(f"{name} {fault}")


def check_seeds(seeds: Union[int, Iterable[Any]]) -> tuple[int, ...]:
    """Return the seeds as a tuple of int; n stands for ``range(n)``.

    Raise `ArgumentError` if there are none, or one is not a whole number in [0, 2³¹).
    """
    given: Any = range(int(seeds)) if isinstance(seeds, numbers.Integral) else seeds
    try:
        given = tuple(given)
    except TypeError:  # a single thing
        given = (given,)
    if not given:
        raise ArgumentError("seeds is empty; give one for each run, such as range(1000)")
    for seed in given:
        if not isinstance(seed, numbers.Integral) or not 0 <= int(seed) < 2**31:
            raise ArgumentError(f"{seed!r} is not a seed; it must be a whole number in [0, 2³¹)")
    return tuple(map(int, given))


def check_start(start: Any, num_features: int, runs: int = 1) -> tuple[Any, Any]:
    """Return starting weights (runs or 1, k, 1) and biases (runs or 1, 1, 1), float32.

    Raise `ArgumentError` unless they have the shape of the parameters of one run, or of all.
    """
    try:
        weights, bias = (
            np.asarray(x.asnumpy() if hasattr(x, "asnumpy") else x, np.float32) for x in start
        )
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"start must be a pair (weights, bias) of numbers ({error})") from error
    for name, values, size in (("weights", weights, num_features), ("bias", bias, 1)):
        if not np.isfinite(values).all():
            raise ArgumentError(f"the starting {name} must be finite numbers")
        # Axes of length 1 may be anywhere.
        shapes = [np.empty(shape).squeeze().shape for shape in ((size,), (runs, size))]
        if values.squeeze().shape not in shapes:
            each = f" for all runs, or the shape ({runs}, {size})" if runs > 1 else ""
            raise ArgumentError(
                f"the shape of the starting {name} is {values.shape}; the size must be {size}{each}"
            )
    return weights.reshape(-1, num_features, 1), bias.reshape(-1, 1, 1)


def check_states(states: Any, num_features: int) -> None:
    """Raise `ArgumentError` if an array among the states has neither parameter's shape.

    A rule may arrange its arrays as it likes, or keep states that are no arrays.
    """
    if not isinstance(states, (tuple, list)):
        return
    arrays = list(leaves(states))
    if not all(isinstance(array, _mxnet.nd.NDArray) for array in arrays):
        return
    if len(arrays) < 2:
        raise ArgumentError(
            f"states has {len(arrays)} entries; it must have two, for the weights and the bias"
        )
    for array in arrays:
        if array.shape not in ((num_features, 1), (1,)):
            is_bias = array.ndim == 1 and array.size != num_features
            name, shape = ("bias", (1,)) if is_bias else ("weights", (num_features, 1))
            raise ArgumentError(
                f"a state of the {name} has the shape {array.shape}; it must be {shape}"
            )
