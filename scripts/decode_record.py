"""Read what a chapter file recorded and write it as numbers into the package.

python scripts/decode_record.py rmsprop.md
"""

from pathlib import Path
from typing import Any, Optional

import click

from gluonbook_ch7._files import write_whole
from gluonbook_ch7.errors import GluonbookError, RecordError
from gluonbook_ch7.reproduce.notedown import parse_notedown, read_text
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
    """Write the recorded outputs of CHAPTER, a notedown Markdown file, as JSON."""
    out = out or RECORDED / f"{chapter.stem}.json"
    try:
        record = decode_chapter(chapter)
        write_whole(out, record.to_json())
    except GluonbookError as error:
        raise failure(str(error)) from error
    except OSError as error:
        raise failure(f"{out}: cannot be written ({error.strerror})") from error
    click.echo(f"{out}: {len(record.cells)} cells with recorded outputs")


def decode_chapter(path: Path) -> Record:
    """Return what the chapter file recorded; every figure must be readable."""
    text, sha256 = read_text(path)
    cells = parse_notedown(text, str(path))
    recorded = tuple(decode_cell(cell, path) for cell in cells if cell.get("outputs"))
    return Record(path.name, sha256, recorded)


def decode_cell(cell: Any, path: Path) -> CellOutputs:
    """Return what one cell put out; a figure that cannot be read is told with the cell's line."""
    output = decode_outputs(cell.outputs, cell.execution_count)
    refusals = [figure.refusal for figure in output.figures if figure.refusal]
    if refusals:
        line = cell.metadata.chapter_line
        raise RecordError(f"{path}:{line}: a figure cannot be decoded: {refusals[0]}")
    return output


def failure(message: str) -> click.ClickException:
    """Return the exception that ends the program with one line and status 2."""
    exception = click.ClickException(message)
    exception.exit_code = 2
    return exception


if __name__ == "__main__":
    main()
