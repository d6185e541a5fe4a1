"""Import MXNet, on any NumPy, or explain why it cannot be imported."""

import ctypes
import warnings

import numpy as np

from ..errors import DependencyError
from .install_hints import import_remedy
from .numpy_compat import restore_removed_names

__all__ = ["autograd", "gluon", "init", "memory_of", "mx", "nd"]

restore_removed_names()
try:
    with warnings.catch_warnings():
        # MXNet uses distutils' version classes, which are deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        import mxnet as mx
        from mxnet import autograd, gluon, init, nd
except Exception as error:  # a future NumPy may break the import in any way
    raise DependencyError(str(import_remedy(error))) from error


def memory_of(array: nd.NDArray) -> range:
    """Return the addresses of an array's bytes; views share them."""
    address = ctypes.c_void_p()
    mx.base.check_call(mx.base._LIB.MXNDArrayGetData(array.handle, ctypes.byref(address)))
    start = address.value or 0  # ctypes returns None for the address 0
    return range(start, start + array.size * np.dtype(array.dtype).itemsize)
