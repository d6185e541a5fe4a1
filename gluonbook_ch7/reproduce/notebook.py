"""Read a chapter file, a Jupyter notebook or notedown's Markdown, into one form.

In notedown's Markdown a fence with ``{.python .input  n=4}`` holds a code cell, and a fence with
``{.json .output n=4}`` right below it holds the cell's outputs.
"""

import ast
import hashlib
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from markdown_it import MarkdownIt
from nbformat import v4

from ..errors import DataNotFoundError, RecordError

# Functions of gluonbook before 0.7.8, when the chapter had other loops.
_EARLY = ("data_iter", "optimize", "semilogy")
# What follows the opening fence of a cell, such as "{.python .input  n=4}".
_CELL = re.compile(r"\{(?:[^}]*\s)?\.(input|output)(?=[\s}])(?:[^}]*?\bn=(\d{1,9})\b)?", re.ASCII)
# What lists a folder, and what IPython makes of a command of the system ("!pip install d2lzh").
_COMMAND = re.compile(
    r"get_ipython\(\)\.(system|getoutput|run_(line|cell)_magic\('(pip|conda|bash|sh|sx|system|ls)')"
    r"|\bos\.(listdir|scandir|walk)\(|\bi?glob\("
)
# The kinds of outputs and the field that each must have; nbformat has defaults for the rest.
_CONTENT = {"stream": "text", "display_data": "data", "execute_result": "data", "error": "ename"}


class Chapter(NamedTuple):
    """A chapter file as a notebook, with the recorded outputs."""

    path: Path
    sha256: str  # of the file's bytes, hexadecimal
    notebook: Any  # of format 4; metadata.chapter_line of a cell is its line in the Markdown


def read_chapter(path: Path) -> Chapter:
    """Read a chapter file: ``.ipynb`` as a notebook of format 4 or older, all else as notedown.

    Raises `RecordError`, with ``path:line:``, if it is not a chapter.
    """
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


def _parse_json(text: str, name: str, above: int, refusal: str) -> Any:
    """Parse JSON below line `above` of a file; refuse what could not be written again."""
    try:
        content = json.loads(text)
        json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        is_half = isinstance(error, UnicodeEncodeError)
        reason = "a string holds half a surrogate pair" if is_half else error
        line = max(above + getattr(error, "lineno", 0), 1)
        raise RecordError(f"{name}:{line}: {refusal} ({reason}); restore it") from error
    return content


def _parse_notebook(text: str, name: str) -> Any:
    """Parse a notebook of any format up to 4, and upgrade it to 4."""
    content = _parse_json(text, name, 0, "not a notebook, because not JSON")
    version = content.get("nbformat") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise RecordError(f"{name}:1: not a notebook; it names no nbformat")
    if not 1 <= version <= 4:
        raise RecordError(f"{name}:1: a notebook of format {version}; save it in format 4")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about cells without ids, which old notebooks have
            notebook = nbformat.convert(nbformat.reader.reads(text), 4)
            _tidy(notebook)
            nbformat.validate(notebook)
    except Exception as error:
        # A damaged notebook makes the upgrade fail in many ways.
        reason = str(error).partition("\n")[0] or type(error).__name__
        said = f"a damaged notebook of format {version} ({reason!r:.80})"
        raise RecordError(f"{name}:1: {said}; save it anew") from error
    return notebook


def _tidy(notebook: Any) -> None:
    """Correct what Jupyter puts up with: properties that are missing, or ids before format 4.5."""
    kernel = notebook.setdefault("metadata", nbformat.NotebookNode()).get("kernelspec", {})
    if "name" in kernel:
        kernel.setdefault("display_name", kernel["name"])
    known = {"cell_type", "metadata", "source"}
    if notebook.nbformat_minor >= 5:
        known.add("id")
    for cell in notebook.cells:
        cell.setdefault("metadata", {})
        own = {"attachments"}
        if cell.cell_type == "code":
            own = {"outputs", "execution_count"}
            cell.outputs = [_complete(each, "an output") for each in cell.get("outputs", [])]
            cell.setdefault("execution_count", None)
        for name in cell.keys() - known - own:
            del cell[name]


