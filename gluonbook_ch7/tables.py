"""Tables of your own as training data."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from ._files import AnyPath
from ._mxnet import nd
from ._results import name_data
from .dataset.parse import parse, standardise
from .errors import DataNotFoundError


@dataclass(frozen=True, eq=False)
class TableData:
    """A table as training data.

    Attributes
    ----------
    features : NDArray, shape (n, k), float32
        All columns but the last, standardised: mean 0 and standard deviation 1.
    labels : NDArray, shape (n,), float32
        The last column, standardised.
    names : tuple of str
        The names of the columns; empty if the file has no header line.
    origin : str
        The path of the file.
    """

    features: nd.NDArray = field(repr=False)
    labels: nd.NDArray = field(repr=False)
    names: tuple[str, ...]
    origin: str

    @property
    def in_short(self) -> str:
        """The name of the file, short enough for the title of a figure."""
        return Path(self.origin).name


def load_table(file: AnyPath) -> TableData:
    """Load a table and standardise each column, as `load_data_ch7` does with the airfoil table.

    Parameters
    ----------
    file : str or path
        Rows of numbers in at least 2 columns, separated by commas, tabs or spaces; the last column
        is the label. A first line without any number is a header.

    Returns
    -------
    TableData

    Raises
    ------
    DataNotFoundError
        If the file does not exist.
    DataError
        If it is not a table of this form, or a column cannot be standardised; the message says
        the row and the column.
    """
    path = Path(os.path.expanduser(file))
    if not path.is_file():
        raise DataNotFoundError(f"there is no file {path}")
    values, names = parse(path.read_bytes(), path)
    columns = standardise(values, str(path), names)
    features, labels = nd.array(columns[:, :-1]), nd.array(columns[:, -1])
    data = TableData(features, labels, names, str(path))
    name_data(features, labels, data.in_short)
    return data
