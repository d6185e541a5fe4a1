"""The NumPy names that MXNet 1.9.1 looks up and that NumPy has removed, from 1.24 on.

Importing MXNet through this package puts back those that are missing, most of which MXNet only
lists; nothing that NumPy defines today is changed. `REMOVED_NAMES` has them all, and they are all
that importing this package adds to another library.
"""

import warnings
from typing import Any, Callable

import numpy as np

__all__ = ["REMOVED_NAMES", "missing_names", "put_back"]


def _gone(name: str) -> Callable[..., Any]:
    """Stand in for one of the financial functions that left NumPy in 1.20."""

    def stand_in(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"numpy.{name} left NumPy in 1.20; use numpy_financial.{name}")

    stand_in.__name__ = name
    return stand_in


# Every name that NumPy may lack, with what it meant.
REMOVED_NAMES: dict[str, Any] = {
    "bool": np.bool_,
    "float_": np.float64,
    "PZERO": 0.0,
    "NZERO": -0.0,
    "NINF": -np.inf,
    "PINF": np.inf,
    "Inf": np.inf,
    "NaN": np.nan,
    "NAN": np.nan,
    "alltrue": np.all,
    "sometrue": np.any,
    "product": np.prod,
    "cumproduct": np.cumprod,
    "in1d": lambda ar1, ar2, **options: np.isin(np.ravel(ar1), ar2, **options),
    "msort": lambda a: np.sort(a, axis=0),
    "row_stack": np.vstack,
    "round_": np.round,
    "trapz": getattr(np, "trapezoid", None),
    **{name: _gone(name) for name in ("mirr", "npv", "pmt", "ppmt", "pv", "rate")},
}


def missing_names() -> list[str]:
    """Return the names of `REMOVED_NAMES` that this NumPy does not have."""
    with warnings.catch_warnings():
        # Asked for a name that it is about to remove, or has removed, NumPy warns.
        warnings.simplefilter("ignore")
        return [name for name in REMOVED_NAMES if not hasattr(np, name)]


def put_back() -> None:
    """Give NumPy the names that it does not have, and leave the others alone."""
    for name in missing_names():
        setattr(np, name, REMOVED_NAMES[name])
