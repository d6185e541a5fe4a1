"""The sources: where a table can come from, and which one is taken."""

import os
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np
import numpy.typing as npt
import pooch

from ..errors import ArgumentError, DataError, DataNotFoundError
from .download import download
from .parse import FILE_NAME, SHA256, UCI, Source, holds_the_books, is_the_books, parse
from .twin import moment_twin

__all__ = [
    "PLACES",
    "VARIABLE",
    "Table",
    "cache_folder",
    "choose",
    "fetch",
    "is_homeless",
    "local_file",
    "meant",
]

VARIABLE = "GLUONBOOK_CH7_DATA"
PLACES = (Path("data", FILE_NAME), Path("..", "data", FILE_NAME))

TWIN_ORIGIN = "the moment twin (random rows with the real data's correlations)"
WAY_OUT = f"Save {UCI} as data/{FILE_NAME}, or set {VARIABLE} to where you keep it."
# Why the download into a folder failed, so that one process waits for the network only once.
_failures: dict[Path, str] = {}


class Table(NamedTuple):
    """Six columns of numbers before they are standardised, and what there is to say about them."""

    values: npt.NDArray[np.float64]
    kind: str
    origin: str
    concern: str = ""


def choose(source: Source) -> Table:
    """Return the table that `source` asks for, from the first place that has it."""
    if source == "twin":
        return Table(moment_twin(), "twin", TWIN_ORIGIN)
    path = local_file(source)
    if path is None:
        try:
            path = _cached_file(try_again=source == "real")
        except DataNotFoundError as error:
            if source == "real":
                raise
            concern = f"{error} This is the moment twin instead: the same loss surface, other rows."
            return Table(moment_twin(), "twin", TWIN_ORIGIN, concern)
    return _read(path, source)


def local_file(source: Source) -> Optional[Path]:
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
    path = meant(name)
    if not os.path.exists(path):
        words = ' (and it is none of "auto", "real", "twin")' if namer == "source" else ""
        raise DataNotFoundError(f"{namer} is {str(name)!r}, but there is no file {path}{words}")
    return path


def meant(name: Source) -> Path:
    """Return the path of the file that a file's or a folder's path means."""
    path = Path(os.path.expanduser(name))
    return path / FILE_NAME if os.path.isdir(path) else path


def cache_folder() -> Path:
    """Return the folder of the user's cache that downloads go to; it need not exist yet.

    Where the user has no home, the path begins with ``~``.
    """
    try:
        return Path(pooch.os_cache("gluonbook_ch7"))
    except RuntimeError:  # from newer releases of platformdirs; older ones leave the ~
        return Path("~", ".cache", "gluonbook_ch7")


def is_homeless(folder: Path) -> bool:
    """Tell whether a folder belongs into a home that is not there, which is not ours to make."""
    home = Path(os.path.expanduser("~"))
    return home in folder.parents and not os.path.isdir(home)


def fetch(**options: Any) -> Path:
    """Return the real file in the user's cache, downloaded now if it is missing or damaged.

    Parameters
    ----------
    **options
        As in `download.download`.

    Raises
    ------
    DataNotFoundError
        The file could not be downloaded or kept; the message says why, and what to do.
    """
    folder = cache_folder()
    path = folder / FILE_NAME
    if holds_the_books(path):
        return path
    if is_homeless(folder):
        raise DataNotFoundError(
            f"There is no home folder for the cache {folder}; set HOME or XDG_CACHE_HOME to a "
            f"folder, by its full path. {WAY_OUT}"
        )
    try:
        return download(folder, **options)
    except DataNotFoundError as error:
        raise DataNotFoundError(f"{error} {WAY_OUT}") from error


def _cached_file(try_again: bool) -> Path:
    """Return the real file in the user's cache; after a failure fetch it only if asked to."""
    folder = cache_folder()
    path = folder / FILE_NAME
    if try_again or folder not in _failures or holds_the_books(path):
        try:
            return fetch()
        except DataNotFoundError as error:
            _failures[folder] = str(error)
    copy = "only a damaged copy" if os.path.isfile(path) else "nothing"
    raise DataNotFoundError(
        f"The real data set is not in data/ or ../data/, and there is {copy} in the cache. "
        f"{_failures[folder]}"
    )


def _read(path: Path, source: Source) -> Table:
    """Read a file, whose content decides whether it is the book's or another one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    values = parse(content, path)
    if is_the_books(content):
        return Table(values, "real", f"the real data set, {path}")
    difference = f"{path} is not the book's data set, whose sha256 is {SHA256}"
    if source == "real":
        raise DataError(f"{difference}. Put {UCI} in its place.")
    concern = f"{difference}: its losses will not be the book's." if source == "auto" else ""
    return Table(values, "other", f"a file that is not the book's, {path}", concern)
