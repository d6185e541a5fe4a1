"""The only door to MXNet: readies NumPy for it, imports it, and explains when it can't be had.

MXNet 1.9.1 is the last release. It still looks up NumPy names that were removed from 1.24 on; the
ones that are missing are put back (`numpy_names`). Why an import failed is said by `remedies`.
"""

import ctypes
import warnings

import numpy as np

from .errors import DependencyError
from .numpy_names import put_back
from .remedies import import_remedy

__all__ = ["OPERATOR_CALLS", "autograd", "gluon", "init", "memory_of", "mx", "nd"]

put_back()
try:
    with warnings.catch_warnings():
        # distutils' version classes announce their retirement; the reader can do nothing about it.
        warnings.simplefilter("ignore", DeprecationWarning)
        import mxnet as mx
        from mxnet import autograd, gluon, init, nd
        from mxnet._ffi.function import Function as _Function
except Exception as error:  # a NumPy to come may end it in any way
    raise DependencyError(str(import_remedy(error))) from error

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
    start = address.value or 0  # None is ctypes' word for the address 0
    return range(start, start + array.size * np.dtype(array.dtype).itemsize)
