"""What a chapter file recorded, as numbers: what each cell printed, showed and drew.

The numbers of a section come with the package as JSON, written by ``scripts/decode_record.py``.
"""

import json
from dataclasses import asdict, dataclass, replace
from importlib import resources
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from ..errors import DataNotFoundError, RecordError
from .svg import Axes, Figure, Polyline, decode_svg

__all__ = ["CellOutputs", "Record", "decode_outputs", "load_recorded"]

_SHOWN = ("display_data", "execute_result")
_OUTPUT_TYPES = ("stream", *_SHOWN, "error")


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
        """Return the record as JSON text, a cell on a line; `from_json` reads it back."""
        cells = [
            json.dumps(asdict(cell), default=_columns, ensure_ascii=False) for cell in self.cells
        ]
        head = f'{{"source": {json.dumps(self.source)}, "sha256": {json.dumps(self.sha256)},'
        return f'{head} "cells": [\n' + ",\n".join(cells) + "\n]}\n"

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read a record that `to_json` wrote; raise `RecordError` if the text is not one."""
        try:
            content = json.loads(text)
            cells = tuple(_cell_from(cell) for cell in content["cells"])
            return cls(content["source"], content["sha256"], cells)
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(
                f"not the JSON of a record ({error}); make it again with scripts/decode_record.py"
            ) from error


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


def _cell_from(cell: dict[str, Any]) -> CellOutputs:
    figures = tuple(
        Figure(**{**figure, "axes": tuple(_axes_from(axes) for axes in figure["axes"])})
        for figure in cell["figures"]
    )
    return CellOutputs(**{**cell, "values": tuple(cell["values"]), "figures": figures})


def _axes_from(axes: dict[str, Any]) -> Axes:
    names = ("x_ticks", "y_ticks", "units", "left_out")
    polylines = tuple(_polyline_from(**line) for line in axes["polylines"])
    return Axes(**{**axes, **{name: tuple(axes[name]) for name in names}, "polylines": polylines})


def _polyline_from(vertices: dict[str, list[float]], **look: Any) -> Polyline:
    return Polyline(np.column_stack([vertices["x"], vertices["y"]]), **look)


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
        A figure that cannot be read is in its place, with its ``refusal``.

    Raises
    ------
    RecordError
        If an output is not of that form; the message counts the outputs from 1.
    """
    for count, output in enumerate(outputs, start=1):
        _check_output(output, f"output {count}")
    streams = [output for output in outputs if output["output_type"] == "stream"]
    shown = [output["data"] for output in outputs if output["output_type"] in _SHOWN]
    errors = [output for output in outputs if output["output_type"] == "error"]
    return CellOutputs(
        prompt=prompt,
        text="".join("".join(each["text"]) for each in streams if each.get("name") != "stderr"),
        values=tuple(
            "".join(data["text/plain"])
            for data in shown
            if "text/plain" in data and not _is_figure(data)
        ),
        figures=tuple(_decode_figure(data) for data in shown if _is_figure(data)),
        error="\n".join(f"{output.get('ename')}: {output.get('evalue')}" for output in errors),
        wrote_stderr=any(output.get("name") == "stderr" for output in streams),
    )


def _check_output(output: Any, where: str) -> None:
    """Raise `RecordError` if an output does not have the form of nbformat 4."""
    if not isinstance(output, dict) or output.get("output_type") not in _OUTPUT_TYPES:
        raise RecordError(f"{where} has no output_type of {', '.join(_OUTPUT_TYPES)}")
    data = output.get("data", None if output["output_type"] in _SHOWN else {})
    if not isinstance(data, dict):
        raise RecordError(f"{where} shows nothing: its 'data' must be an object")
    texts = [text for kind, text in data.items() if kind.startswith(("text/", "image/"))]
    if output["output_type"] == "stream":
        texts.append(output.get("text"))
    if output["output_type"] == "error":
        texts.append(output.get("traceback", []))
    if not all(_is_text(text) for text in texts):
        raise RecordError(f"{where} holds a text that is neither a string nor a list of strings")


def _is_text(text: Any) -> bool:
    lines = text if isinstance(text, list) else [text]
    return all(isinstance(line, str) for line in lines)


def _is_figure(data: dict[str, Any]) -> bool:
    return any(kind.startswith("image/") for kind in data)


def _decode_figure(data: dict[str, Any]) -> Figure:
    bitmap = "".join(data.get("image/png", ""))
    if "image/svg+xml" not in data:
        return Figure((), "a bitmap, from which no numbers can be read", bitmap)
    try:
        return replace(decode_svg("".join(data["image/svg+xml"])), bitmap=bitmap)
    except RecordError as error:
        return Figure((), str(error), bitmap)
