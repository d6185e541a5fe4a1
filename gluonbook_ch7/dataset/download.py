"""Download the data file from the first address that serves it."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Callable, Optional
from urllib.parse import urlsplit

import requests

from .._files import write_whole
from ..errors import DataNotFoundError
from . import parse

__all__ = ["TIMEOUT", "download"]

TIMEOUT = 3.0
# In bytes: small, so that a server that sends a few bytes a second is stopped near the deadline.
CHUNK_SIZE = 16


class _AddressError(Exception):
    """Why an address did not serve the file, in a few words."""


def download(
    folder: Path,
    addresses: Optional[Sequence[str]] = None,
    timeout: Optional[float] = None,
    *,
    on_bytes: Callable[[int], None] = lambda count: None,
    on_failure: Callable[[str], None] = lambda reason: None,
) -> Path:
    """Download the data file into a folder.

    The file appears under its name only when it is complete and its sha256 is right, so several
    processes may download into the same folder.

    Parameters
    ----------
    folder : Path
        Folder for the file; created if it does not exist.
    addresses : sequence of str, optional
        Addresses to try, in this order; by default `parse.ADDRESSES`.
    timeout : float, optional
        Seconds that each address may take; by default `TIMEOUT`. A slow name server, or a server
        that sends a byte now and then, may take somewhat longer.
    on_bytes : callable, optional
        Called with the number of bytes received so far from the current address.
    on_failure : callable, optional
        Called with the reason when an address has failed.

    Returns
    -------
    Path
        The file ``airfoil_self_noise.dat`` in `folder`.

    Raises
    ------
    DataNotFoundError
        If no address serves the file, or the folder cannot be written to.
    """
    reasons = []
    for address in parse.ADDRESSES if addresses is None else addresses:
        try:
            content = _get(address, TIMEOUT if timeout is None else timeout, on_bytes)
        except _AddressError as error:
            reasons.append(f"{urlsplit(address).netloc}: {error}")
            on_failure(reasons[-1])
            continue
        try:
            return write_whole(folder / parse.FILE_NAME, content)
        except OSError as error:
            raise DataNotFoundError(f"Cannot write to {folder} ({error.strerror}).") from error
    raise DataNotFoundError(f"The download failed ({'; '.join(reasons)}).")


def _get(address: str, seconds: float, on_bytes: Callable[[int], None]) -> bytes:
    """Return the file that an address serves; raise _AddressError if it is not the book's."""
    deadline = time.monotonic() + seconds
    content = bytearray()
    try:
        with requests.get(address, stream=True, timeout=seconds) as response:
            response.raise_for_status()
            for chunk in response.iter_content(CHUNK_SIZE):
                content += chunk
                on_bytes(len(content))
                if time.monotonic() > deadline:
                    raise requests.Timeout
    except requests.RequestException as error:
        if time.monotonic() > deadline:
            raise _AddressError(_too_slow(len(content), seconds)) from error
        raise _AddressError(_reason(error)) from error
    if hashlib.sha256(content).hexdigest() != parse.SHA256:
        page = content.lstrip().startswith(b"<")
        raise _AddressError("a web page, not the file" if page else "another file (wrong sha256)")
    return bytes(content)


def _too_slow(received: int, seconds: float) -> str:
    if received:
        return f"too slow: {received:,} bytes in {seconds:g} s"
    return f"no answer within {seconds:g} s"


def _reason(error: requests.RequestException) -> str:
    """Return in a few words why a request failed."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.TooManyRedirects):
        return "too many redirects"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was closed before the end of the file"
    proxy = " through the proxy" if isinstance(error, requests.exceptions.ProxyError) else ""
    return f"no connection{proxy} ({_system_message(error)})"


def _system_message(error: BaseException) -> str:
    """Return the operating system's message, which requests and urllib3 have wrapped."""
    inner: Optional[BaseException] = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return type(error).__name__
