"""Files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path
from typing import Union

__all__ = ["write_whole"]


def write_whole(path: Union[str, "os.PathLike[str]"], content: Union[str, bytes]) -> Path:
    """Write a file so that nobody ever sees half of it; make its folder if need be.

    Parameters
    ----------
    path : str or os.PathLike
        Where to; a file that is there is replaced.
    content : str or bytes
        Text is written as UTF-8.

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
    content = content.encode() if isinstance(content, str) else content
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