def parse_notedown(text: str, name: str) -> list[Any]:
    """Parse the Markdown of a file called `name` into cells of nbformat 4, in order.

    An output belongs to the input fence right above it, whatever their numbers. Fences without
    ``.input`` or ``.output`` are prose. Raises `RecordError`, with ``name:line:``.
    """
    lines = text.split("\n")
    cells: list[Any] = []
    done = 0  # lines
    for fence in MarkdownIt("zero").enable(["code", "fence"]).parse(text):
        if fence.type != "fence" or not fence.map:
            continue
        line, end = fence.map[0] + 1, fence.map[1]
        if not _is_closed(lines[line:end], fence.markup):
            raise RecordError(
                f"{name}:{line}: the fence is not closed; end it with a line {fence.markup}"
            )
        found = _CELL.search(fence.info)
        if not found:
            continue
        cells += _prose(lines, done, line - 1)
        done = end
        if found[1] == "input":
            count = int(found[2]) if found[2] else None
            # Ids of their own, so that two reruns write the same notebook.
            cell = v4.new_code_cell(fence.content[:-1], execution_count=count, id=f"line-{line}")
            cell.metadata.chapter_line = line
            cells.append(cell)
        elif not cells or cells[-1].cell_type != "code" or cells[-1].outputs:
            raise RecordError(
                f"{name}:{line}: the output follows no input; put it right below its code cell"
            )
        else:
            outputs = _parse_json(fence.content, name, line, "the output is not JSON")
            if not isinstance(outputs, list) or not all(isinstance(each, dict) for each in outputs):
                raise RecordError(f"{name}:{line}: the output must be a JSON list of objects")
            where = f"{name}:{cells[-1].metadata.chapter_line}: cell {len(cells)}: output"
            cells[-1].outputs = [
                _complete(each, f"{where} {i}") for i, each in enumerate(outputs, 1)
            ]
    return cells + _prose(lines, done, len(lines))


def _is_closed(block: list[str], fence: str) -> bool:
    """Return True if the lines below an opening fence end it, and no other cell begins there."""
    closing = block[-1].strip() if block else ""
    cells = [line for line in block if line.startswith(fence) and _CELL.search(line)]
    return closing.startswith(fence) and not closing.strip(fence[0]) and not cells


def _prose(lines: list[str], begin: int, end: int) -> list[Any]:
    """Return some of the lines as a cell without blank lines around it; none if all are blank."""
    source = "\n".join(lines[begin:end]).strip("\n")
    return [v4.new_markdown_cell(source, id=f"line-{begin + 1}")] if source.strip() else []


def _complete(output: dict[str, Any], where: str) -> Any:
    """Return an output with everything that nbformat 4 requires."""
    kind = output.get("output_type")
    if kind not in list(_CONTENT):
        raise RecordError(f"{where} has no output_type of {', '.join(_CONTENT)}")
    if output.get(_CONTENT[kind]) is None:
        raise RecordError(f"{where} has no {_CONTENT[kind]}")
    try:
        return v4.new_output(**output)
    except nbformat.ValidationError as error:
        reason = str(error).partition("\n")[0]
        raise RecordError(
            f"{where} holds a text or data of another form than nbformat 4's ({reason!r:.80})"
        ) from error


def why_unsupported(notebook: Any) -> str:
    """Return what a chapter is if its code cannot run here, or ''."""
    codes = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    names = [f"{name}." for code in codes for name in _names_in(code)]
    if any(name.startswith(("d2l.", "mxnet.np.", "mxnet.npx.")) for name in names):
        return (
            "a file of the book's second edition (d2l, mxnet.np), which is another book; this "
            "package runs the first edition's (gluonbook, d2lzh)"
        )
    early = [name for name in _EARLY if {f".gb.{name}.", f".gluonbook.{name}."} & set(names)]
    if early and any(name.startswith("gluonbook.") for name in names):
        return (
            f"a file of gluonbook before 0.7.8 (it uses {', '.join(early)}), when the chapter had "
            "other functions"
        )
    return ""


def runs_command(code: str) -> bool:
    """Return True if some code runs a command of the system, or lists a folder."""
    return bool(_COMMAND.search(TransformerManager().transform_cell(code)))


def _names_in(code: str) -> Iterator[str]:
    """Yield what some code imports, by its full name, and ``.gb.plt`` where it uses ``gb.plt``."""
    try:
        # Magic commands become calls.
        tree = ast.parse(TransformerManager().transform_cell(code))
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f".{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
