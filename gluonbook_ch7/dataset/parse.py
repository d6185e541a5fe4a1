"""Read and standardise the airfoil table, and recognise the book's copy of it."""

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DataError

FILE_NAME = "airfoil_self_noise.dat"
SHA256 = "74c75fd71783f1e6b71f8a622b993dc592897a97cd689c5090a07147a1b097b3"
COLUMNS = (
    "frequency",
    "angle of attack",
    "chord length",
    "free-stream velocity",
    "displacement thickness",
    "sound pressure level",
)


class Inspection(NamedTuple):
    """What a file is: kind "real" for the book's, "other" for another table, else "damaged"."""

    path: Path
    size: int
    sha256: str
    kind: str
    words: str

    def __str__(self) -> str:
        return f"{self.path}: {self.size:,} bytes, sha256 {self.sha256}"


def inspect_file(path: Path) -> Inspection:
    """Read a file and say what it is; raise OSError if it cannot be read."""
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if is_the_books(content):
        changes = "" if sha256 == SHA256 else ", with other line ends or a byte order mark"
        return Inspection(path, len(content), sha256, "real", f"the book's data set{changes}")
    try:
        rows = len(parse(content, path, COLUMNS)[0])
    except DataError as error:
        words = f"not the book's data set: {error}"
        return Inspection(path, len(content), sha256, "damaged", words)
    words = f"a table of {rows:,} rows, not the book's, whose sha256 is {SHA256}"
    return Inspection(path, len(content), sha256, "other", words)


def is_the_books(content: bytes) -> bool:
    """Return True if this is the book's file, whatever its line ends and byte order mark."""
    published = b"".join(line + b"\r\n" for line in lines_of(content))
    return hashlib.sha256(published).hexdigest() == SHA256


def holds_the_books(path: Path) -> bool:
    """Return True if the file can be read and is the book's."""
    try:
        return is_the_books(path.read_bytes())
    except OSError:
        return False


def parse(
    content: bytes, path: Path, names: Sequence[str] = ()
) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    """Read a table; return its numbers and the names of its columns.

    Every line has the same number of finite decimal numbers, separated by tabs, commas or spaces.
    Empty lines are skipped. Without `names` there may be 2 or more columns, and a first line
    without any number names them; the names are empty if there is none.

    Raise `DataError` for anything else, with the row, counted in lines of the file, and the column.
    """
    if b"\0" in content:
        raise DataError(f"{path} is not a text file in UTF-8 or ASCII")
    lines = enumerate(lines_of(content), start=1)
    rows = {f"{path}, row {number}": split(line) for number, line in lines if line.strip()}
    first = next(iter(rows.values()), [b"", b""])
    if not names and rows and not any(map(is_number, first)):
        names = [cell.decode(errors="replace") for cell in first]
        del rows[next(iter(rows))]
    if len(names or first) < 2:
        raise DataError(
            f"{path} has one column; at least 2 are needed, the last one the label, "
            "separated by tabs, commas or spaces"
        )
    columns = [f"column {i} ({name})" for i, name in enumerate(names, 1)]
    columns = columns or [f"column {i}" for i in range(1, len(first) + 1)]
    values = [_parse_row(where, cells, columns) for where, cells in rows.items()]
    if len(rows) < 2:
        raise DataError(f"{path} has {len(rows)} rows; at least 2 are needed to standardise")
    return np.array(values), tuple(names)


def standardise(
    values: npt.NDArray[np.float64], origin: str, names: Sequence[str] = COLUMNS
) -> npt.NDArray[np.float64]:
    """Return the columns with mean 0 and population standard deviation 1, float64.

    Raise `DataError` if a column's variance is zero or lost to rounding.
    """
    with np.errstate(all="ignore"):
        columns: npt.NDArray[np.float64] = (values - values.mean(axis=0)) / values.std(axis=0)
        # Judge the result: it shows where the mean or the variance was lost to rounding.
        usable = (abs(columns.mean(axis=0)) < 1e-6) & (abs(columns.std(axis=0) - 1) < 1e-6)
    if not usable.all():
        column = int(np.argmin(usable))
        name = f" ({names[column]})" if names else ""
        raise DataError(
            f"{origin}: column {column + 1}{name} cannot be standardised, because its numbers are "
            "all the same, or too close together, too large or too small for their variance"
        )
    return columns


def is_number(cell: bytes) -> bool:
    """Return True if Python can read the cell as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def lines_of(content: bytes) -> list[bytes]:
    """Return the lines, without the byte order mark with which some programs begin a file."""
    return content.removeprefix(b"\xef\xbb\xbf").splitlines()


def split(line: bytes) -> list[bytes]:
    """Split a line at its tabs, or else at its commas, or else at its spaces."""
    separator = next((each for each in (b"\t", b",") if each in line), None)
    return [_unquoted(cell.strip()) for cell in line.split(separator)]


def _unquoted(cell: bytes) -> bytes:
    # A separator inside quotes, as in "1,234", leaves half a pair, which is no number.
    is_quoted = len(cell) > 1 and cell.startswith(b'"') and cell.endswith(b'"')
    return cell[1:-1].strip() if is_quoted else cell


def _parse_row(where: str, cells: Sequence[bytes], columns: Sequence[str]) -> list[float]:
    """Return the numbers of a row; raise `DataError` unless there is one for each column."""
    if len(cells) < len(columns):
        raise DataError(
            f"{where}: {columns[len(cells)]} is missing; there must be {len(columns)} columns, "
            "separated by tabs, commas or spaces"
        )
    if len(cells) > len(columns):
        raise DataError(f"{where}: column {len(columns) + 1} is one too many")
    for cell, column in zip(cells, columns):
        # Python reads 1_000 as a number; in a table it is more likely a typo.
        if not is_number(cell) or not math.isfinite(float(cell)) or b"_" in cell:
            text = cell[:40].decode(errors="replace")
            raise DataError(f"{where}, {column}: {text!r} is not a finite number")
    return list(map(float, cells))
