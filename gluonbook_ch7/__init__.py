"""Chapter 7 of the 2018 MXNet edition of *Dive into Deep Learning*, running again.

The public names are listed in ``__init__.pyi``, in the order in which the chapter meets them. Each
is imported when it is first used; MXNet is imported when it is first needed.
"""

from contextlib import suppress

import lazy_loader

with suppress(ImportError):  # without a working NumPy, gluonbook-ch7 doctor still runs
    from ._mxnet.numpy_compat import restore_removed_names

    restore_removed_names()
    del restore_removed_names

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
