"""The file: the airfoil table as it is published, how it is told from others, how it is read."""

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
# Some editors and spreadsheets begin a UTF-8 file with it.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Source = Union[str, "os.PathLike[str]"]


def is_the_books(content: bytes) -> bool:
    """Tell the book's file, even if an editor or git has changed how it begins or its lines end."""
    lines = b"".join(line + b"\r\n" for line in _lines(content))
    return hashlib.sha256(lines).hexdigest() == SHA256


def holds_the_books(path: Path) -> bool:
    """Tell whether there is a file, whole and readable, that is the book's."""
    try:
        return is_the_books(path.read_bytes())
    except OSError:
        return False


def parse(content: bytes, path: Path) -> npt.NDArray[np.float64]:
    """Read a table of six columns, separated by tabs, or in a line without tabs by spaces.

    Lines may end as on any system, and empty ones are passed over. Numbers are decimal, in ASCII
    and finite: ``1_000``, ``0x10`` and ``nan`` are none.

    Parameters
    ----------
    content : bytes
    path : Path
        The file's name, for what is said of it.

    Returns
    -------
    ndarray of shape (n, 6), float64

    Raises
    ------
    DataError
        The content is no such table; the message names the row, counted in lines of the file, and
        the column.
    """
    if b"\0" in content:
        raise DataError(f"{path} is not a text file in UTF-8 or ASCII")
    lines = enumerate(_lines(content), start=1)
    rows = [_parse_row(line, f"{path}, row {row}") for row, line in lines if line.strip()]
    if len(rows) < 2:
        raise DataError(f"{path} has {len(rows)} rows; there must be at least 2 to standardise")
    return np.array(rows)


def _lines(content: bytes) -> list[bytes]:
    """Return the lines without their ends and without a byte order mark."""
    if content.startswith(BYTE_ORDER_MARK):
        content = content[len(BYTE_ORDER_MARK) :]
    return content.splitlines()


def _parse_row(line: bytes, where: str) -> list[float]:
    """Return the six numbers of a line."""
    cells = line.split(b"\t") if b"\t" in line else line.split()
    if len(cells) < len(COLUMNS):
        missing = f"column {len(cells) + 1} ({COLUMNS[len(cells)]})"
        raise DataError(
            f"{where}: {missing} is missing; there must be {len(COLUMNS)}, tab-separated or with "
            "spaces between them"
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
    # Python alone reads 1_000 as a number; in a table it is more likely a slip of the pen.
    if not math.isfinite(number) or b"_" in cell:
        text = cell[:40].decode(errors="replace")
        raise DataError(f"{where}: {text!r} is not a finite number")
    return number
