"""The file: the airfoil table as it is published, where it can be had, and how it is read."""

import hashlib
import logging
import math
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Callable, Optional, Union
from urllib.parse import urlsplit

import numpy as np
import pooch
from requests.exceptions import HTTPError, Timeout

from .errors import DataError, DataNotFoundError

__all__ = [
    "ADDRESSES",
    "COLUMNS",
    "FILE_NAME",
    "SHA256",
    "UCI",
    "Source",
    "download",
    "holds_the_books",
    "is_the_books",
    "parse",
]

FILE_NAME = "airfoil_self_noise.dat"
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

Source = Union[str, "os.PathLike[str]"]


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


def is_the_books(content: bytes) -> bool:
    """Tell the book's file, even if an editor or git has changed how its lines end."""
    lines = b"".join(line + b"\r\n" for line in content.splitlines())
    return hashlib.sha256(lines).hexdigest() == SHA256


def holds_the_books(path: Path) -> bool:
    """Tell whether there is a file, whole and readable, that is the book's."""
    try:
        return is_the_books(path.read_bytes())
    except OSError:
        return False


def parse(content: bytes, path: Path) -> np.ndarray:
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
