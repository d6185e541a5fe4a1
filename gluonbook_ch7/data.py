"""The data: which edition of the airfoil table, where its file comes from, and the moment twin."""

import hashlib
import logging
import math
import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional, Union
from urllib.parse import urlsplit

import numpy as np
import pooch
from requests.exceptions import HTTPError, Timeout

from ._mxnet import nd
from .errors import ArgumentError, DataError, DataNotFoundError, DataWarning

__all__ = [
    "ADDRESSES",
    "EDITIONS",
    "FILE_NAME",
    "SHA256",
    "VARIABLE",
    "Ch7Data",
    "cache_folder",
    "download",
    "get_data_ch7",
    "load_data_ch7",
    "moment_twin",
]

FILE_NAME = "airfoil_self_noise.dat"
SHA256 = "74c75fd71783f1e6b71f8a622b993dc592897a97cd689c5090a07147a1b097b3"
VARIABLE = "GLUONBOOK_CH7_DATA"
PLACES = (Path("data", FILE_NAME), Path("..", "data", FILE_NAME))
UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases/00291/airfoil_self_noise.dat"
ADDRESSES = (
    UCI,
    "http://d2l-data.s3-accelerate.amazonaws.com/airfoil_self_noise.dat",
    "https://raw.githubusercontent.com/d2l-ai/d2l-zh/275424e773b849a94a9d0902144390dad8776d1e/data/"
    "airfoil_self_noise.dat",
)
COLUMNS = (
    "frequency",
    "angle of attack",
    "chord length",
    "free-stream velocity",
    "displacement thickness",
    "sound pressure level",
)
# How many of the columns, from the left, are features; the last column is always the label.
EDITIONS = {"0.7": 4, "1.0": 5}

# The lower triangle of the real columns' correlation matrix, worked out in exact fractions from
# the file's decimals and rounded once. np.corrcoef(np.genfromtxt(FILE_NAME).T) gives it to 1e-14.
CORRELATIONS = (
    (-0.27276453615260454,),
    (-0.0036606388723611173, -0.5048681497642217),
    (0.13366383072398194, 0.058759565117634825, 0.003786628767393116),
    (-0.23010735309074182, 0.7533937846545847, -0.2208424309142407, -0.0039740131835833605),
    (
        -0.3907114117082141,
        -0.15610752934415487,
        -0.2361615123642077,
        0.1251028007619847,
        -0.312669506276543,
    ),
)
TWIN_SEED = 7
TWIN_ORIGIN = "the moment twin (random rows with the real data's correlations)"

Source = Union[str, "os.PathLike[str]"]

# Why the download into a folder failed, so that one process waits for the network only once.
_failures: dict[Path, str] = {}


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


class _Table(NamedTuple):
    """Six columns of numbers before they are standardised, and what there is to say about them."""

    values: np.ndarray
    kind: str
    origin: str
    concern: str = ""


def _load(edition: str, source: Source) -> Ch7Data:
    """Do the work of both public functions, so that a warning points at the line that called."""
    if edition not in tuple(EDITIONS):
        raise ArgumentError(
            f'there is no edition {edition!r}; use "0.7" (4 features, as in the recorded run) or '
            '"1.0" (5 features, as in gluonbook 0.8.2 and later and in d2lzh)'
        )
    table = _choose(source)
    if table.concern:
        warnings.warn(table.concern, DataWarning, stacklevel=3)
    columns = _standardise(table.values, table.origin)
    features, labels = columns[:, : EDITIONS[edition]], columns[:, -1]
    return Ch7Data(nd.array(features), nd.array(labels), edition, table.kind, table.origin)


def _choose(source: Source) -> _Table:
    """Return the table that `source` asks for, from the first place that has it."""
    if source == "twin":
        return _Table(moment_twin(), "twin", TWIN_ORIGIN)
    path = _local_file(source)
    if path is None:
        try:
            path = _cached_file(try_again=source == "real")
        except DataNotFoundError as error:
            if source == "real":
                raise
            concern = f"{error} This is the moment twin instead: the same loss surface, other rows."
            return _Table(moment_twin(), "twin", TWIN_ORIGIN, concern)
    return _read(path, source)


def _local_file(source: Source) -> Optional[Path]:
    """Return the file that was named or that stands in one of the book's places, if any."""
    if source not in ("auto", "real"):
        return _named_file(source, "source")
    if os.environ.get(VARIABLE):
        return _named_file(os.environ[VARIABLE], f"the environment variable {VARIABLE}")
    return next((path for path in PLACES if os.path.isfile(path)), None)


