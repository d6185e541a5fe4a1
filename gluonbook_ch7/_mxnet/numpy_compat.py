"""The NumPy names that MXNet 1.9.1 looks up and that NumPy has removed since 1.20."""

import warnings
from typing import Any

import numpy as np


def _removed_financial(*args: Any, **kwargs: Any) -> Any:
    """Stand for a financial function, which MXNet looks up and does not call."""
    raise NotImplementedError("NumPy 1.20 removed its financial functions; use numpy_financial")


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
    **dict.fromkeys(("mirr", "npv", "pmt", "ppmt", "pv", "rate"), _removed_financial),
}


def restore_removed_names() -> None:
    """Give NumPy the names that it lacks; leave the others alone."""
    with warnings.catch_warnings():
        # NumPy warns when asked for a deprecated or removed name.
        warnings.simplefilter("ignore")
        for name, value in REMOVED_NAMES.items():
            if not hasattr(np, name):
                setattr(np, name, value)
