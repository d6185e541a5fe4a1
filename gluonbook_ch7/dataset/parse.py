"""Read the airfoil table, and recognise the book's copy of it."""

import hashlib
import math
import os
from collections.abc import Sequence
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
    "is_number",
    "is_the_books",
    "parse",
    "parse_table",
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
    rows = [
        _parse_row(line.split(b"\t") if b"\t" in line else line.split(), COLUMNS, where)
        for line, where in _numbered_lines(content, path)
    ]
    return _as_table(rows, path)


def parse_table(content: bytes, path: Path) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    """Read a table with any number of columns from 2 on; return its numbers and its header.

    Parameters
    ----------
    content : bytes
        Lines of as many decimal, finite numbers, separated by commas, tabs or spaces. A first line
        without any number is the header. Empty lines are skipped.
    path : Path
        Name of the file for error messages.

    Returns
    -------
    values : ndarray of shape (n, columns), float64
    header : tuple of str
        Empty without a header line.

    Raises
    ------
    DataError
        As for `parse`, or if there is a single column.
    """
    lines = [(_split(line), where) for line, where in _numbered_lines(content, path)]
    header: tuple[str, ...] = ()
    if lines and not any(map(is_number, lines[0][0])):
        cells, _ = lines.pop(0)
        header = tuple(cell.decode(errors="replace") for cell in cells)
    columns = len(header or lines[0][0]) if lines else 2
    if columns < 2:
        raise DataError(f"{path} has one column; at least 2 are needed, the last one the label")
    rows = [_parse_row(cells, header or ("",) * columns, where) for cells, where in lines]
    return _as_table(rows, path), header


def _split(line: bytes) -> list[bytes]:
    for separator in (b",", b"\t"):
        if separator in line:
            return [cell.strip().strip(b'"') for cell in line.split(separator)]
    return line.split()


def is_number(cell: bytes) -> bool:
    """Return True if Python can read the cell as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbered_lines(content: bytes, path: Path) -> list[tuple[bytes, str]]:
    """Return the lines that are not empty, each with where it is for error messages."""
    if b"\0" in content:
        raise DataError(f"{path} is not a text file in UTF-8 or ASCII")
    numbered = enumerate(_lines(content), start=1)
    return [(line, f"{path}, row {number}") for number, line in numbered if line.strip()]


def _as_table(rows: list[list[float]], path: Path) -> npt.NDArray[np.float64]:
    if len(rows) < 2:
        raise DataError(f"{path} has {len(rows)} rows; at least 2 are needed to standardise")
    return np.array(rows)


def _lines(content: bytes) -> list[bytes]:
    # Some editors and spreadsheets begin a UTF-8 file with a byte order mark.
    if content.startswith(BYTE_ORDER_MARK):
        content = content[len(BYTE_ORDER_MARK) :]
    return content.splitlines()


def _parse_row(cells: Sequence[bytes], names: Sequence[str], where: str) -> list[float]:
    """Return the numbers of a row; raise `DataError` unless there is one for each name."""
    columns = [f"column {i}{f' ({name})' if name else ''}" for i, name in enumerate(names, start=1)]
    if len(cells) < len(names):
        raise DataError(
            f"{where}: {columns[len(cells)]} is missing; there must be {len(names)} columns, "
            "separated by tabs or spaces"
        )
    if len(cells) > len(names):
        raise DataError(f"{where}: column {len(names) + 1} is one too many")
    return [_parse_number(cell, f"{where}, {column}") for cell, column in zip(cells, columns)]


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
