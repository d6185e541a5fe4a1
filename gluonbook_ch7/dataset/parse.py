"""Read the airfoil table, and recognise the book's copy of it."""

import hashlib
import math
import os
from pathlib import Path
from typing import Union

import numpy as np
import numpy.typing as npt

from ..errors import DataError

__all__ = [
    "ADDRESSES",
    "COLUMNS",
    "FILE_NAME",
    "SHA256",
    "SIZE",
    "UCI",
    "Source",
    "holds_the_books",
    "is_the_books",
    "parse",
]

FILE_NAME = "airfoil_self_noise.dat"
SIZE = 59_984  # bytes
SHA256 = "74c75fd71783f1e6b71f8a622b993dc592897a97cd689c5090a07147a1b097b3"
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
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Source = Union[str, "os.PathLike[str]"]


def is_the_books(content: bytes) -> bool:
    """Return True if this is the book's file, whatever its line ends and byte order mark."""
    published = b"".join(line + b"\r\n" for line in _lines(content))
    return hashlib.sha256(published).hexdigest() == SHA256


def holds_the_books(path: Path) -> bool:
    """Return True if the file can be read and is the book's."""
    try:
        return is_the_books(path.read_bytes())
    except OSError:
        return False


def parse(content: bytes, path: Path) -> npt.NDArray[np.float64]:
    """Read a table with six columns, separated by tabs or by spaces.

    Parameters
    ----------
    content : bytes
        Lines of six decimal, finite numbers in ASCII. Empty lines are skipped.
    path : Path
        Name of the file for error messages.

    Returns
    -------
    ndarray of shape (n, 6), float64

    Raises
    ------
    DataError
        If the content is not such a table. The message names the row, counted in lines of the
        file, and the column.
    """
    if b"\0" in content:
        raise DataError(f"{path} is not a text file in UTF-8 or ASCII")
    rows = []
    for number, line in enumerate(_lines(content), start=1):
        if line.strip():
            rows.append(_parse_row(line, f"{path}, row {number}"))
    if len(rows) < 2:
        raise DataError(f"{path} has {len(rows)} rows; at least 2 are needed to standardise")
    return np.array(rows)


def _lines(content: bytes) -> list[bytes]:
    # Some editors and spreadsheets begin a UTF-8 file with a byte order mark.
    if content.startswith(BYTE_ORDER_MARK):
        content = content[len(BYTE_ORDER_MARK) :]
    return content.splitlines()


def _parse_row(line: bytes, where: str) -> list[float]:
    cells = line.split(b"\t") if b"\t" in line else line.split()
    if len(cells) < len(COLUMNS):
        raise DataError(
            f"{where}: column {len(cells) + 1} ({COLUMNS[len(cells)]}) is missing; there must be "
            f"{len(COLUMNS)} columns, separated by tabs or spaces"
        )
    if len(cells) > len(COLUMNS):
        raise DataError(f"{where}: column {len(COLUMNS) + 1} is one too many")
    return [
        _parse_number(cell, f"{where}, column {column} ({name})")
        for column, (cell, name) in enumerate(zip(cells, COLUMNS), start=1)
    ]


def _parse_number(cell: bytes, where: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    # Python reads 1_000 as a number; in a table it is more likely a typing error.
    if not math.isfinite(number) or b"_" in cell:
        text = cell[:40].decode(errors="replace")
        raise DataError(f"{where}: {text!r} is not a finite number")
    return number
