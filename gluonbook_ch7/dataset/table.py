"""The table that the training data are made from: read, and standardised."""

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import DataError, DataWarning
from .locate import Table, choose
from .parse import COLUMNS, Source

__all__ = ["Table", "read_table", "standardise"]

# How far a standardised column may be from mean 0 and standard deviation 1.
TOLERANCE = 1e-6


def read_table(source: Source = "auto", *, stacklevel: int = 2) -> Table:
    """Return the table as it is before it is standardised.

    Warns (`DataWarning`) if `source` is "auto" and the table is not the book's. `stacklevel` is
    that of `warnings.warn`, counted from here.
    """
    table = choose(source)
    if table.warning:
        warnings.warn(table.warning, DataWarning, stacklevel=stacklevel + 1)
    return table


def standardise(
    values: npt.NDArray[np.float64], origin: str, names: Sequence[str] = COLUMNS
) -> npt.NDArray[np.float64]:
    """Return the columns with mean 0 and population standard deviation 1, float64.

    Raises
    ------
    DataError
        If a column's variance is zero or lost to rounding; the message begins with `origin`.
    """
    with np.errstate(all="ignore"):
        columns: npt.NDArray[np.float64] = (values - values.mean(axis=0)) / values.std(axis=0)
        # Judge the result: it shows where the mean or the variance was lost to rounding.
        means, deviations = columns.mean(axis=0), columns.std(axis=0)
        usable = (abs(means) < TOLERANCE) & (abs(deviations - 1) < TOLERANCE)
    if not usable.all():
        column = int(np.argmin(usable))
        name = f" ({names[column]})" if names else ""
        raise DataError(
            f"{origin}: column {column + 1}{name} cannot be standardised, because "
            "its numbers are all the same, or too close together, too large or too small for their "
            "variance"
        )
    return columns
