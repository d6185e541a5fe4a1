"""The only door to MXNet: readies NumPy for it, imports it, and explains when it can't be had.

MXNet 1.9.1 is the last release. It still looks up NumPy names that were removed from 1.24 on, most
of them only to list them; a name is put back only where it is missing, so nothing that NumPy
defines today changes.
"""

import ctypes
import platform
import sys
import warnings
from typing import Any, Callable

import numpy as np

from .errors import DependencyError

__all__ = ["OPERATOR_CALLS", "autograd", "gluon", "init", "memory_of", "mx", "nd"]


def _gone(name: str) -> Callable[..., Any]:
    """Stand in for one of the financial functions that left NumPy in 1.20."""

    def stand_in(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"numpy.{name} left NumPy in 1.20; use numpy_financial.{name}")

    stand_in.__name__ = name
    return stand_in


def _names_mxnet_expects() -> dict[str, Any]:
    """Return every removed NumPy name that MXNet 1.9.1 looks up, with what it meant."""
    names = {
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
    }
    financial = ("mirr", "npv", "pmt", "ppmt", "pv", "rate")
    return {**names, **{name: _gone(name) for name in financial}}


def _ready_numpy() -> None:
    """Give NumPy back the names MXNet looks up, each only where it is missing."""
    for name, meaning in _names_mxnet_expects().items():
        # Not hasattr: NumPy answers that with a FutureWarning for some of these names.
        vars(np).setdefault(name, meaning)


def _explain(error: Exception) -> str:
    """Say in one paragraph why MXNet can't be imported and which command mends it."""
    machine = f"{platform.system()} {platform.machine()}"
    if machine != "Linux x86_64":
        return (
            f"MXNet 1.9.1 has a wheel for Linux x86-64 only, and this is {machine}. Run in a Linux "
            "x86-64 container: docker run --platform linux/amd64 -it python:3.12 bash"
        )
    if any(library in str(error) for library in ("libgomp", "libquadmath")):
        return (
            f"MXNet needs two system libraries, libgomp1 and libquadmath0, and one is missing "
            f"({error}). Install them: apt-get install -y libgomp1 libquadmath0"
        )
    # MXNet imports distutils, which lives in setuptools from CPython 3.12 on; and pip would pair it
    # with a NumPy that has no wheel for CPython 3.13.
    setuptools = " setuptools" if sys.version_info >= (3, 12) else ""
    no_deps = " --no-deps" if sys.version_info >= (3, 13) else ""
    return (
        f"MXNet 1.9.1 cannot be imported ({error}). Install it: "
        f"{sys.executable} -m pip install{no_deps} mxnet==1.9.1{setuptools}"
    )


_ready_numpy()
try:
    with warnings.catch_warnings():
        # distutils' version classes announce their retirement; the reader can do nothing about it.
        warnings.simplefilter("ignore", DeprecationWarning)
        import mxnet as mx
        from mxnet import autograd, gluon, init, nd
        from mxnet._ffi.function import Function as _Function
except (ImportError, OSError) as error:
    raise DependencyError(_explain(error)) from error

# Every way from Python to an operator, or to the numbers in an array: the owner of a function that
# all calls go through, and the function's name there.
OPERATOR_CALLS = (
    (nd.register, "_imperative_invoke"),
    (nd.CachedOp, "__call__"),
    (nd.NDArray, "asnumpy"),
    (nd.NDArray, "_sync_copyfrom"),
    (_Function, "__call__"),
)


def memory_of(array: nd.NDArray) -> range:
    """Return the addresses of an array's bytes; views share them."""
    address = ctypes.c_void_p()
    mx.base.check_call(mx.base._LIB.MXNDArrayGetData(array.handle, ctypes.byref(address)))
    return range(address.value, address.value + array.size * np.dtype(array.dtype).itemsize)
