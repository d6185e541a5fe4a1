"""The errors and warnings of this package. Each error is also the built-in kind that fits."""

import sys
from traceback import walk_stack


class GluonbookError(Exception):
    """Base class of the errors that this package raises on purpose."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        # IPython and pytest leave these frames out of the traceback: what remains is the caller's
        # line, which has the mistake, and the message.
        for frame, _ in walk_stack(sys._getframe()):
            if frame.f_globals.get("__name__", "").startswith(f"{__package__}."):
                frame.f_locals["__tracebackhide__"] = True


class ArgumentError(GluonbookError, ValueError):
    """An invalid argument; the message says what is valid."""


class DataError(GluonbookError, ValueError):
    """A data file or a saved result that cannot be used; the message says why, and where."""


class DataNotFoundError(GluonbookError, FileNotFoundError):
    """A file that was named and does not exist, or data that cannot be downloaded."""


class DependencyError(GluonbookError, ImportError):
    """A library that cannot be imported; the message names the command that fixes it."""


class RecordError(GluonbookError, ValueError):
    """A chapter file or a recorded output that cannot be read; the message says where."""


class TraceError(GluonbookError, RuntimeError):
    """An update rule that cannot be traced; the message says why."""


class WorkerError(GluonbookError, RuntimeError):
    """Work that other processes did not finish or could not begin; the message says why."""


class ForkError(GluonbookError, RuntimeError):
    """Training in a process that was forked while another thread was training."""


class TracingWarning(UserWarning):
    """``traced=True`` was given, but the book's loop was run; the message says why."""


class DivergenceWarning(UserWarning):
    """A training whose loss stopped being finite."""


class DataWarning(UserWarning):
    """Training data that are not the book's; the message says what is used instead, and why."""


class WorkerWarning(UserWarning):
    """Work that was done again because a worker left."""
