"""Read a chapter file, a Jupyter notebook or notedown's Markdown, into one form."""

import ast
import hashlib
import importlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._mxnet.install_hints import install_extra
from ..errors import DataNotFoundError, DependencyError, RecordError

# Functions of gluonbook before 0.7.8, when the chapter had other loops.
EARLY = ("data_iter", "optimize", "semilogy")


@dataclass(frozen=True)
class Chapter:
    """A chapter file as a notebook of format 4, with the recorded outputs.

    A cell that comes from Markdown has the line on which it begins in ``metadata.chapter_line``.
    """

    path: Path
    sha256: str  # of the file's bytes, hexadecimal
    notebook: Any


def read_chapter(path: Path) -> Chapter:
    """Read a chapter file: ``.ipynb`` as a notebook of format 4 or older, all else as notedown.

    Raises `RecordError`, with ``path:line:``, if it is not a chapter; `DataNotFoundError` if there
    is no such file; `DependencyError` if the extra ``notebook`` is not installed.
    """
    try:
        for library in ("nbformat", "nbclient", "ipykernel", "jinja2", "latex2mathml"):
            importlib.import_module(library)
    except ImportError as error:
        raise DependencyError(
            f"rerunning a chapter file needs notebook libraries ({error}). Install them: "
            f"{install_extra('notebook')}"
        ) from error
    from nbformat import v4

    from .notedown import parse_notedown

    text, sha256 = read_text(path)
    if path.suffix == ".ipynb":
        notebook = _parse_notebook(text, str(path))
    else:
        kernel = {"name": "python3", "display_name": "Python 3"}
        cells = parse_notedown(text, str(path))
        notebook = v4.new_notebook(metadata={"kernelspec": kernel}, cells=cells)
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        raise RecordError(
            f"{path}:1: not a chapter, no code cells; in Markdown, one begins with a line "
            "```{.python .input}"
        )
    return Chapter(path, sha256, notebook)


def read_text(path: Path) -> tuple[str, str]:
    r"""Return the text of a UTF-8 file, with lines ended by ``\n``, and the file's SHA-256."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DataNotFoundError(f"{path}: no such file; give the path of a chapter file") from error
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RecordError(
            f"{path}:{line}: not UTF-8 at byte {error.start}; save the file as UTF-8"
        ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, hashlib.sha256(content).hexdigest()


def _parse_notebook(text: str, name: str) -> Any:
    """Parse a notebook of any format up to 4, and upgrade it to 4."""
    import nbformat

    from .notedown import parse_json

    try:
        content = parse_json(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise RecordError(f"{name}:{line}: not a notebook, because not JSON ({error})") from error
    version = content.get("nbformat") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise RecordError(f"{name}:1: not a notebook; it names no nbformat")
    if not 1 <= version <= 4:
        raise RecordError(f"{name}:1: a notebook of format {version}; save it in format 4")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about cells without ids, which old notebooks have
            notebook = nbformat.convert(nbformat.reader.reads(text), 4)
            nbformat.validate(notebook)
    except Exception as error:
        # A damaged notebook makes the upgrade fail in many ways.
        reason = str(error).partition("\n")[0] or type(error).__name__
        said = f"a damaged notebook of format {version} ({reason!r:.80})"
        raise RecordError(f"{name}:1: {said}; save it anew") from error
    return notebook


def why_unsupported(notebook: Any) -> str:
    """Return what a chapter is if its code cannot run here, or ''.

    The book has a second edition, with another package and NumPy's interface; and this chapter had
    an earlier form, until September 2018.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    names: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        try:
            # Magic commands become calls.
            tree = ast.parse(TransformerManager().transform_cell(cell.source))
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                names.add(str(node.module))
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Attribute):
                names.add(f".{node.attr}")
    if names & {"d2l", "mxnet.np", "mxnet.npx"}:
        return (
            "a file of the book's second edition (d2l, mxnet.np), which is another book; this "
            "package runs the first edition's (gluonbook, d2lzh)"
        )
    early = [name for name in EARLY if f".{name}" in names]
    if "gluonbook" in names and early:
        return (
            f"a file of gluonbook before 0.7.8 (it uses {', '.join(early)}), when the chapter had "
            "other functions"
        )
    return ""
