"""What a chapter file recorded, as numbers: what each cell printed, showed and drew.

The numbers of a section come with the package as JSON, made by ``scripts/decode_record.py``.
"""

import json
import math
import re
import textwrap
from dataclasses import asdict, dataclass, is_dataclass
from importlib import resources
from typing import Any, Optional, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from ..errors import DataNotFoundError, RecordError
from .notedown import parse_json
from .svg import Figure, Polyline, decode_svg

__all__ = ["CellOutputs", "Record", "decode_outputs", "load_recorded"]

_SHOWN = ("display_data", "execute_result")
_OUTPUT_TYPES = ("stream", *_SHOWN, "error")
_VERTICES = get_type_hints(Polyline)["vertices"]


@dataclass(frozen=True)
class CellOutputs:
    """Everything that one cell put out.

    Attributes
    ----------
    prompt : int or None
        The cell's number in the chapter file; not unique there.
    text : str
        What it printed to stdout.
    values : tuple of str
        The text form of each displayed result that is not a figure.
    figures : tuple of Figure
        Its figures, in order.
    error : str
        The exception that ended it, as ``'Name: message'``, or ``''``.
    wrote_stderr : bool
        Whether it wrote to stderr. The words are left out: they are those of one machine.
    """

    prompt: Optional[int] = None
    text: str = ""
    values: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    error: str = ""
    wrote_stderr: bool = False


