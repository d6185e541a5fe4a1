"""Read what a chapter file recorded and write it as numbers into the package.

python scripts/decode_record.py rmsprop.md
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Optional

import click
import numpy as np
import numpy.typing as npt

from gluonbook_ch7._files import write_whole
from gluonbook_ch7.errors import GluonbookError, RecordError
from gluonbook_ch7.reproduce.notebook import read_chapter
from gluonbook_ch7.reproduce.record import CellOutputs, Record, decode_outputs

RECORDED = Path(__file__).resolve().parents[1] / "gluonbook_ch7" / "recorded"


@click.command()
@click.argument("chapter", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The JSON file to write; by default gluonbook_ch7/recorded/<section>.json.",
)
def main(chapter: Path, out: Optional[Path]) -> None:
    """Write the recorded outputs of CHAPTER, notedown Markdown or a notebook, as JSON."""
    out = out or RECORDED / f"{chapter.stem}.json"
    try:
        record = decode_chapter(chapter)
        write_whole(out, as_json(record))
    except GluonbookError as error:
        raise failure(str(error)) from error
    except OSError as error:
        raise failure(f"{out}: cannot be written ({error.strerror})") from error
    click.echo(f"{out}: {len(record.cells)} cells with recorded outputs")


def decode_chapter(path: Path) -> Record:
    """Return what the chapter file recorded; every figure must be readable."""
    chapter = read_chapter(path)
    cells = [cell for cell in chapter.notebook.cells if cell.get("outputs")]
    return Record(path.name, chapter.sha256, tuple(decode_cell(cell, path) for cell in cells))


def decode_cell(cell: Any, path: Path) -> CellOutputs:
    """Return what one cell put out; an unreadable figure is reported with the cell's line."""
    output = decode_outputs(cell.outputs, cell.execution_count)
    refusals = [figure.refusal for figure in output.figures if figure.refusal]
    if refusals:
        line = cell.metadata.get("chapter_line", 1)
        raise RecordError(f"{path}:{line}: a figure cannot be decoded: {refusals[0]}")
    return output


def as_json(record: Record) -> str:
    """Return a record as JSON text, a cell on a line; `load_recorded` reads it back."""
    cells = [json.dumps(asdict(cell), default=columns, ensure_ascii=False) for cell in record.cells]
    head = f'{{"source": {json.dumps(record.source)}, "sha256": {json.dumps(record.sha256)},'
    return f'{head} "cells": [\n' + ",\n".join(cells) + "\n]}\n"


def columns(vertices: npt.NDArray[np.float64]) -> dict[str, list[float]]:
    """Return the vertices of a line (n, 2) as two lists."""
    return {"x": vertices[:, 0].tolist(), "y": vertices[:, 1].tolist()}


def failure(message: str) -> click.ClickException:
    """Return the exception that ends the program with one line and status 2."""
    exception = click.ClickException(message)
    exception.exit_code = 2
    return exception


if __name__ == "__main__":
    main()
