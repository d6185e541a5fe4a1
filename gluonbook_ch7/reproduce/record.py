"""What a chapter file recorded, as numbers: what each cell printed, showed and drew."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from importlib import resources
from typing import Any, Optional

import numpy as np

from ..errors import RecordError
from .svg import Axes, Figure, Polyline, decode_svg

# What a notebook keeps of a figure that was shown in a window, or whose picture was removed.
_FIGURE = re.compile(r"<(Figure size|matplotlib\.figure\.Figure)")
# What a carriage return lets the rest of its line overwrite, which Jupyter does not save.
_OVERWRITTEN = re.compile(r"^.*\r(?!$)", re.MULTILINE)
# What the book's functions print after a training.
LOSS_LINE = re.compile(r"loss: (-?(?:\d+\.\d+|inf|nan)), (\d+\.\d+) sec per epoch\n?")

Curve = tuple[Axes, Polyline]


@dataclass(frozen=True)
class CellOutputs:
    """All outputs of one cell."""

    prompt: Optional[int] = None  # the cell's number in the chapter file; not unique there
    text: str = ""  # what it printed to stdout
    values: tuple[str, ...] = ()  # the text of each displayed result that is not a figure
    figures: tuple[Figure, ...] = ()
    error: str = ""  # the exception that ended it, as "Name: message"
    wrote_stderr: bool = False  # the words are left out, because they depend on the machine


@dataclass(frozen=True)
class Record:
    """What a chapter file recorded: one `CellOutputs` for each cell that has outputs."""

    source: str  # the file's name
    sha256: str  # the hexadecimal hash of its bytes
    cells: tuple[CellOutputs, ...]


def load_recorded() -> Record:
    """Return the RMSProp section's record, which ``scripts/decode_record.py`` has written."""
    file = resources.files("gluonbook_ch7") / "recorded" / "rmsprop.json"
    try:
        record: Record = json.loads(file.read_text(encoding="utf-8"), object_hook=revive)
    except (ValueError, OSError) as error:
        raise RecordError(
            "the recorded numbers of section 'rmsprop' are missing from this installation or "
            "damaged; reinstall gluonbook_ch7"
        ) from error
    return record


def revive(content: dict[str, Any]) -> Any:
    """Return what a dictionary in a record's JSON stands for; ValueError if that is nothing."""
    if content.keys() == {"x", "y"}:
        return np.column_stack([content["x"], content["y"]])
    kinds: list[Any] = [Record, CellOutputs, Figure, Axes, Polyline]
    (kind,) = [each for each in kinds if content.keys() == {part.name for part in fields(each)}]
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in content.items()})


def drawn_lines(outputs: CellOutputs) -> list[Curve]:
    """Return every line of a cell's figures, with its axes."""
    axes = [axes for figure in outputs.figures for axes in figure.axes]
    return [(each, line) for each in axes for line in each.polylines]


def recorded_losses(cells: Sequence[CellOutputs]) -> tuple[list[float], list[float]]:
    """Return the first loss of every loss curve that some cells drew, and every printed loss."""
    first, printed = [], []
    for cell in cells:
        for axes, line in drawn_lines(cell):
            if (axes.x_label, axes.y_label) == ("epoch", "loss"):
                first.append(float(line.vertices[0, 1]))
        printed += [float(loss) for loss, _ in LOSS_LINE.findall(cell.text)]
    return first, printed


def decode_outputs(outputs: list[dict[str, Any]], prompt: Optional[int] = None) -> CellOutputs:
    """Read the outputs of one cell, in the form of nbformat 4.

    A figure that cannot be read keeps its place, with the reason in ``refusal``.
    """
    streams = [output for output in outputs if output["output_type"] == "stream"]
    shown = [output["data"] for output in outputs if "data" in output]
    pictures = [data for data in shown if any(kind.startswith("image/") for kind in data)]
    errors = [output for output in outputs if output["output_type"] == "error"]
    printed = ["".join(each["text"]) for each in streams if each.get("name") != "stderr"]
    texts = ["".join(data.get("text/plain", "")) for data in shown if data not in pictures]
    return CellOutputs(
        prompt=prompt,
        text=_OVERWRITTEN.sub("", "".join(printed)),
        values=tuple(text for text in texts if text and not _FIGURE.match(text)),
        figures=tuple(map(_decode_figure, pictures)),
        error="\n".join(f"{output.get('ename')}: {output.get('evalue')}" for output in errors),
        wrote_stderr=any(output.get("name") == "stderr" for output in streams),
    )


def _decode_figure(data: dict[str, Any]) -> Figure:
    bitmap = "".join(data.get("image/png", ""))
    if "image/svg+xml" not in data:
        return Figure((), "a bitmap, from which no numbers can be read", bitmap)
    try:
        return replace(decode_svg("".join(data["image/svg+xml"])), bitmap=bitmap)
    except RecordError as error:
        return Figure((), str(error), bitmap)