def _named_file(name: Source, namer: str) -> Path:
    """Return the file that a path names, by itself or by the folder that holds it."""
    if not isinstance(name, (str, os.PathLike)):
        raise ArgumentError(f'{namer} is {name!r}; use "auto", "real", "twin" or a path')
    path = Path(os.path.expanduser(name))
    if os.path.isdir(path):
        path = path / FILE_NAME
    if not os.path.exists(path):
        words = ' (and it is none of "auto", "real", "twin")' if namer == "source" else ""
        raise DataNotFoundError(f"{namer} is {str(name)!r}, but there is no file {path}{words}")
    return path


def cache_folder() -> Path:
    """Return the folder of the user's cache that downloads go to; it need not exist yet."""
    return pooch.os_cache("gluonbook_ch7")


def _cached_file(try_again: bool) -> Path:
    """Return the real file in the user's cache, downloaded now if it is missing or damaged."""
    folder = cache_folder()
    path = folder / FILE_NAME
    if _holds_the_books(path):
        return path
    if try_again or folder not in _failures:
        try:
            return download(folder)
        except DataNotFoundError as error:
            _failures[folder] = str(error)
    copy = "only a damaged copy" if os.path.isfile(path) else "nothing"
    raise DataNotFoundError(
        f"The real data set is not in data/ or ../data/, and there is {copy} in the cache. "
        f"{_failures[folder]} Save {UCI} as data/{FILE_NAME}, or set {VARIABLE} to "
        "where you keep it."
    )


def download(
    folder: Source,
    addresses: Optional[Sequence[str]] = None,
    sha256: Optional[str] = None,
    timeout: float = 3.0,
) -> Path:
    """Download the real data set into a folder, from the first address that serves it.

    The file gets its name only once its sha256 is right, so the folder never holds part of a
    download, and several processes may download into the same folder.

    Parameters
    ----------
    folder : path
        Where the file goes; it is made if it is missing.
    addresses : sequence of str, optional
        The addresses to try, in this order; by default `ADDRESSES`.
    sha256 : str, optional
        The sum that the file must have; by default `SHA256`.
    timeout : float
        How long each address may take for everything, in seconds.

    Returns
    -------
    Path
        The file ``airfoil_self_noise.dat`` in `folder`.

    Raises
    ------
    DataNotFoundError
        No address served the file, or the folder cannot be written to; the message says why.
    """
    wanted = SHA256 if sha256 is None else sha256
    reasons = []
    for address in ADDRESSES if addresses is None else addresses:
        try:
            return _retrieve(address, Path(folder), wanted, timeout)
        except _NotServed as error:
            reasons.append(f"{urlsplit(address).netloc}: {error}")
        except ValueError:
            reasons.append(f"{urlsplit(address).netloc}: another file, whose sha256 is wrong")
        except OSError as error:
            why = error.strerror or "permission denied"
            raise DataNotFoundError(f"Cannot write to {folder} ({why}).") from error
    raise DataNotFoundError(f"The download failed ({'; '.join(reasons)}).")


def _retrieve(address: str, folder: Path, sha256: str, timeout: float) -> Path:
    """Let pooch download one address to a temporary name, check it, and move it into place."""
    with _quiet(pooch.get_logger()):
        path = pooch.retrieve(
            address,
            known_hash=sha256,
            fname=FILE_NAME,
            path=folder,
            downloader=_fetch_within(timeout),
        )
    return Path(path)


class _NotServed(Exception):
    """An address that did not give a file; the message says why in a few words."""


def _fetch_within(seconds: float) -> Callable[[str, str, Any], None]:
    """Make a downloader for pooch that ends in time, whatever the server does.

    The time-out of requests starts anew with every packet and leaves out the look-up of the name,
    so the download runs in a thread that can be left behind. Only what is complete gets written.
    """

    def fetch(address: str, output_file: str, _: Any) -> None:
        body, errors = BytesIO(), []

        def get() -> None:
            try:
                pooch.HTTPDownloader(timeout=seconds)(address, body, None)
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=get, daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            errors.append(Timeout())
        if errors:
            raise _NotServed(_reason(errors[0], seconds)) from errors[0]
        Path(output_file).write_bytes(body.getvalue())

    return fetch


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep a logger to its warnings for a while."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _reason(error: Exception, timeout: float) -> str:
    """Say in a few words why an address did not serve the file."""
    if isinstance(error, Timeout):
        return f"no answer within {timeout:g} s"
    if isinstance(error, HTTPError):
        return f"{error.response.status_code} {error.response.reason}"
    return f"no connection ({type(error).__name__})"


