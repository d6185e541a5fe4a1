"""The only place that imports MXNet.

``from ._mxnet import nd`` imports it when it is first needed, because it takes a second and may not
be importable at all. `library` does the import. The other modules must work without it:

- `numpy_compat` gives NumPy back the names that MXNet looks up,
- `install_hints` explains why an import failed and what to do about it,
- `locking` keeps trainings in several threads apart.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"library": ["autograd", "gluon", "init", "mx", "nd"]}
)
