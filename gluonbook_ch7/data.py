"""The training data of chapter 7: NASA's airfoil self-noise table, in the two editions of the book.

Source: T. F. Brooks, D. S. Pope and M. A. Marcolini, "Airfoil self-noise and prediction", NASA
RP-1218, 1989; UCI Machine Learning Repository, doi 10.24432/C5VW2C, CC BY 4.0.
"""

from dataclasses import dataclass, field

from ._files import AnyPath
from ._mxnet import nd
from ._observers import on_data
from ._results import name_data
from .dataset.locate import read_table
from .dataset.parse import standardise
from .errors import ArgumentError

# How many columns, from the left, are features. The last column is always the label.
EDITIONS = {"0.7": 4, "1.0": 5}


@dataclass(frozen=True, eq=False)
class Ch7Data:
    """The training data, and where they came from.

    Attributes
    ----------
    features : NDArray, shape (n, 4) or (n, 5), float32
    labels : NDArray, shape (n,), float32
        Standardised columns; the label is the sound pressure level.
    edition : {"0.7", "1.0"}
    kind : {"real", "twin", "other"}
    origin : str
        The same in words, with the path of the file.
    """

    features: nd.NDArray = field(repr=False)
    labels: nd.NDArray = field(repr=False)
    edition: str
    kind: str
    origin: str

    @property
    def is_real(self) -> bool:
        """Whether these are the book's rows."""
        return self.kind == "real"

    @property
    def in_short(self) -> str:
        """The edition and the kind, short enough for the title of a figure."""
        kinds = {"real": "the real data", "twin": "the moment twin", "other": "other data"}
        return f"edition {self.edition}, {kinds[self.kind]}"


def get_data_ch7(edition: str = "0.7", source: AnyPath = "auto") -> tuple[nd.NDArray, nd.NDArray]:
    """Return the features, (1503, 4) or (1503, 5), and labels, (1503,), of `load_data_ch7`."""
    data = _load(edition, source)
    return data.features, data.labels


def load_data_ch7(edition: str = "0.7", source: AnyPath = "auto") -> Ch7Data:
    """Load the airfoil table and standardise each column: ``(column - mean) / std``.

    The mean and the population standard deviation are taken over all rows.

    Parameters
    ----------
    edition : {"0.7", "1.0"}
        Which columns are features: "0.7" takes the first 4, as gluonbook 0.7 and the book's
        recorded run did; "1.0" takes the first 5, as gluonbook 0.8.2 and d2lzh 1.0 do.
    source : {"auto", "real", "twin"} or path
        "auto" takes the first that exists: the file or folder named by the environment variable
        GLUONBOOK_CH7_DATA; ``data/`` and ``../data/``; the user's cache; a download into that
        cache; `moment_twin`, with a warning. "real" looks in the same places and takes only the
        book's file. "twin" takes the moment twin. A path names a file or the folder that holds it.

    Raises
    ------
    ArgumentError, DataNotFoundError
        If the edition is unknown, or the named or the book's file cannot be found.
    DataError
        If the file is not a table of numbers that can be standardised (the message says the row and
        the column), or `source` is "real" and it is another file.

    Warns
    -----
    DataWarning
        If `source` is "auto" and the data are not the book's.
    """
    return _load(edition, source)


def _load(edition: str, source: AnyPath) -> Ch7Data:
    """Do the work of both public functions, so that a warning points at their caller's line."""
    if edition not in tuple(EDITIONS):
        raise ArgumentError(
            f'there is no edition {edition!r}; use "0.7" (4 features, as in the recorded run) or '
            '"1.0" (5 features, as in gluonbook 0.8.2 and later and in d2lzh)'
        )
    table = read_table(source, stacklevel=3)
    columns = standardise(table.values, table.origin)
    features, labels = nd.array(columns[:, : EDITIONS[edition]]), nd.array(columns[:, -1])
    data = Ch7Data(features, labels, edition, table.kind, table.origin)
    name_data(features, labels, data.in_short)
    for observe in on_data:
        observe(f"edition {edition}, {table.origin}")
    return data
