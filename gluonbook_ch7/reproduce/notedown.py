"""Read a chapter file in notedown's Markdown: prose, code cells and their recorded outputs.

In notedown's Markdown a fence with ``{.python .input  n=4}`` holds a code cell, and a fence with
``{.json .output n=4}`` right below it holds what the cell put out.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Optional, Union

from ..errors import DataNotFoundError, RecordError
from .excerpt import brief

__all__ = ["Cell", "parse_json", "parse_notedown", "read_text"]

# The fence is all of its characters, so that a long line is matched in linear time.
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}(?!`)|~{3,}(?!~))(?P<info>[^`]*)")
_ATTRIBUTES = re.compile(r"\s*\{(?P<words>[^}]*)\}\s*")
_PROMPT = re.compile(r"n=(\d{1,9})\b", re.ASCII)


@dataclass(frozen=True)
class Cell:
    """One cell of a chapter.

    Attributes
    ----------
    kind : str
        ``'markdown'`` or ``'code'``.
    source : str
        Its text; prose without the blank lines around it.
    prompt : int or None
        The number of a code cell in the file; not unique there.
    line : int
        The line of the file on which it begins, counted from 1; for code the line of its fence.
    outputs : list of dict
        What the cell put out, in the form of nbformat 4.
    """

    kind: str
    source: str
    prompt: Optional[int] = None
    line: int = 1
    outputs: list[dict[str, Any]] = field(default_factory=list)


def read_text(path: Union[str, "os.PathLike[str]"]) -> tuple[str, str]:
    r"""Return the text of a UTF-8 file, with lines ended by ``\n``, and the file's SHA-256.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    RecordError
        If the file cannot be read or is not UTF-8; the message gives the line and the byte.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
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
    return text.replace("\r\n", "\n"), hashlib.sha256(content).hexdigest()


def parse_json(text: str) -> Any:
    """Parse JSON text.

    Raises
    ------
    ValueError
        If it is not JSON, or one of its strings holds half a surrogate pair, which can neither be
        printed nor written to a file.
    """
    try:
        content = json.loads(text)
        json.dumps(content, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("too many lists and objects within each other") from error
    except UnicodeEncodeError as error:
        raise ValueError("a string holds half a surrogate pair") from error
    return content


def parse_notedown(text: str, name: str) -> list[Cell]:
    """Parse notedown's Markdown into cells, in order.

    An output belongs to the input fence right above it, whatever their numbers. Fences without
    ``.input`` or ``.output`` are prose.

    Parameters
    ----------
    text : str
        The whole file.
    name : str
        The file's name, for messages.

    Raises
    ------
    RecordError
        If a fence is not closed, an output is not a JSON list of objects or follows no input, or
        there is no code at all. The message begins with ``name:line:``.
    """
    cells: list[Cell] = []
    for block in _blocks(text.split("\n"), name):
        if block.kind == "output":
            if not cells or cells[-1].kind != "code" or cells[-1].outputs:
                raise RecordError(
                    f"{name}:{block.line}: the output follows no input; put it right below its "
                    "code cell"
                )
            cells[-1].outputs.extend(_outputs(block, name))
        elif block.kind == "input":
            prompt = _PROMPT.search(block.info)
            number = int(prompt[1]) if prompt else None
            cells.append(Cell("code", block.source, number, block.line))
        elif block.source:
            cells.append(Cell("markdown", block.source, None, block.line))
    if not any(cell.kind == "code" for cell in cells):
        raise RecordError(
            f"{name}:1: not a chapter, no code cells; a code cell begins with ```{{.python .input}}"
        )
    return cells


@dataclass(frozen=True)
class _Block:
    """A stretch of the file: 'prose', or the content of an 'input' or 'output' fence."""

    kind: str
    source: str
    line: int
    info: str = ""


def _blocks(lines: list[str], name: str) -> Iterator[_Block]:
    """Cut a file into prose, inputs and outputs; prose may be empty."""
    start = index = 0
    while index < len(lines):
        opening = _FENCE.fullmatch(lines[index])
        if not opening:
            index += 1
            continue
        end = _closing(lines, index, opening["fence"], name)
        kind = _kind(opening["info"])
        if kind != "prose":
            yield _prose(lines, start, index)
            yield _Block(kind, "\n".join(lines[index + 1 : end]), index + 1, opening["info"])
            start = end + 1
        index = end + 1
    yield _prose(lines, start, len(lines))


def _kind(info: str) -> str:
    """Return 'input', 'output' or 'prose' for the words behind an opening fence."""
    attributes = _ATTRIBUTES.fullmatch(info)
    words = attributes["words"].split() if attributes else []
    return next((kind for kind in ("input", "output") if f".{kind}" in words), "prose")


def _closing(lines: list[str], opening: int, fence: str, name: str) -> int:
    """Return the index of the line that closes the fence opened at index `opening`."""
    for index in range(opening + 1, len(lines)):
        other = _FENCE.fullmatch(lines[index])
        if other and other["fence"].startswith(fence) and not other["info"].strip():
            return index
        # A cell never holds another cell, so the closing line of this one was forgotten.
        if other and other["fence"] == fence and _kind(other["info"]) != "prose":
            break
    raise RecordError(
        f"{name}:{opening + 1}: the fence is not closed; end it with a line {brief(fence)}"
    )


def _prose(lines: list[str], start: int, end: int) -> _Block:
    """Return the prose of lines `start` to `end`, without the blank lines around it."""
    while start < end and not lines[start].strip():
        start += 1
    while start < end and not lines[end - 1].strip():
        end -= 1
    return _Block("prose", "\n".join(lines[start:end]), start + 1)


def _outputs(block: _Block, name: str) -> list[dict[str, Any]]:
    try:
        outputs = parse_json(block.source)
    except ValueError as error:
        line = block.line + getattr(error, "lineno", 0)
        raise RecordError(
            f"{name}:{line}: the output is not JSON ({error}); restore it or remove its fence"
        ) from error
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        raise RecordError(f"{name}:{block.line}: the output must be a JSON list of objects")
    return outputs
