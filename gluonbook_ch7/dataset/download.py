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

VARIABLE = "GLUONBOOK_CH7_DATA"
ADVICE = f"Save {parse.UCI} as data/{parse.FILE_NAME}, or set {VARIABLE} to the path of your copy."

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
    on_failure: Callable[[str], None] = lambda reason: None,
) -> Path:
    """Download the data file into a folder, which is created.

    Raise `DataNotFoundError` if no address serves it, or the folder cannot be written to. The file
    appears under its name only when it is complete and its sha256 is right, so several processes
    may download into the same folder.

    Each address, by default those in `parse.ADDRESSES`, may take `timeout` seconds, by default
    `TIMEOUT`. `on_failure` is called with the reason when one has failed.
    """
    reasons = []
    for address in parse.ADDRESSES if addresses is None else addresses:
        try:
            content = _get(address, TIMEOUT if timeout is None else timeout)
        except _AddressError as error:
            reasons.append(f"{urlsplit(address).netloc}: {error}")
            on_failure(reasons[-1])
            continue
        try:
            return write_whole(folder / parse.FILE_NAME, content)
        except OSError as error:
            reason = f"Cannot write to {folder} ({error.strerror})."
            raise DataNotFoundError(f"{reason} {ADVICE}") from error
    raise DataNotFoundError(f"The download failed ({'; '.join(reasons)}). {ADVICE}")


def _get(address: str, seconds: float) -> bytes:
    """Return the file that an address serves; raise _AddressError if it is not the book's."""
    deadline = time.monotonic() + seconds
    content = bytearray()
    try:
        with requests.get(address, stream=True, timeout=seconds) as response:
            if not response.ok:
                raise _AddressError(f"{response.status_code} {response.reason}")
            for chunk in response.iter_content(CHUNK_SIZE):
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
        raise _AddressError(reason) from error
    if hashlib.sha256(content).hexdigest() != parse.SHA256:
        page = content.lstrip().startswith(b"<")
        raise _AddressError("a web page, not the file" if page else "another file (wrong sha256)")
    return bytes(content)


def _reason(error: requests.RequestException) -> str:
    """Return in a few words why there was no answer, or no whole one."""
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
