"""What a chapter file recorded, as numbers: what each cell printed, showed and drew.

The numbers of a section come with the package as JSON, made by ``scripts/decode_record.py``.
"""

import json
import re
import textwrap
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any, Optional

import numpy as np

from ..errors import DataNotFoundError, RecordError
from .svg import Axes, Figure, Polyline, decode_svg

__all__ = ["CellOutputs", "Record", "decode_outputs", "load_recorded"]

_OUTPUT_TYPES = ("stream", "display_data", "execute_result", "error")


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
            content = json.loads(text)
            cells = tuple(_cell_outputs(cell) for cell in content["cells"])
            return cls(content["source"], content["sha256"], cells)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise RecordError(
                f"not the JSON of a record ({type(error).__name__}: {error}); "
                "make it anew with scripts/decode_record.py"
            ) from error


def load_recorded(section: str = "rmsprop") -> Record:
    """Return the recorded numbers of a section of the chapter, as they came with the package.

    Raises
    ------
    DataNotFoundError
        If the package has no record of that section; the message names those it has.
    """
    folder = resources.files("gluonbook_ch7") / "recorded"
    try:
        text = (folder / f"{section}.json").read_text(encoding="utf-8")
    except OSError as error:
        sections = sorted(file.name[:-5] for file in folder.iterdir() if file.name.endswith("json"))
        raise DataNotFoundError(
            f"no record of section {section!r}; there is: {', '.join(sections) or 'none'}"
        ) from error
    return Record.from_json(text)


def _columns(vertices: np.ndarray) -> dict[str, list[float]]:
    return {"x": vertices[:, 0].tolist(), "y": vertices[:, 1].tolist()}


def _fill(numbers: "re.Match[str]") -> str:
    return "[" + textwrap.fill(" ".join(numbers[1].split()), 84, break_on_hyphens=False) + "]"


def _cell_outputs(content: dict[str, Any]) -> CellOutputs:
    figures = tuple(
        Figure(tuple(_axes(axes) for axes in figure["axes"]), figure["refusal"])
        for figure in content["figures"]
    )
    return CellOutputs(**{**content, "values": tuple(content["values"]), "figures": figures})


def _axes(content: dict[str, Any]) -> Axes:
    polylines = tuple(_polyline(polyline) for polyline in content["polylines"])
    ticks = {name: tuple(content[name]) for name in ("x_ticks", "y_ticks")}
    return Axes(**{**content, **ticks, "polylines": polylines})


def _polyline(content: dict[str, Any]) -> Polyline:
    columns = content["vertices"]["x"], content["vertices"]["y"]
    return Polyline(**{**content, "vertices": np.column_stack(columns).astype(np.float64)})


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
    shown = [output["data"] for output in outputs if "data" in output]
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
    if output["output_type"] == "stream":
        texts = [output.get("text")]
    elif output["output_type"] == "error":
        texts = []
    elif isinstance(output.get("data"), dict):
        texts = [text for kind, text in output["data"].items() if _is_textual(kind)]
    else:
        raise RecordError(f"{where} shows nothing: its 'data' must be an object")
    if not all(_is_text(text) for text in texts):
        raise RecordError(f"{where} holds a text that is neither a string nor a list of strings")


def _is_textual(kind: str) -> bool:
    return kind in ("text/plain", "image/svg+xml")


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
