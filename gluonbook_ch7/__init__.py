"""Chapter 7 of the 2018 MXNet edition of *Dive into Deep Learning*, running again.

The public names are listed in ``__init__.pyi``, in the order in which the chapter meets them. Each
is imported when it is first used; MXNet is imported when it is first needed.
"""

from contextlib import suppress
from typing import Any

import lazy_loader

with suppress(ImportError):  # without a working NumPy, gluonbook-ch7 doctor still runs
    from . import extension  # noqa: F401  adds the hint for a failing import gluonbook
    from ._mxnet.numpy_compat import restore_removed_names

    restore_removed_names()
    del restore_removed_names

__version__ = "0.1.0"

_getattr, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    __tracebackhide__ = True
    if name in __all__:
        return _getattr(name)
    import difflib

    message = f"module {__name__!r} has no attribute {name!r}"
    close = difflib.get_close_matches(name, __all__, n=1)
    raise AttributeError(f"{message}. Did you mean: {close[0]!r}?" if close else message)
