"""The storage: which data file would be used, and the cache for downloads. Nothing is fetched."""

import os
from pathlib import Path

from .._mxnet.install_hints import put_aside
from ..dataset.inspection import inspect_file
from ..dataset.locate import VARIABLE, cache_folder, local_file
from ..dataset.parse import FILE_NAME, holds_the_books
from ..errors import GluonbookError
from .finding import Finding

__all__ = ["find_cache", "find_data"]

FETCH = "gluonbook-ch7 data fetch"
OTHER_CACHE = "export XDG_CACHE_HOME=FOLDER (one of yours, by its full path)"


def find_data() -> Finding:
    """Look for the file that would be used; where there is none the twin stands in."""
    named = os.environ.get(VARIABLE)
    cached = cache_folder() / FILE_NAME
    try:
        path = local_file("auto") or cached
        if path == cached and not holds_the_books(cached):
            says = "no file yet; it would be downloaded, or the moment twin would stand in"
            return Finding("data", "note", says, FETCH, {"kind": "none"})
        examined = inspect_file(path)
    except (GluonbookError, OSError) as error:
        command = f"unset {VARIABLE}" if named else ""
        return Finding("data", "fault", str(error), command, {"kind": "unreadable"})
    place = os.path.abspath(path)
    facts = {"path": place, "kind": examined.kind, "sha256": examined.sha256}
    says = f"{place} is {examined.words}"
    if examined.kind == "real":
        return Finding("data", "ok", says, "", facts)
    state = "fault" if examined.kind == "damaged" else "note"
    command = f"unset {VARIABLE}" if named else put_aside(place)
    return Finding("data", state, says, f"{command} && {FETCH}", facts)


def find_cache() -> Finding:
    """Look at the folder for downloads, without making it."""
    folder = cache_folder()
    nearest = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    usable = os.path.isdir(nearest) and os.access(nearest, os.W_OK | os.X_OK)
    writable = usable and folder.is_absolute()
    files = _sizes(folder)
    facts = {"folder": str(folder), "writable": writable, "files": files}
    if not folder.is_absolute():
        says = f"{folder} cannot be made, because there is no home folder"
        return Finding("cache", "note", says, OTHER_CACHE, facts)
    if not os.path.isdir(nearest):
        says = f"{folder} cannot be made, because {nearest} is not a folder"
        return Finding("cache", "note", says, put_aside(str(nearest)), facts)
    if not writable:
        says = f"{folder} cannot be used, because {nearest} cannot be written"
        return Finding("cache", "note", says, OTHER_CACHE, facts)
    listed = ", ".join(f"{name} ({size:,} bytes)" for name, size in files.items())
    return Finding("cache", "ok", f"{folder}, {listed or 'empty'}", "", facts)


def _sizes(folder: Path) -> dict[str, int]:
    try:
        return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    except OSError:
        return {}
