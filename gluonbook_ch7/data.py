"""The data: the airfoil table standardised, as features and labels, in two editions."""

import warnings
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ._mxnet import nd
from .dataset.locate import choose
from .dataset.parse import COLUMNS, Source
from .errors import ArgumentError, DataError, DataWarning

__all__ = ["EDITIONS", "Ch7Data", "get_data_ch7", "load_data_ch7", "read_table"]

# How many of the columns, from the left, are features; the last column is always the label.
EDITIONS = {"0.7": 4, "1.0": 5}
# How far a standardised column may be from mean 0 and standard deviation 1.
ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Ch7Data:
    """The training data of chapter 7, and where it came from.

    Attributes
    ----------
    features : NDArray of shape (n, 4) or (n, 5), float32
        The standardised columns: mean 0 and standard deviation 1, without units.
    labels : NDArray of shape (n,), float32
        The standardised sound pressure level, without a unit.
    edition : str
        "0.7" (4 features) or "1.0" (5 features).
    kind : str
        "real" for the book's data set, "twin" for the moment twin, "other" for any other file.
    origin : str
        The same in words, with the file's path, for the eyes of a reader.
    """

    features: nd.NDArray = field(repr=False)
    labels: nd.NDArray = field(repr=False)
    edition: str
    kind: str
    origin: str

    @property
    def is_real(self) -> bool:
        """Whether these are the rows that the book trained on."""
        return self.kind == "real"

    @property
    def in_short(self) -> str:
        """The edition and the kind, short enough for the title of a figure."""
        kinds = {"real": "the real data", "twin": "the moment twin", "other": "other data"}
        return f"edition {self.edition}, {kinds[self.kind]}"


def get_data_ch7(edition: str = "0.7", source: Source = "auto") -> tuple[nd.NDArray, nd.NDArray]:
    """Return the features and labels of chapter 7, as the book's function of this name does.

    Parameters
    ----------
    edition, source
        As in `load_data_ch7`, which also says where the data came from.

    Returns
    -------
    features : NDArray of shape (1503, 4) or (1503, 5), float32
    labels : NDArray of shape (1503,), float32

    Raises
    ------
    ArgumentError, DataError, DataNotFoundError
        As in `load_data_ch7`.
    """
    data = _load(edition, source)
    return data.features, data.labels


def load_data_ch7(edition: str = "0.7", source: Source = "auto") -> Ch7Data:
    """Load NASA's airfoil self-noise table and standardise it over all of its rows.

    Each column becomes ``(column - mean) / std`` with the population's standard deviation, in
    float64, and is then cast to float32.

    Parameters
    ----------
    edition : {"0.7", "1.0"}
        Which columns are features: "0.7" takes the first 4 (``data[:, :-2]``), as gluonbook 0.7
        and the book's recorded run did; "1.0" takes the first 5 (``data[:, :-1]``), as gluonbook
        0.8.2 and d2lzh 1.0 do.
    source : {"auto", "real", "twin"} or path
        "auto" takes the first that is there: the file or folder that the environment variable
        GLUONBOOK_CH7_DATA names; ``data/`` and ``../data/`` of the working directory; the user's
        cache; a download into that cache; `moment_twin`, with a warning. After a download has
        failed, the same process does not try it again. "real" looks in the same places, tries
        every time, and takes nothing but the book's file. "twin" takes the moment twin. A path
        names a file, or the folder that holds ``airfoil_self_noise.dat``, to be read as it is.

    Returns
    -------
    Ch7Data
        The features and labels, and in words where they came from.

    Raises
    ------
    ArgumentError
        The edition or the kind of source is unknown.
    DataNotFoundError
        A named file is not there, or `source` is "real" and the real file cannot be had.
    DataError
        The file does not hold a table of numbers that can be standardised (the message says the
        row and the column), or `source` is "real" and the file is another one.

    Warns
    -----
    DataWarning
        `source` is "auto" and what was found is not the book's data set.

    Notes
    -----
    Source: T. F. Brooks, D. S. Pope and M. A. Marcolini, "Airfoil self-noise and prediction", NASA
    RP-1218, 1989; UCI Machine Learning Repository, doi 10.24432/C5VW2C, CC BY 4.0.
    """
    return _load(edition, source)


def read_table(source: Source = "auto") -> tuple[npt.NDArray[np.float64], str]:
    """Return the table as it is before it is standardised, and where it came from.

    For those who stand in for NumPy's readers of text files: a warning points at their caller.

    Parameters
    ----------
    source
        As in `load_data_ch7`, whose errors and warnings this has too.

    Returns
    -------
    values : ndarray of shape (n, 6), float64
        Five features and the label; the moment twin's are standardised already.
    origin : str
        Where they came from, in words.
    """
    table = choose(source)
    if table.concern:
        warnings.warn(table.concern, DataWarning, stacklevel=3)
    return table.values, table.origin


def _load(edition: str, source: Source) -> Ch7Data:
    """Do the work of both public functions, so that a warning points at the line that called."""
    if edition not in tuple(EDITIONS):
        raise ArgumentError(
            f'there is no edition {edition!r}; use "0.7" (4 features, as in the recorded run) or '
            '"1.0" (5 features, as in gluonbook 0.8.2 and later and in d2lzh)'
        )
    table = choose(source)
    if table.concern:
        warnings.warn(table.concern, DataWarning, stacklevel=3)
    columns = _standardise(table.values, table.origin)
    features, labels = columns[:, : EDITIONS[edition]], columns[:, -1]
    return Ch7Data(nd.array(features), nd.array(labels), edition, table.kind, table.origin)


def _standardise(values: npt.NDArray[np.float64], origin: str) -> npt.NDArray[np.float64]:
    """Give each column mean 0 and population standard deviation 1: (n, 6), float64."""
    with np.errstate(all="ignore"):
        columns: npt.NDArray[np.float64] = (values - values.mean(axis=0)) / values.std(axis=0)
        # Judged by the outcome: where the mean or the variance is lost to rounding, it shows here.
        usable = (abs(columns.mean(axis=0)) < ROUNDING) & (abs(columns.std(axis=0) - 1) < ROUNDING)
    if not usable.all():
        column = int(np.argmin(usable))
        raise DataError(
            f"{origin}: column {column + 1} ({COLUMNS[column]}) cannot be standardised, because "
            "its numbers are all the same, or too close together, too large or too small for their "
            "variance"
        )
    return columns
