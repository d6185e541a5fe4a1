"""The only place that imports MXNet.

``from ._mxnet import nd`` imports it when it is first needed, because it takes a second and may not
be importable at all. `library` does the import. The other modules must work without it:

- `numpy_compat` gives NumPy back the names that MXNet looks up,
- `install_hints` explains why an import failed and what to do about it,
- `locking` keeps trainings in several threads apart.
"""

from importlib import import_module
from typing import Any

__all__ = ["autograd", "gluon", "init", "mx", "nd"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.library"), name)
