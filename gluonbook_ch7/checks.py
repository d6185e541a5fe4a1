"""The checks: what the computing functions refuse, and how they say it."""

import difflib
import inspect
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np

from ._mxnet import mx, nd
from .errors import ArgumentError

__all__ = ["check_data", "check_optimizer", "check_seeds", "check_sizes", "check_states"]


def check_data(features: Any, labels: Any) -> None:
    """Refuse anything but ``features`` (n, k) and ``labels`` (n,) with n and k at least 1."""
    for name, value, axes in (("features", features, "(n, k)"), ("labels", labels, "(n,)")):
        if not isinstance(value, nd.NDArray):
            raise ArgumentError(
                f"{name} is a {type(value).__name__}; it must be an NDArray of shape {axes}: "
                f"convert it with mxnet.nd.array({name})"
            )
        if value.dtype != np.float32:
            raise ArgumentError(
                f"{name} is {np.dtype(value.dtype).name}; it must be float32, as the weights are: "
                f"{name}.astype('float32')"
            )
        if len(value.shape) != axes.count("n") + axes.count("k"):
            raise ArgumentError(f"{name} has the shape {value.shape}; it must be {axes}")
        if 0 in value.shape or -1 in value.shape:
            raise ArgumentError(
                f"{name} is empty (shape {value.shape}); there is nothing to train on"
            )
    if len(features) != len(labels):
        raise ArgumentError(
            f"features has {len(features)} rows and labels has {len(labels)}; they must be as many"
        )


def check_sizes(batch_size: Any, num_epochs: Any) -> None:
    """Refuse sizes that are not whole numbers of at least 1."""
    for name, value in (("batch_size", batch_size), ("num_epochs", num_epochs)):
        whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if not whole or value < 1:
            raise ArgumentError(f"{name} is {value!r}; it must be a whole number of at least 1")


def check_seeds(seeds: Iterable[Any]) -> tuple[int, ...]:
    """Return the seeds as a tuple; refuse none at all, and what both generators do not take."""
    seeds = tuple(seeds)
    if not seeds:
        raise ArgumentError("seeds is empty; give one for each run, such as range(1000)")
    for seed in seeds:
        if not isinstance(seed, numbers.Integral) or not 0 <= seed < 2**31:
            raise ArgumentError(f"{seed!r} is no seed; it must be a whole number in [0, 2³¹)")
    return tuple(map(int, seeds))


def check_states(states: Any, num_features: int) -> None:
    """Refuse states that are not one for the weights (k, 1) and one for the bias (1,).

    A rule may keep no states at all, several arrays a parameter, or something of its own that is
    not made of arrays; what is made of arrays must have the parameters' shapes.
    """
    arrays = _arrays_per_entry(states)
    if arrays is None:
        return
    if len(arrays) != 2:
        raise ArgumentError(
            f"states has {len(arrays)} entries; it must have two, for the weights and the bias"
        )
    shapes = (("weights", (num_features, 1)), ("bias", (1,)))
    for (name, shape), entry in zip(shapes, arrays):
        for array in entry:
            if array.shape != shape:
                raise ArgumentError(
                    f"a state of the {name} has the shape {array.shape}; it must be {shape}, the "
                    f"shape of the {name}"
                )


def _arrays_per_entry(states: Any) -> Any:
    """Return the arrays of each entry of `states`, or None if it is not made of arrays alone."""
    if not isinstance(states, (tuple, list)):
        return None
    entries = [entry if isinstance(entry, (tuple, list)) else (entry,) for entry in states]
    only_arrays = all(isinstance(array, nd.NDArray) for entry in entries for array in entry)
    return entries if only_arrays else None


def check_optimizer(name: Any, hyperparams: dict[str, Any]) -> None:
    """Refuse a name that Gluon does not know, and hyperparameters that its optimizer lacks."""
    known = mx.optimizer.Optimizer.opt_registry
    if not isinstance(name, str) or name.lower() not in known:
        raise ArgumentError(f"Gluon has no optimizer {name!r}{_suggest(name, known)}")
    wanted = _hyperparameters(known[name.lower()])
    for given in hyperparams:
        if given not in wanted:
            raise ArgumentError(
                f"Gluon's {name} has no hyperparameter {given!r}{_suggest(given, wanted)}"
            )


def _hyperparameters(optimizer: type) -> set[str]:
    """Collect the names that an optimizer's constructor and those it extends take."""
    names: set[str] = set()
    for cls in optimizer.__mro__[:-1]:
        if "__init__" in vars(cls):
            for parameter in inspect.signature(cls.__init__).parameters.values():
                if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                    names.add(parameter.name)
    return names - {"self", "param_idx2name", "param_dict", "sym"}


def _suggest(given: Any, known: Iterable[str]) -> str:
    """Say which known names are close to the one given, and which there are."""
    known = sorted(known)
    close = sorted(difflib.get_close_matches(str(given).lower(), known))
    hint = f"; did you mean {' or '.join(close)}?" if close else "."
    return f"{hint} There are: {', '.join(known)}"
