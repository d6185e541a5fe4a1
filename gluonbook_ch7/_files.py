"""Files that are written completely or not at all."""

import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Union

AnyPath = Union[str, "os.PathLike[str]"]


def check_file(path: AnyPath) -> None:
    """Raise an OSError that names `path` if a file could not be written there."""
    path = Path(path)
    with _naming(path):
        if os.path.isdir(path) or is_device(path):
            with open(path, "wb", buffering=0) as device:  # which a folder refuses
                device.write(b"")
        else:
            check_folder(path.parent)


def check_folder(path: AnyPath) -> None:
    """Raise an OSError that names `path` if no file could be written there; create nothing."""
    with _naming(path):
        existing = Path(os.path.realpath(path))
        while not os.path.lexists(existing):
            existing = existing.parent
        with tempfile.TemporaryFile(dir=existing, buffering=0) as file:
            file.write(b"\0")


def write_whole(path: AnyPath, content: Union[str, bytes]) -> Path:
    """Write a file so that nobody ever sees half of it; create its folder if needed.

    A device, such as ``/dev/stdout``, is written to, not replaced. Text is encoded in UTF-8, lone
    surrogates as escapes. An OSError names `path`, and leaves a file that is there unchanged.
    """
    path = Path(path)
    if isinstance(content, str):
        content = content.encode("utf-8", errors="backslashreplace")
    with _naming(path):
        if is_device(path):
            path.write_bytes(content)
            return path
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
        try:
            temporary.write_bytes(content)
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return path


@contextmanager
def _naming(path: AnyPath) -> Iterator[None]:
    """Make an OSError name the path that the caller gave."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def is_device(path: AnyPath) -> bool:
    """Return True for what must be written to, not replaced: a device, a pipe."""
    in_dev = Path("/dev") in Path(os.path.abspath(path)).parents
    return os.path.exists(path) and (in_dev or not (os.path.isfile(path) or os.path.isdir(path)))


def write_json(path: AnyPath, content: Any) -> Path:
    """Write what `as_json` returns, completely or not at all."""
    return write_whole(path, as_json(content))


def as_json(content: Any) -> str:
    """Return strict JSON: a number that is not finite becomes null."""
    strict = json.loads(json.dumps(content), parse_constant=lambda name: None)
    return json.dumps(strict, ensure_ascii=False, indent=1) + "\n"