@dataclass(frozen=True)
class Record:
    """What a chapter file recorded: one `CellOutputs` for each cell that put something out.

    ``source`` is the file's name and ``sha256`` the hexadecimal hash of its bytes.
    """

    source: str
    sha256: str
    cells: tuple[CellOutputs, ...]

    def to_json(self) -> str:
        """Return the record as JSON text; `from_json` gives back an equal record."""
        text = json.dumps(
            asdict(self), default=_columns, ensure_ascii=False, allow_nan=False, indent=1
        )
        # A list without lists in it fills its lines. Inside a JSON string no line ever breaks.
        return re.sub(r"\[\n([^\[\]{}\"]*)\]", _fill, text) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read a record that `to_json` wrote.

        Raises
        ------
        RecordError
            If the text is not JSON, or not that of a record.
        """
        try:
            record: Record = _built(cls, parse_json(text), "the record")
        except ValueError as error:
            raise RecordError(
                f"not the JSON of a record ({error}); make it anew with scripts/decode_record.py"
            ) from error
        return record


def load_recorded(section: str = "rmsprop") -> Record:
    """Return the recorded numbers of a section of the chapter, as they came with the package.

    Raises
    ------
    DataNotFoundError
        If the package has no record of that section; the message names those it has.
    RecordError
        If the installed record is damaged, or there is none at all.
    """
    folder = resources.files("gluonbook_ch7") / "recorded"
    files = folder.iterdir() if folder.is_dir() else ()
    sections = sorted(file.name[:-5] for file in files if file.name.endswith(".json"))
    if sections and section not in sections:
        raise DataNotFoundError(
            f"no record of section {section!r}; there is: {', '.join(sections)}"
        )
    try:
        return Record.from_json((folder / f"{section}.json").read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise RecordError(
            f"the recorded numbers of section {section!r} are missing from this installation or "
            "damaged; reinstall gluonbook_ch7"
        ) from error


def _columns(vertices: npt.NDArray[np.float64]) -> dict[str, list[float]]:
    return {"x": vertices[:, 0].tolist(), "y": vertices[:, 1].tolist()}


def _fill(numbers: "re.Match[str]") -> str:
    return "[" + textwrap.fill(" ".join(numbers[1].split()), 84, break_on_hyphens=False) + "]"


def _built(kind: Any, content: Any, place: str) -> Any:
    """Return JSON content as the kind of thing that a type hint says; `place` is where it stands.

    Raises
    ------
    RecordError
        If it is of another kind; the message names the place.
    """
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        if isinstance(content, dict) and content.keys() == hints.keys():
            parts = {name: _built(hints[name], content[name], f"{place}.{name}") for name in hints}
            return kind(**parts)
    elif kind == _VERTICES:
        columns = _built(_Columns, content, place)
        if 0 < len(columns.x) == len(columns.y):
            return np.column_stack([columns.x, columns.y])
    elif get_origin(kind) is tuple:
        if isinstance(content, list):
            one = get_args(kind)[0]
            return tuple(_built(one, each, f"{place}[{i}]") for i, each in enumerate(content))
    elif type(content) in (get_args(kind) or (kind,)) and (
        kind is not float or math.isfinite(content)
    ):
        return content
    raise RecordError(f"{place} is not what it should be")


@dataclass(frozen=True)
class _Columns:
    """Vertices as JSON holds them."""

    x: tuple[float, ...]
    y: tuple[float, ...]


# --- The outputs of a cell ----------------------------------------------------------------------


def decode_outputs(outputs: list[dict[str, Any]], prompt: Optional[int] = None) -> CellOutputs:
    """Read the outputs of one cell, as a notebook or a notedown file stores them.

    Parameters
    ----------
    outputs : list of dict
        Outputs in the form of nbformat 4: ``stream``, ``display_data``, ``execute_result``,
        ``error``. A text may be one string or a list of strings.
    prompt : int, optional
        The cell's number.

    Returns
    -------
    CellOutputs
        A figure that cannot be read is in it, in its place, with its ``refusal``.

    Raises
    ------
    RecordError
        If an output is not of that form; the message counts the outputs from 1.
    """
    for number, output in enumerate(outputs, start=1):
        _check_output(output, f"output {number}")
    streams = [output for output in outputs if output["output_type"] == "stream"]
    shown = [output["data"] for output in outputs if output["output_type"] in _SHOWN]
    errors = [output for output in outputs if output["output_type"] == "error"]
    return CellOutputs(
        prompt=prompt,
        text="".join(_joined(output["text"]) for output in streams if not _is_stderr(output)),
        values=tuple(
            _joined(data["text/plain"])
            for data in shown
            if "text/plain" in data and not _is_figure(data)
        ),
        figures=tuple(_decode_figure(data) for data in shown if _is_figure(data)),
        error="\n".join(f"{output.get('ename')}: {output.get('evalue')}" for output in errors),
        wrote_stderr=any(_is_stderr(output) for output in streams),
    )


def _check_output(output: Any, where: str) -> None:
    """Refuse an output that has not the form of nbformat 4."""
    if not isinstance(output, dict) or output.get("output_type") not in _OUTPUT_TYPES:
        raise RecordError(f"{where} has no output_type of {', '.join(_OUTPUT_TYPES)}")
    data = output.get("data", None if output["output_type"] in _SHOWN else {})
    if not isinstance(data, dict):
        raise RecordError(f"{where} shows nothing: its 'data' must be an object")
    texts = [text for kind, text in data.items() if kind.startswith(("text/", "image/"))]
    if output["output_type"] == "stream":
        texts += [output.get("name", "stdout"), output.get("text")]
    if output["output_type"] == "error":
        texts.append(output.get("traceback", []))
    if not all(_is_text(text) for text in texts):
        raise RecordError(f"{where} holds a text that is neither a string nor a list of strings")


def _is_text(text: Any) -> bool:
    lines = text if isinstance(text, list) else [text]
    return all(isinstance(line, str) for line in lines)


def _is_stderr(output: dict[str, Any]) -> bool:
    return output.get("name") == "stderr"


def _is_figure(data: dict[str, Any]) -> bool:
    return any(kind.startswith("image/") for kind in data)


def _joined(text: Any) -> str:
    return "".join(text)


def _decode_figure(data: dict[str, Any]) -> Figure:
    if "image/svg+xml" not in data:
        return Figure((), refusal="the figure is a bitmap; only SVG can be read")
    try:
        return decode_svg(_joined(data["image/svg+xml"]))
    except RecordError as error:
        return Figure((), refusal=str(error))
