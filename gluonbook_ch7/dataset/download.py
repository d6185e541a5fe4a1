"""The download: the file from the first address that serves it, whole or not at all."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Callable, Optional
from urllib.parse import urlsplit

import pooch
import requests
from requests.exceptions import ChunkedEncodingError, HTTPError, ProxyError, TooManyRedirects

from ..errors import DataNotFoundError
from . import parse as table
from .parse import Source

__all__ = ["TIMEOUT", "download"]

TIMEOUT = 3.0
# The file has 60 thousand bytes. A server that sends more and more must not fill the memory.
MOST = 1_000_000


def download(
    folder: Source,
    addresses: Optional[Sequence[str]] = None,
    sha256: Optional[str] = None,
    timeout: Optional[float] = None,
    *,
    on_bytes: Callable[[int], None] = lambda count: None,
    on_failure: Callable[[str], None] = lambda reason: None,
) -> Path:
    """Download the real data set into a folder, from the first address that serves it.

    The file gets its name only once its sha256 is right, so nobody ever sees part of a download
    under that name, and several processes may download into the same folder. A process that is
    killed may leave an empty or partial file ``tmp...`` there, which does no harm.

    Parameters
    ----------
    folder : path
        Where the file goes; it is made if it is missing.
    addresses : sequence of str, optional
        The addresses to try, in this order; by default `table.ADDRESSES`.
    sha256 : str, optional
        The sum that the file must have; by default `table.SHA256`.
    timeout : float, optional
        How long each address may take for everything, in seconds; by default `TIMEOUT`.
    on_bytes : callable, optional
        Told how many bytes have come from the address that is being tried, from another thread.
    on_failure : callable, optional
        Told of each address that failed and why, when it has.

    Returns
    -------
    Path
        The file ``airfoil_self_noise.dat`` in `folder`.

    Raises
    ------
    DataNotFoundError
        No address served the file, or the folder cannot be written to; the message says why.
    """
    wanted = table.SHA256 if sha256 is None else sha256
    fetch = _fetch_within(TIMEOUT if timeout is None else timeout, on_bytes)
    reasons = []
    for address in table.ADDRESSES if addresses is None else addresses:
        try:
            return _retrieve(address, Path(folder), wanted, fetch)
        except _NotServed as error:
            reason = str(error)
        except ValueError:
            reason = "another file, whose sha256 is wrong"
        except OSError as error:
            why = error.strerror or "Permission denied"
            raise DataNotFoundError(f"Cannot write to {folder} ({why}).") from error
        reasons.append(f"{urlsplit(address).netloc}: {reason}")
        on_failure(reasons[-1])
    raise DataNotFoundError(f"The download failed ({'; '.join(reasons)}).")


_Downloader = Callable[[str, str, Any], None]


def _retrieve(address: str, folder: Path, sha256: str, fetch: _Downloader) -> Path:
    """Let pooch download one address to a temporary name, check it, and move it into place."""
    with _quiet(pooch.get_logger()):
        path = pooch.retrieve(
            address, known_hash=sha256, fname=table.FILE_NAME, path=folder, downloader=fetch
        )
    return Path(path)


class _NotServed(Exception):
    """An address that did not give a file; the message says why in a few words."""


class _Body(BytesIO):
    """What has come from an address so far."""

    def __init__(self, on_bytes: Callable[[int], None]) -> None:
        super().__init__()
        self._on_bytes = on_bytes

    def write(self, chunk: Any) -> int:
        if self.tell() + len(chunk) > MOST:
            raise _NotServed(f"another file, of more than {MOST:,} bytes")
        written = super().write(chunk)
        self._on_bytes(self.tell())
        return written


def _fetch_within(seconds: float, on_bytes: Callable[[int], None]) -> _Downloader:
    """Make a downloader for pooch that ends in time, whatever the server does.

    The time-out of requests starts anew with every packet and leaves out the look-up of the name,
    so the download runs in a thread that can be left behind. Only what is complete gets written.
    """

    def fetch(address: str, output_file: str, _: Any) -> None:
        body, errors = _Body(on_bytes), []

        def get() -> None:
            try:
                # Its own time-out is only what ends the thread, so it must not be the first.
                with requests.get(address, stream=True, timeout=2 * seconds) as response:
                    response.raise_for_status()
                    response.raw.enforce_content_length = True  # as urllib3 does from 2 on
                    for chunk in response.iter_content(1024):
                        body.write(chunk)
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=get, daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            received = body.tell()
            body.close()  # so the thread ends with the next packet
            raise _NotServed(_too_slow(received, seconds))
        if errors:
            raise _NotServed(_reason(errors[0], address)) from errors[0]
        content = body.getvalue()
        if content.lstrip()[:1] == b"<":
            raise _NotServed("a web page, not the file")
        Path(output_file).write_bytes(content)

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


def _too_slow(received: int, seconds: float) -> str:
    if received:
        return f"too slow: {received:,} bytes within {seconds:g} s"
    return f"no answer within {seconds:g} s"


def _reason(error: Exception, address: str) -> str:
    """Say in a few words why an address did not serve the file."""
    if isinstance(error, _NotServed):
        return str(error)
    if isinstance(error, HTTPError) and error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    if isinstance(error, TooManyRedirects):
        return "it redirects without end"
    if isinstance(error, ChunkedEncodingError):
        return "the connection was cut off before the end"
    last = urlsplit(getattr(getattr(error, "request", None), "url", None) or address).netloc
    way = f"it redirects to {last}: " if last != urlsplit(address).netloc else ""
    through = " through the proxy" if isinstance(error, ProxyError) else ""
    return f"{way}no connection{through} ({_in_the_systems_words(error)})"


def _in_the_systems_words(error: Exception) -> str:
    """Return what the operating system said, which requests and urllib3 have wrapped."""
    inner: Optional[BaseException] = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return type(error).__name__
