"""The places: what there is in each, which file would be taken, what is right or wrong with it."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple, Optional

from ..errors import DataError, DataNotFoundError
from . import parse as table
from .locate import PLACES, VARIABLE, cache_folder, local_file, meant
from .parse import FILE_NAME, holds_the_books, is_the_books, parse

__all__ = ["Examination", "Place", "examine", "file_at_hand", "forget", "places"]


class Place(NamedTuple):
    """A place that is looked at: the file that it would have, what is there, and if it is taken."""

    name: str
    path: Optional[Path]
    found: str
    taken: bool


class Examination(NamedTuple):
    """What a file is: "real" for the book's, "other" for another table, "damaged" for none."""

    path: Path
    size: int
    sha256: str
    kind: str
    words: str


def places() -> list[Place]:
    """Return the places in the order in which ``source="auto"`` looks at them.

    At most one is taken; none if a download would be tried, or if the environment variable names a
    file that is not there, which is an error.
    """
    named, cached = os.environ.get(VARIABLE), cache_folder() / FILE_NAME
    try:
        taken = local_file("auto") or (cached if holds_the_books(cached) else None)
    except DataNotFoundError:
        taken = None
    paths = {
        VARIABLE: meant(named) if named else None,
        **{f"{path.parent}/": path for path in PLACES},
        "the cache": cached,
    }
    taker = next((name for name, path in paths.items() if path and path == taken), None)
    return [
        Place(name, path and Path(os.path.abspath(path)), _found(path), name == taker)
        for name, path in paths.items()
    ]


def _found(path: Optional[Path]) -> str:
    if path is None:
        return "not set"
    if not os.path.exists(path):  # which, unlike Path's own, minds no folder that is closed to us
        return "no file"
    return "the book's file" if holds_the_books(path) else "another or a damaged file"


def file_at_hand() -> Path:
    """Return the file that would be taken, or that would be if it were not damaged.

    Raises
    ------
    DataNotFoundError
        There is none, or the environment variable names one that is not there.
    """
    path = local_file("auto") or cache_folder() / FILE_NAME
    if not os.path.exists(path):
        raise DataNotFoundError("There is no data file yet. Get it with: gluonbook-ch7 data fetch")
    return Path(os.path.abspath(path))


def examine(path: Path) -> Examination:
    """Tell what a file is.

    Raises
    ------
    OSError
        It cannot be read.
    """
    content = path.read_bytes()
    total = hashlib.sha256(content).hexdigest()
    kind, words = _judge(content, path, total)
    return Examination(path, len(content), total, kind, words)


def _judge(content: bytes, path: Path, total: str) -> tuple[str, str]:
    if is_the_books(content):
        other = "" if total == table.SHA256 else ", but for how it begins or its lines end"
        return "real", f"the book's data set{other}"
    try:
        rows = len(parse(content, path))
    except DataError as error:
        return "damaged", f"not the book's data set: {error}"
    return (
        "other",
        f"a table of {rows:,} rows, but not the book's, whose sha256 is {table.SHA256}",
    )


def forget() -> list[Path]:
    """Remove what downloads have left in the cache, and the folder if it is empty then.

    Returns
    -------
    list of Path
        What was removed. Copies outside the cache are never touched.
    """
    folder = cache_folder()
    if not os.path.isdir(folder):
        return []
    # pooch names what it has not finished tmp and some letters.
    removed = [path for path in (folder / FILE_NAME, *folder.glob("tmp*")) if path.is_file()]
    for path in removed:
        path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
        removed.append(folder)
    return removed
