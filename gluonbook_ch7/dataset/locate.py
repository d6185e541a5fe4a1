"""Find the data file, and load the table from the first place that has it."""

import os
import warnings
from pathlib import Path
from typing import Callable, NamedTuple, Optional

import numpy as np
import numpy.typing as npt
import pooch

from ..errors import ArgumentError, DataError, DataNotFoundError, DataWarning
from .download import ADVICE, VARIABLE, download
from .parse import COLUMNS, FILE_NAME, SHA256, UCI, Source, holds_the_books, is_the_books, parse
from .twin import moment_twin

PLACES = (Path("data", FILE_NAME), Path("..", "data", FILE_NAME))

TWIN_ORIGIN = "the moment twin (random rows with the real data's correlations)"
# Why the download into a folder failed, so that a process waits for the network only once.
_failures: dict[Path, str] = {}


class Table(NamedTuple):
    """Six columns of numbers, not yet standardised."""

    values: npt.NDArray[np.float64]  # (n, 6)
    kind: str  # "real" for the book's data set, "twin" for the moment twin, else "other"
    origin: str  # the same in words, with the path of the file
    warning: str = ""  # what the user should know; empty if the data are what was asked for


def choose(source: Source) -> Table:
    """Return the table that `source` asks for, as `load_data_ch7` documents it."""
    if source == "twin":
        return Table(moment_twin(), "twin", TWIN_ORIGIN)
    path = local_file(source)
    if path is not None:
        return _read(path, source)
    try:
        return _read(_download(try_again=source == "real"), source)
    except DataNotFoundError as error:
        if source == "real":
            raise
        warning = f"{error} Using the moment twin instead: the same loss surface, other rows."
        return Table(moment_twin(), "twin", TWIN_ORIGIN, warning)


def read_table(source: Source = "auto", *, stacklevel: int = 2) -> Table:
    """Return the table as it is before it is standardised.

    Warns (`DataWarning`) if `source` is "auto" and the table is not the book's. `stacklevel` is
    that of `warnings.warn`, counted from here.
    """
    table = choose(source)
    if table.warning:
        warnings.warn(table.warning, DataWarning, stacklevel=stacklevel + 1)
    return table


def local_file(source: Source) -> Optional[Path]:
    """Return the file that is taken without a download, or None.

    Raise `DataNotFoundError` if a file was named that does not exist.
    """
    if source in ("auto", "real"):
        named: Source = os.environ.get(VARIABLE, "")
        said, hint = f"the environment variable {VARIABLE} is {named!r}", ""
        if not named:
            found = next((path for path in PLACES if os.path.isfile(path)), None)
            cached = cache_folder() / FILE_NAME
            return found or (cached if holds_the_books(cached) else None)
    elif isinstance(source, (str, os.PathLike)):
        named = source
        said, hint = f"source is {str(named)!r}", ' (and it is none of "auto", "real", "twin")'
    else:
        raise ArgumentError(f'source is {source!r}; use "auto", "real", "twin" or a path')
    path = file_of(named)
    if not os.path.exists(path):
        raise DataNotFoundError(f"{said}, but there is no file {path}{hint}")
    return path


def file_of(name: Source) -> Path:
    """Return the path of the data file, given its path or that of the folder that holds it."""
    path = Path(os.path.expanduser(name))
    return path / FILE_NAME if os.path.isdir(path) else path


def cache_folder() -> Path:
    """Return the folder for downloads in the user's cache, which may not exist yet.

    The path begins with ``~`` if the user has no home folder.
    """
    try:
        return Path(pooch.os_cache("gluonbook_ch7"))
    except RuntimeError:  # from recent platformdirs; older ones leave the ~
        return Path("~", ".cache", "gluonbook_ch7")


def fetch(
    timeout: Optional[float] = None, on_failure: Callable[[str], None] = lambda reason: None
) -> Path:
    """Return the real file in the user's cache; `download` it if it is missing or damaged."""
    folder = cache_folder()
    path = folder / FILE_NAME
    if holds_the_books(path):
        return path
    if not folder.is_absolute():
        raise DataNotFoundError(
            f"There is no home folder for the cache; set XDG_CACHE_HOME to a folder. {ADVICE}"
        )
    return download(folder, timeout=timeout, on_failure=on_failure)


def _download(try_again: bool) -> Path:
    """Return the real file, downloaded; after a failure only if `try_again`."""
    folder = cache_folder()
    if try_again or folder not in _failures:
        try:
            return fetch()
        except DataNotFoundError as error:
            _failures[folder] = str(error)
    copy = "only a damaged copy" if os.path.isfile(folder / FILE_NAME) else "nothing"
    raise DataNotFoundError(
        f"The real data set is not in data/ or ../data/, and there is {copy} in the cache. "
        f"{_failures[folder]}"
    )


def _read(path: Path, source: Source) -> Table:
    """Read a file, and decide by its content whether it is the book's."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    values, _ = parse(content, path, COLUMNS)
    if is_the_books(content):
        return Table(values, "real", f"the real data set, {path}")
    difference = f"{path} is not the book's data set, whose sha256 is {SHA256}"
    if source == "real":
        raise DataError(f"{difference}. Replace it by {UCI}.")
    warning = f"{difference}: its losses will not be the book's." if source == "auto" else ""
    return Table(values, "other", f"a file that is not the book's, {path}", warning)
