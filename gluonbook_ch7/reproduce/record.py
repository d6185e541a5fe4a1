"""What a chapter file recorded, as numbers: what each cell printed, showed and drew.

The numbers of a section come with the package as JSON, written by ``scripts/decode_record.py``.
"""

import json
from dataclasses import asdict, dataclass, fields, replace
from importlib import resources
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from ..errors import DataNotFoundError, RecordError
from .svg import Axes, Figure, Polyline, decode_svg

__all__ = ["CellOutputs", "Record", "decode_outputs", "load_recorded"]

_SHOWN = ("display_data", "execute_result")


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
            record = json.loads(text, object_hook=_revive)
            if not isinstance(record, cls):
                raise ValueError("another kind of content")
            return record
        except (ValueError, TypeError) as error:
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


def _revive(content: dict[str, Any]) -> Any:
    """Return what `Record.to_json` turned into a dictionary, which its keys tell."""
    if content.keys() == {"x", "y"}:
        return np.column_stack([content["x"], content["y"]])
    kinds: list[Any] = [Record, CellOutputs, Figure, Axes, Polyline]
    (kind,) = [each for each in kinds if content.keys() == {part.name for part in fields(each)}]
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in content.items()})


# --- The outputs of a cell ----------------------------------------------------------------------


def decode_outputs(outputs: list[dict[str, Any]], prompt: Optional[int] = None) -> CellOutputs:
    """Read the outputs of one cell, in the form of nbformat 4.

    A figure that cannot be read is in its place, with its ``refusal``.
    """
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
