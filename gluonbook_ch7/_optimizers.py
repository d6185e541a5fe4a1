"""Validation of the name and the hyperparameters of a Gluon optimizer."""

import difflib
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ._mxnet import mx
from ._validation import FRACTION, Domain, check_number
from .errors import ArgumentError

# MXNet would turn other numbers into zero or infinity.
_ANY = Domain(
    "a finite number, 0 or 1e-37 to 1e38 in size", lambda x: x == 0 or 1e-37 <= abs(x) <= 1e38
)
_AT_LEAST_0 = Domain("0 or a number from 1e-37 to 1e38", lambda x: x == 0 or 1e-37 <= x <= 1e38)
_BELOW_1 = Domain("a number in [0, 1)", lambda x: 0 <= x < 1)

# Gluon's optimizers accept any float32; outside these domains they ascend or divide by zero.
_GLUON_DOMAINS = {
    "learning_rate": _AT_LEAST_0,
    "epsilon": _AT_LEAST_0,
    "eps": _AT_LEAST_0,
    "momentum": FRACTION,
    "gamma1": FRACTION,
    "gamma2": FRACTION,
    "rho": FRACTION,
    "beta1": _BELOW_1,
    "beta2": _BELOW_1,
}


def check_optimizer(name: Any, hyperparams: Any, per_run: bool = False) -> dict[str, Any]:
    """Return the hyperparameters of a Gluon optimizer with NumPy scalars as Python numbers.

    Raise `ArgumentError` if Gluon has no such optimizer, the optimizer has no such hyperparameter,
    or a value cannot be trained with. With `per_run`, an ndarray holds one for each run.
    """
    known = mx.optimizer.Optimizer.opt_registry
    if not isinstance(name, str) or name.lower() not in known:
        raise ArgumentError(f"Gluon has no optimizer {name!r}{_suggestion(name, known)}")
    if name.lower() == "groupadagrad":  # which asserts that every parameter is a matrix
        raise ArgumentError(f"Gluon's {name} takes matrices alone, and the bias is a vector")
    if not isinstance(hyperparams, Mapping):
        raise ArgumentError(
            f"the hyperparameters are a {type(hyperparams).__name__}; they must be a dict, such as "
            '{"learning_rate": 0.01}'
        )
    defaults = default_hyperparams(name)
    check_names(f"Gluon's {name}", hyperparams, defaults)
    plain = {}
    for given, value in hyperparams.items():
        # MXNet parses numbers from their text, which NumPy 2 writes as np.float64(0.01).
        plain[given] = value.item() if isinstance(value, np.generic) else value
        is_array = per_run and isinstance(value, np.ndarray) and value.ndim > 0
        for each in np.unique(value).tolist() if is_array else [plain[given]]:
            _check_hyperparam(f"Gluon's {name}", given, each, defaults[given])
    return plain


def default_hyperparams(name: str) -> dict[str, Any]:
    """Return what the constructors of an optimizer and its base classes take, with the defaults."""
    defaults: dict[str, Any] = {}
    for cls in mx.optimizer.Optimizer.opt_registry[name.lower()].__mro__[:-1]:
        for parameter in inspect.signature(cls).parameters.values():
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                defaults.setdefault(parameter.name, parameter.default)
    for name in ("param_idx2name", "param_dict", "sym"):
        defaults.pop(name, None)
    return defaults


def _check_hyperparam(optimizer: str, name: str, value: Any, default: Any) -> None:
    if isinstance(default, (bool, str)) or (value is None and default is None):
        return
    if name != "lr_scheduler":
        check_number(optimizer, name, value, _GLUON_DOMAINS.get(name, _ANY))
    elif not isinstance(value, mx.lr_scheduler.LRScheduler):
        raise ArgumentError(
            f"{optimizer}'s {name} is {value!r}; it must be an mxnet.lr_scheduler.LRScheduler"
        )


def check_names(optimizer: str, given: Iterable[str], known: Mapping[str, Any]) -> None:
    """Raise `ArgumentError` if an optimizer has no hyperparameter of a name."""
    for name in given:
        if name not in known:
            hint = _suggestion(name, known)
            raise ArgumentError(f"{optimizer} has no hyperparameter {name!r}{hint}")


def _suggestion(given: Any, known: Iterable[str]) -> str:
    """Return which known names are close to the one given, and all of them."""
    known = sorted(known)
    close = sorted(difflib.get_close_matches(str(given).lower(), known))
    hint = f"; did you mean {' or '.join(close)}?" if close else "."
    return f"{hint} There are: {', '.join(known)}"
