"""Find the data file or download it, and load the table from the first place that has it."""

import os
import time
import warnings
from pathlib import Path
from typing import Callable, NamedTuple, Optional
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import requests

from .._files import AnyPath, write_whole
from ..errors import ArgumentError, DataError, DataNotFoundError, DataWarning
from . import parse
from .parse import FILE_NAME
from .twin import moment_twin

VARIABLE = "GLUONBOOK_CH7_DATA"
PLACES = (Path("data", FILE_NAME), Path("..", "data", FILE_NAME))
UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases/00291/airfoil_self_noise.dat"
ADDRESSES = (
    UCI,
    "http://d2l-data.s3-accelerate.amazonaws.com/airfoil_self_noise.dat",
    "https://raw.githubusercontent.com/d2l-ai/d2l-zh/275424e773b849a94a9d0902144390dad8776d1e/data/"
    "airfoil_self_noise.dat",
)
ADVICE = f"Save {UCI} as data/{FILE_NAME}, or set {VARIABLE} to the path of your copy."

# Seconds that each address may take, unless a download was asked for.
TIMEOUT = 3.0
# Why the download into a folder failed, so that a process waits for the network only once.
_failures: dict[Path, str] = {}


class Table(NamedTuple):
    """The airfoil table, not yet standardised."""

    values: npt.NDArray[np.float64]  # (n, 6)
    kind: str  # "real" for the book's data set, "twin" for the moment twin, else "other"
    origin: str  # the same in words, with the path of the file
    warning: str = ""  # what the user should know; empty if the data are what was asked for


def read_table(source: AnyPath = "auto", *, stacklevel: int = 2) -> Table:
    """Return the table; warn (`DataWarning`) if `source` is "auto" and it is not the book's."""
    table = choose(source)
    if table.warning:
        warnings.warn(table.warning, DataWarning, stacklevel=stacklevel + 1)
    return table


def choose(source: AnyPath) -> Table:
    """Return the table that `source` asks for, as `load_data_ch7` documents it."""
    twin = "the moment twin (random rows with the real data's correlations)"
    if source == "twin":
        return Table(moment_twin(), "twin", twin)
    path, folder = local_file(source), cache_folder()
    if path is None and (source == "real" or folder not in _failures):
        try:
            path = fetch(TIMEOUT)
        except DataNotFoundError as error:
            _failures[folder] = str(error)
    if path is not None:
        return _read(path, source)
    copy = "only a damaged copy" if os.path.isfile(folder / FILE_NAME) else "nothing"
    reason = (
        f"The real data set is not in data/ or ../data/, and there is {copy} in the cache. "
        f"{_failures[folder]}"
    )
    if source == "real":
        raise DataNotFoundError(reason)
    warning = f"{reason} Using the moment twin instead: the same loss surface, other rows."
    return Table(moment_twin(), "twin", twin, warning)


def _read(path: Path, source: AnyPath) -> Table:
    """Read a file, and decide by its content whether it is the book's."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    values, _ = parse.parse(content, path, parse.COLUMNS)
    if parse.is_the_books(content):
        return Table(values, "real", f"the real data set, {path}")
    difference = f"{path} is not the book's data set, whose sha256 is {parse.SHA256}"
    if source == "real":
        raise DataError(f"{difference}. Replace it by {UCI}.")
    warning = f"{difference}: its losses may not be the book's." if source == "auto" else ""
    return Table(values, "other", f"a file that is not the book's, {path}", warning)


def local_file(source: AnyPath = "auto") -> Optional[Path]:
    """Return the file that is taken without a download, or None.

    Raise `DataNotFoundError` if a file was named that does not exist.
    """
    if source in ("auto", "real"):
        named: AnyPath = os.environ.get(VARIABLE, "")
        if not named:
            cached = cache_folder() / FILE_NAME
            found = next(filter(os.path.isfile, PLACES), None)
            return found or (cached if parse.holds_the_books(cached) else None)
        said, hint = f"the environment variable {VARIABLE} is {named!r}", ""
    elif isinstance(source, (str, os.PathLike)):
        named = source
        said = f"the data are to come from {str(named)!r}"
        hint = ', and it is none of "auto", "real", "twin"'
    else:
        raise ArgumentError(f'source is {source!r}; use "auto", "real", "twin" or a path')
    path = file_of(named)
    if not os.path.exists(path):
        raise DataNotFoundError(f"{said}, but there is no file {path}{hint}")
    return path


def file_of(name: AnyPath) -> Path:
    """Return the path of the data file, given its path or that of the folder that holds it."""
    path = Path(os.path.expanduser(name))
    return path / FILE_NAME if os.path.isdir(path) else path


def cache_folder() -> Path:
    """Return the user's folder for the download; without a home, its path begins with ``~``."""
    folder = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(folder), "gluonbook_ch7")


