"""Report on the data file: the places that are searched, what is in them, and what a file is."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple, Optional

from ..errors import DataError, DataNotFoundError
from . import parse
from .download import VARIABLE
from .locate import PLACES, cache_folder, file_of, local_file


class Place(NamedTuple):
    """A place that is searched: the file it would have, what is there, whether that is used."""

    name: str
    path: Optional[Path]
    found: str
    used: bool


class Inspection(NamedTuple):
    """What a file is: kind "real" for the book's, "other" for another table, else "damaged"."""

    path: Path
    size: int
    sha256: str
    kind: str
    words: str


def places() -> list[Place]:
    """Return the places in the order in which ``source="auto"`` searches them.

    At most one is used: none if the file would be downloaded, or if the environment variable names
    a file that does not exist, which is an error.
    """
    named = os.environ.get(VARIABLE)
    paths = {
        VARIABLE: file_of(named) if named else None,
        **{f"{path.parent}/": path for path in PLACES},
        "the cache": cache_folder() / parse.FILE_NAME,
    }
    try:
        used = local_file("auto")
    except DataNotFoundError:
        used = None
    # The first, because two places may be the same folder.
    user = next((name for name, path in paths.items() if path and path == used), "")
    return [
        Place(name, path and Path(os.path.abspath(path)), _found(path), name == user)
        for name, path in paths.items()
    ]


def _found(path: Optional[Path]) -> str:
    if path is None:
        return "not set"
    if not os.path.exists(path):
        return "no file"
    return "the book's file" if parse.holds_the_books(path) else "another or a damaged file"


def inspect_file(path: Path) -> Inspection:
    """Read a file and say what it is; raise OSError if it cannot be read."""
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        rows = len(parse.parse(content, path, parse.COLUMNS)[0])
    except DataError as error:
        kind, words = "damaged", f"not the book's data set: {error}"
    else:
        kind = "other"
        words = f"a table of {rows:,} rows, not the book's, whose sha256 is {parse.SHA256}"
    if parse.is_the_books(content):
        kind, words = "real", "the book's data set"
        if sha256 != parse.SHA256:
            words += ", with other line ends or a byte order mark"
    return Inspection(path, len(content), sha256, kind, words)


def forget() -> list[Path]:
    """Remove the download from the cache, and its folder if that is empty then; return what went.

    Copies outside the cache are never touched.
    """
    folder = cache_folder()
    if not os.path.isdir(folder):
        return []
    # A process that was killed may have left a temporary file, which begins with a dot.
    removed = [path for path in folder.glob(f"*{parse.FILE_NAME}*") if path.is_file()]
    for path in removed:
        path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
        removed.append(folder)
    return removed
