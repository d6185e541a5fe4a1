"""The checks: what the computing functions refuse, and how they say it."""

import difflib
import inspect
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ._mxnet import mx, nd
from .declarations import Domain
from .errors import ArgumentError

__all__ = [
    "check_data",
    "check_optimizer",
    "check_rule",
    "check_seeds",
    "check_sizes",
    "check_states",
]

# MXNet reads the numbers as float32, and refuses those that it would make infinite or zero.
_SMALLEST, _LARGEST = 1e-37, 1e38

_ANY = Domain("a finite number", lambda x: abs(x) <= _LARGEST)
_AT_LEAST_0 = Domain("a finite number of at least 0", lambda x: 0 <= x <= _LARGEST)
_FRACTION = Domain("a number in [0, 1]", lambda x: 0 <= x <= 1)
_BELOW_1 = Domain("a number in [0, 1)", lambda x: 0 <= x < 1)

# Gluon's optimizers take any number that float32 holds; beyond these they climb or divide by zero.
_GLUONS_DOMAINS = {
    "learning_rate": _AT_LEAST_0,
    "epsilon": _AT_LEAST_0,
    "eps": _AT_LEAST_0,
    "momentum": _FRACTION,
    "gamma1": _FRACTION,
    "gamma2": _FRACTION,
    "rho": _FRACTION,
    "beta1": _BELOW_1,
    "beta2": _BELOW_1,
}


def check_data(features: Any, labels: Any) -> None:
    """Refuse anything but finite ``features`` (n, k) and ``labels`` (n,), n and k at least 1."""
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
    _check_finite("features", features.asnumpy())
    _check_finite("labels", labels.asnumpy())


def _check_finite(name: str, values: npt.NDArray[np.float32]) -> None:
    finite = np.isfinite(values)
    if finite.all():
        return
    place = np.argwhere(~finite)[0].tolist()
    where = " and ".join(f"{axis} {i}" for axis, i in zip(("row", "column"), place))
    raise ArgumentError(
        f"{name} has {values[tuple(place)]} in {where} (counted from 0); every number must be "
        "finite: leave such rows out"
    )


def check_rule(trainer_fn: Any) -> None:
    """Refuse what cannot be called."""
    if not callable(trainer_fn):
        raise ArgumentError(
            f"the update rule is {trainer_fn!r}; it must be a function (params, states, "
            "hyperparams), such as rmsprop; fit_gluon takes the name of an optimizer of Gluon's"
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
        if not isinstance(seed, numbers.Integral) or not 0 <= int(seed) < 2**31:
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


def check_optimizer(name: Any, hyperparams: Any) -> dict[str, Any]:
    """Return an optimizer's hyperparameters, NumPy's numbers among them as Python's.

    Refuse a name that Gluon does not know, a hyperparameter that its optimizer lacks, and a value
    with which it cannot train. An ndarray has one value for each run of an ensemble.
    """
    known = mx.optimizer.Optimizer.opt_registry
    if not isinstance(name, str) or name.lower() not in known:
        raise ArgumentError(f"Gluon has no optimizer {name!r}{_suggest(name, known)}")
    if not isinstance(hyperparams, Mapping):
        raise ArgumentError(
            f"the hyperparameters are a {type(hyperparams).__name__}; they must be a dict, such as "
            '{"learning_rate": 0.01}'
        )
    wanted = _hyperparameters(known[name.lower()])
    plain = {}
    for given, value in hyperparams.items():
        if given not in wanted:
            raise ArgumentError(
                f"Gluon's {name} has no hyperparameter {given!r}{_suggest(given, wanted)}"
            )
        # MXNet reads numbers from their text, which NumPy 2 writes as np.float64(0.01).
        plain[given] = value.item() if isinstance(value, np.generic) else value
        many = isinstance(value, np.ndarray) and value.ndim > 0
        for each in np.unique(value).tolist() if many else [plain[given]]:
            _check_hyperparameter(f"Gluon's {name}", given, each, wanted[given])
    return plain


def _hyperparameters(optimizer: type) -> dict[str, Any]:
    """Collect what an optimizer's constructor and those it extends take, with the defaults."""
    defaults: dict[str, Any] = {}
    for cls in optimizer.__mro__[:-1]:
        if "__init__" in vars(cls):
            for parameter in inspect.signature(vars(cls)["__init__"]).parameters.values():
                if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                    defaults.setdefault(parameter.name, parameter.default)
    for name in ("self", "param_idx2name", "param_dict", "sym"):
        defaults.pop(name, None)
    return defaults


def _check_hyperparameter(optimizer: str, name: str, value: Any, default: Any) -> None:
    """Refuse a value that cannot stand where the default stands."""
    if isinstance(default, (bool, str)) or (value is None and default is None):
        return
    if name == "lr_scheduler":
        fits, words = isinstance(value, mx.lr_scheduler.LRScheduler), "one of mxnet.lr_scheduler's"
    else:
        domain = _GLUONS_DOMAINS.get(name, _ANY)
        real = isinstance(value, numbers.Real) and not isinstance(value, bool)
        fits = real and domain.holds(value) and (value == 0 or abs(value) >= _SMALLEST)
        words = f"{domain.words}: 0, or {_SMALLEST} to {_LARGEST} in size"
    if not fits:
        given = repr(value) if np.ndim(value) == 0 else f"a {type(value).__name__}"
        raise ArgumentError(f"{optimizer}'s {name} is {given}; it must be {words}")


def _suggest(given: Any, known: Iterable[str]) -> str:
    """Say which known names are close to the one given, and which there are."""
    known = sorted(known)
    close = sorted(difflib.get_close_matches(str(given).lower(), known))
    hint = f"; did you mean {' or '.join(close)}?" if close else "."
    return f"{hint} There are: {', '.join(known)}"
