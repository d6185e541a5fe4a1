"""Files that are written whole or not at all."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Union

__all__ = ["as_json", "write_json", "write_whole"]


def write_whole(path: Union[str, "os.PathLike[str]"], content: Union[str, bytes]) -> Path:
    """Write a file so that nobody ever sees half of it; make its folder if need be.

    Parameters
    ----------
    path : str or os.PathLike
        Where to; a file that is there is replaced.
    content : str or bytes
        Text is written as UTF-8; half a character, which that cannot hold, as its escape.

    Returns
    -------
    Path
        The path.

    Raises
    ------
    OSError
        If the folder cannot be made or written; what was at `path` before is still there.
    """
    path = Path(path)
    if isinstance(content, str):
        content = content.encode("utf-8", errors="backslashreplace")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return path


def _umask() -> int:
    """Return the mask for new files, which mkstemp does not ask for."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Union[str, "os.PathLike[str]"], content: Any) -> Path:
    """Write what `as_json` returns, whole or not at all."""
    return write_whole(path, as_json(content))


def as_json(content: Any) -> str:
    """Return JSON that any reader takes: a number that is not finite becomes null."""
    return json.dumps(_finite(content), ensure_ascii=False, indent=1) + "\n"


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    if isinstance(content, float) and content - content != 0:
        return None
    return content