def fetch(timeout: float, on_failure: Callable[[str], None] = lambda reason: None) -> Path:
    """Return the book's file in the user's cache; download it if it is missing or damaged.

    Raise `DataNotFoundError` if no address serves it within `timeout` seconds, or it cannot be
    written. `on_failure` is called with the reason when an address has failed.
    """
    path = cache_folder() / FILE_NAME
    if parse.holds_the_books(path):
        return path
    if not path.is_absolute():
        raise DataNotFoundError(
            f"There is no home folder for the cache; set XDG_CACHE_HOME to a folder. {ADVICE}"
        )
    hosts: dict[str, list[str]] = {}  # those that failed, by reason
    for address in ADDRESSES:
        host = urlsplit(address).netloc
        try:
            return write_whole(path, _download(address, timeout))
        except DataNotFoundError as error:
            hosts.setdefault(str(error), []).append(host)
            on_failure(f"{host}: {error}")
        except OSError as error:
            raise DataNotFoundError(
                f"Cannot write to {path.parent} ({error.strerror}). {ADVICE}"
            ) from error
    reasons = "; ".join(f"{', '.join(failed)}: {reason}" for reason, failed in hosts.items())
    raise DataNotFoundError(f"The download failed ({reasons}). {ADVICE}")


def _download(address: str, seconds: float) -> bytes:
    """Return the book's file; raise `DataNotFoundError` with the reason if it is not served."""
    deadline = time.monotonic() + seconds
    content = bytearray()
    try:
        with requests.get(address, stream=True, timeout=seconds) as response:
            if not response.ok:
                raise DataNotFoundError(f"{response.status_code} {response.reason}")
            # In small pieces, so that a server that drips is stopped near the deadline.
            for chunk in response.iter_content(chunk_size=16):
                content += chunk
                if time.monotonic() > deadline:
                    raise requests.Timeout
    except requests.RequestException as error:
        if time.monotonic() <= deadline:
            reason = _reason(error)
        elif content:
            reason = f"too slow: {len(content):,} bytes in {seconds:g} s"
        else:
            reason = f"no answer within {seconds:g} s"
        raise DataNotFoundError(reason) from error
    if parse.is_the_books(bytes(content)):
        return bytes(content)
    is_page = content.lstrip().startswith(b"<")
    raise DataNotFoundError(
        "a web page, not the file" if is_page else "another file (wrong sha256)"
    )


def _reason(error: requests.RequestException) -> str:
    """Return in a few words why there was no answer, or only part of one."""
    if isinstance(error, requests.TooManyRedirects):
        return "too many redirects"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was closed before the end of the file"
    proxy = " through the proxy" if isinstance(error, requests.exceptions.ProxyError) else ""
    # requests and urllib3 have wrapped the operating system's message.
    inner: Optional[BaseException] = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return f"no connection{proxy} ({inner.strerror})"
        inner = inner.__cause__ or inner.__context__
    return f"no connection{proxy} ({type(error).__name__})"


def forget() -> list[Path]:
    """Remove the download from the cache, and the folder if that empties it; return the paths."""
    folder = cache_folder()
    # A process that was killed may have left a temporary file, which begins with a dot.
    removed = [path for path in folder.glob(f"*{FILE_NAME}*") if path.is_file()]
    for path in removed:
        path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        removed.append(folder)
    return removed
