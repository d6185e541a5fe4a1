"""Read a chapter file in notedown's Markdown: prose, code cells and their recorded outputs.

In notedown's Markdown a fence with ``{.python .input  n=4}`` holds a code cell, and a fence with
``{.json .output n=4}`` right below it holds what the cell put out.
"""

import json
import re
from typing import Any

from markdown_it import MarkdownIt
from nbformat import ValidationError, from_dict, v4, validate

from ..errors import RecordError

_PROMPT = re.compile(r"n=(\d{1,9})\b", re.ASCII)

# What nbformat 4 requires of an output and a notedown file leaves out.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "stream": {"name": "stdout"},
    "display_data": {"metadata": {}},
    "execute_result": {"metadata": {}, "execution_count": None},
    "error": {"ename": "", "evalue": "", "traceback": []},
}


def parse_json(text: str) -> Any:
    """Parse JSON text; raise ValueError if it is not JSON or cannot be written again."""
    try:
        content = json.loads(text)
        json.dumps(content, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("too many lists and objects within each other") from error
    except UnicodeEncodeError as error:
        raise ValueError("a string holds half a surrogate pair") from error
    return content


def parse_notedown(text: str, name: str) -> list[Any]:
    """Parse the Markdown of a file called `name` into cells of nbformat 4, in order.

    An output belongs to the input fence right above it, whatever their numbers. Fences without
    ``.input`` or ``.output`` are prose. The line of the file on which a cell or its fence begins is
    in the cell's ``metadata.chapter_line``. Raises `RecordError`, with ``name:line:``, if a fence
    is not closed or an output is not a JSON list of outputs or follows no input.
    """
    lines = text.split("\n")
    cells: list[Any] = []
    done = 0  # lines
    for fence in MarkdownIt("zero").enable(["code", "fence"]).parse(text):
        if fence.type != "fence" or not fence.map:
            continue
        begin, end = fence.map
        where = f"{name}:{begin + 1}"
        _check_closed(lines[begin:end], fence.markup, where)
        kind = _kind(fence.info)
        if not kind:
            continue
        cells += _prose(lines, done, begin)
        done = end
        source = "\n".join(lines[begin + 1 : end - 1])
        if kind == "input":
            prompt = _PROMPT.search(fence.info)
            count = int(prompt[1]) if prompt else None
            cells.append(v4.new_code_cell(source, execution_count=count, id=f"line-{begin + 1}"))
            cells[-1].metadata.chapter_line = begin + 1
            continue
        if not cells or cells[-1].cell_type != "code" or cells[-1].outputs:
            raise RecordError(
                f"{where}: the output follows no input; put it right below its code cell"
            )
        outputs = _parse_outputs(source, name, begin + 1)
        where = f"{name}:{cells[-1].metadata.chapter_line}: cell {len(cells)}"
        cells[-1].outputs = [
            _complete(output, f"{where}: output {number}")
            for number, output in enumerate(outputs, start=1)
        ]
    return cells + _prose(lines, done, len(lines))


def _kind(info: str) -> str:
    """Return "input", "output" or "" for the words behind an opening fence."""
    words = info.strip().strip("{}").split()
    return next((kind for kind in ("input", "output") if f".{kind}" in words), "")


def _check_closed(block: list[str], fence: str, where: str) -> None:
    """Raise an error if a fence has no closing line, or if it is that of the next cell."""
    closing = block[-1].strip()
    is_closed = closing.startswith(fence) and not closing.strip(fence[0])
    # A cell never holds another cell.
    cells = [line for line in block[1:] if line.startswith(fence) and _kind(line.strip(fence[0]))]
    if len(block) < 2 or cells or not is_closed:
        raise RecordError(f"{where}: the fence is not closed; end it with a line {fence}")


def _prose(lines: list[str], begin: int, end: int) -> list[Any]:
    """Return some lines as a cell, without the blank lines around it; none if all are blank."""
    filled = [number for number in range(begin, end) if lines[number].strip()]
    if not filled:
        return []
    source = "\n".join(lines[filled[0] : filled[-1] + 1])
    metadata = {"chapter_line": filled[0] + 1}
    return [v4.new_markdown_cell(source, id=f"line-{filled[0] + 1}", metadata=metadata)]


def _parse_outputs(source: str, name: str, line: int) -> list[dict[str, Any]]:
    try:
        outputs = parse_json(source)
    except ValueError as error:
        line += getattr(error, "lineno", 0)
        raise RecordError(
            f"{name}:{line}: the output is not JSON ({error}); restore it or remove its fence"
        ) from error
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        raise RecordError(f"{name}:{line}: the output must be a JSON list of objects")
    return outputs


def _complete(output: dict[str, Any], where: str) -> Any:
    """Return an output in the form of nbformat 4."""
    kind = output.get("output_type")
    if kind not in list(_DEFAULTS):
        raise RecordError(f"{where} has no output_type of {', '.join(_DEFAULTS)}")
    complete = from_dict({**_DEFAULTS[kind], **output})
    try:
        validate(complete, ref=kind, version=4)
    except ValidationError as error:
        reason = str(error).partition("\n")[0]
        raise RecordError(
            f"{where} holds a text or data of another form than nbformat 4's ({reason!r:.80})"
        ) from error
    return complete