def _read(path: Path, source: Source) -> _Table:
    """Read a file, whose content decides whether it is the book's or another one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    values = _parse(content, path)
    if _is_the_books(content):
        return _Table(values, "real", f"the real data set, {path}")
    difference = f"{path} is not the book's data set, whose sha256 is {SHA256}"
    if source == "real":
        raise DataError(f"{difference}. Put {UCI} in its place.")
    concern = f"{difference}: its losses will not be the book's." if source == "auto" else ""
    return _Table(values, "other", f"a file that is not the book's, {path}", concern)


def _is_the_books(content: bytes) -> bool:
    """Tell the book's file, even if an editor or git has changed how its lines end."""
    lines = b"".join(line + b"\r\n" for line in content.splitlines())
    return hashlib.sha256(lines).hexdigest() == SHA256


def _holds_the_books(path: Path) -> bool:
    """Tell whether there is a file, whole and readable, that is the book's."""
    try:
        return _is_the_books(path.read_bytes())
    except OSError:
        return False


def _parse(content: bytes, path: Path) -> np.ndarray:
    """Return the numbers of a tab-separated table: (n, 6), float64."""
    if b"\0" in content:
        raise DataError(f"{path} is not a text file")
    lines = enumerate(content.splitlines(), start=1)
    rows = [_parse_row(line, f"{path}, row {row}") for row, line in lines if line.strip()]
    if len(rows) < 2:
        raise DataError(f"{path} has {len(rows)} rows; there must be at least 2 to standardise")
    return np.array(rows)


def _parse_row(line: bytes, where: str) -> list[float]:
    """Return the six numbers of a line."""
    cells = line.split(b"\t")
    if len(cells) < len(COLUMNS):
        missing = f"column {len(cells) + 1} ({COLUMNS[len(cells)]})"
        raise DataError(
            f"{where}: {missing} is missing; there must be {len(COLUMNS)}, tab-separated"
        )
    if len(cells) > len(COLUMNS):
        raise DataError(f"{where}: column {len(COLUMNS) + 1} is one too many")
    named = enumerate(zip(cells, COLUMNS), start=1)
    return [
        _parse_cell(cell, f"{where}, column {column} ({name})") for column, (cell, name) in named
    ]


def _parse_cell(cell: bytes, where: str) -> float:
    """Return the finite number that a cell holds."""
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        text = cell[:40].decode(errors="replace")
        raise DataError(f"{where}: {text!r} is not a finite number")
    return number


def _standardise(values: np.ndarray, origin: str) -> np.ndarray:
    """Give each column mean 0 and population standard deviation 1: (n, 6), float64."""
    with np.errstate(over="ignore", invalid="ignore"):
        std = values.std(axis=0)
    # The std of equal numbers is not exactly 0 when their mean is rounded.
    usable = (values != values[0]).any(axis=0) & (std > 0) & (std < np.inf)
    if not usable.all():
        column = int(np.argmin(usable))
        raise DataError(
            f"{origin}: column {column + 1} ({COLUMNS[column]}) cannot be standardised, because "
            "its numbers are all the same or too large or small for their variance"
        )
    return (values - values.mean(axis=0)) / std


def moment_twin() -> np.ndarray:
    """Draw random rows that have the same loss surface as the real data set.

    The mean squared loss of a linear model is a quadratic function of its weights whose
    coefficients are the means and the correlations of the standardised columns, nothing else. The
    twin has exactly these: 1503 Gaussian draws from a generator of its own with a fixed seed, freed
    of their sample mean and sample covariance, then given the real data's correlations C::

        rows = draws @ inv(cholesky(cov(draws))).T @ cholesky(C).T

    So it keeps every full-batch loss at every weight, and with them the minimum, in both editions.
    It does not keep the rows: the values and their distribution are made up, and so is each
    minibatch, so the losses of a training run differ from the real data's by as much as those of
    another order of minibatches would.

    Returns
    -------
    ndarray of shape (1503, 6), float64
        Five features and the label, standardised; always the same numbers.
    """
    draws = np.random.RandomState(TWIN_SEED).standard_normal((1503, len(COLUMNS)))
    draws -= draws.mean(axis=0)
    own = np.linalg.cholesky(draws.T @ draws / len(draws))
    real = np.linalg.cholesky(_correlation_matrix())
    return draws @ np.linalg.solve(own.T, real.T)


def _correlation_matrix() -> np.ndarray:
    """Return the correlations of the real data's columns: (6, 6), float64."""
    lower = np.zeros((len(COLUMNS), len(COLUMNS)))
    lower[np.tril_indices(len(COLUMNS), k=-1)] = np.concatenate(CORRELATIONS)
    return lower + lower.T + np.eye(len(COLUMNS))
