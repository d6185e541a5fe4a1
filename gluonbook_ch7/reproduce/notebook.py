"""Read a chapter file, a Jupyter notebook or notedown's Markdown, into one form."""

import importlib
import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from .._mxnet.install_hints import install_extra
from ..errors import DependencyError, RecordError
from .excerpt import brief
from .notedown import Cell, parse_json, parse_notedown, read_text
from .record import decode_outputs

__all__ = ["Chapter", "need_notebook_extra", "read_chapter"]

# What nbformat 4 requires of an output and a notedown file leaves out.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "stream": {"name": "stdout"},
    "display_data": {"metadata": {}},
    "execute_result": {"metadata": {}, "execution_count": None},
    "error": {"ename": "", "evalue": "", "traceback": []},
}


@dataclass(frozen=True)
class Chapter:
    """A chapter file.

    Attributes
    ----------
    path : Path
    sha256 : str
        The hexadecimal hash of the file's bytes.
    cells : tuple of Cell
        Prose and code, in order, with the recorded outputs.
    notebook : NotebookNode
        The same in nbformat 4, one cell for each of `cells`.
    """

    path: Path
    sha256: str
    cells: tuple[Cell, ...]
    notebook: Any


def need_notebook_extra() -> None:
    """Raise `DependencyError` with the command that installs the extra if it is missing."""
    try:
        for library in ("nbformat", "nbclient", "ipykernel", "jinja2", "latex2mathml"):
            importlib.import_module(library)
    except ImportError as error:
        raise DependencyError(
            f"rerunning a chapter file needs notebook libraries ({error}). Install them: "
            f"{install_extra('notebook')}"
        ) from error


def read_chapter(path: Union[str, "os.PathLike[str]"]) -> Chapter:
    """Read a chapter file: ``.ipynb`` as a notebook of format 4 or older, all else as notedown.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    RecordError
        If it is not a chapter; the message begins with ``path:line:``.
    DependencyError
        If the extra ``notebook`` is not installed.
    """
    path = Path(path)
    text, sha256 = read_text(path)
    need_notebook_extra()
    if path.suffix == ".ipynb":
        notebook = _parse_notebook(text, str(path))
        cells = [_as_cell(cell) for cell in notebook.cells]
    else:
        cells = parse_notedown(text, str(path))
        notebook = _as_notebook(cells)
    if not any(cell.kind == "code" for cell in cells):
        raise RecordError(f"{path}:1: not a chapter, no code cells")
    for number, cell in enumerate(cells, start=1):
        try:
            decode_outputs(cell.outputs)
        except RecordError as error:
            raise RecordError(f"{path}:{cell.line}: cell {number}: {error}") from error
    return Chapter(path, sha256, tuple(cells), notebook)


def _parse_notebook(text: str, name: str) -> Any:
    """Parse a notebook of any format up to 4, and upgrade it to 4."""
    import nbformat

    try:
        content = parse_json(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise RecordError(f"{name}:{line}: not a notebook, because not JSON ({error})") from error
    version = content.get("nbformat") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise RecordError(f"{name}:1: not a notebook; it names no nbformat")
    if not 1 <= version <= 4:
        raise RecordError(
            f"{name}:1: a notebook of format {brief(str(version))}; save it in format 4"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about cells without ids, which old notebooks have
            notebook = nbformat.convert(nbformat.reader.reads(text), 4)
            nbformat.validate(notebook)
    except Exception as error:
        # A damaged notebook makes the upgrade fail in many ways.
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        said = f"a damaged notebook of format {version} ({brief(reason)})"
        raise RecordError(f"{name}:1: {said}; save it anew") from error
    return notebook


def _as_cell(cell: Any) -> Cell:
    """Return a notebook's cell as a `Cell`."""
    if cell.cell_type != "code":
        return Cell(cell.cell_type, cell.source)
    count = cell.execution_count
    prompt = int(count) if count is not None and 0 <= count < 1e9 else None
    return Cell("code", cell.source, prompt, outputs=json.loads(json.dumps(cell.outputs)))


def _as_notebook(cells: list[Cell]) -> Any:
    """Return a chapter's cells as a notebook of format 4."""
    from nbformat import from_dict, v4

    notebook = v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )
    for number, cell in enumerate(cells):
        if cell.kind == "code":
            made = v4.new_code_cell(cell.source, execution_count=cell.prompt, id=f"cell-{number}")
            made.outputs = [
                from_dict({**_DEFAULTS.get(str(output.get("output_type")), {}), **output})
                for output in cell.outputs
            ]
        else:
            made = v4.new_markdown_cell(cell.source, id=f"cell-{number}")
        notebook.cells.append(made)
    return notebook
