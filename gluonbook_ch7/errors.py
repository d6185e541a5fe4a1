"""The errors: one family, so that a caller can catch all of ours or only the built-in kind."""

BRIEF = 80  # characters of a file's own text in a message


def brief(text: str) -> str:
    """Return text from a file as a message can hold it: short, in one line, printable."""
    printable = "".join(
        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:BRIEF]
    )
    return printable + "…" * (len(text) > BRIEF)


class GluonbookError(Exception):
    """The base of every error that this package raises on purpose."""


class ArgumentError(GluonbookError, ValueError):
    """An argument that the function cannot work with; the message says what would do."""


class DataError(GluonbookError, ValueError):
    """A data file whose content is not the airfoil table; the message names row and column."""


class DataNotFoundError(GluonbookError, FileNotFoundError):
    """A file or folder that was asked for by name and is not there."""


class DependencyError(GluonbookError, ImportError):
    """A library that cannot be imported; the message names the command that mends it."""


class RecordError(GluonbookError, ValueError):
    """A chapter file or a recorded output that cannot be read; the message says where."""


class TraceError(GluonbookError, RuntimeError):
    """An update rule that cannot be written down as a graph; the message says what it does."""


class TracingWarning(UserWarning):
    """``traced=True`` was asked for, and the book's loop was run; the message says why."""


class DivergenceWarning(UserWarning):
    """A training run whose loss stopped being a finite number."""


class DataWarning(UserWarning):
    """Training data that is not the book's; the message says what is used, why, and what to do."""


class WorkerError(GluonbookError, RuntimeError):
    """Work that other processes should have done and did not; the message says what is kept."""


class ForkError(GluonbookError, RuntimeError):
    """Training in a process that was forked while another thread was training."""


class WorkerWarning(UserWarning):
    """Work that was done again because a worker left before it delivered."""
