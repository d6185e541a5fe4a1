"""Chapter 7 of the 2018 MXNet edition of *Dive into Deep Learning*, running again.

The public names stand in ``__init__.pyi``, in the order the chapter meets them. Each is imported
when it is first used, so that ``gluonbook-ch7 --help`` need not wait for MXNet.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
