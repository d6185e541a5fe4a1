"""``gluonbook-ch7 rerun``: run the section or a chapter file and compare it with the record."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import click

from .._files import write_json
from ..errors import ArgumentError, DependencyError
from ..reproduce.verdict import Judgement, hold_together, is_reproduced
from .command import Command, file_option, folder_option, source_option
from .console import print_table, progress


@click.command(cls=Command)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--edition",
    type=click.Choice(["auto", "0.7", "1.0"]),
    default="auto",
    help="Edition of the data: 0.7 has 4 features, 1.0 has 5; auto takes the recorded run's.",
)
@source_option
@folder_option("--out", "Folder for the figures and, with FILE, for the executed notebook.")
@file_option("--json", "File for the verdicts, as JSON.")
@file_option("--html", "With FILE: file for a page with recorded and rerun outputs side by side.")
@click.option(
    "--timeout",
    type=click.IntRange(min=1),
    help="With FILE: time limit for each cell, in seconds.  [default: 600]",
)
def rerun(
    file: Optional[Path],
    edition: str,
    source: str,
    out: Optional[Path],
    json_file: Optional[Path],
    html_file: Optional[Path],
    timeout: Optional[int],
) -> None:
    """Rerun the chapter and compare with its recorded outputs.

    Reruns the RMSProp section or, if given, the chapter file FILE.

    FILE is an original file of the book: notedown Markdown (.md) or a notebook (.ipynb). Rerunning
    a file runs the code in it with your permissions.

    Exit status: 0 if nothing is different, 1 if an output is different or a cell failed, 2 if the
    chapter could not be run or nothing could be judged, 130 if it was interrupted.
    """
    if file is None:
        if html_file or timeout:
            raise ArgumentError(f"{'--html' if html_file else '--timeout'} needs a chapter FILE")
        status = _rerun_section(edition, source, out, json_file)
    elif source != "auto":
        raise ArgumentError("--data cannot be used with FILE: a chapter loads its own data")
    else:
        status = _rerun_file(file, edition, timeout or 600, out, json_file, html_file)
    sys.exit(status)


def _rerun_section(
    edition: str, source: str, out: Optional[Path], json_file: Optional[Path]
) -> int:
    """Run the built-in section, print the verdicts, and return the exit status."""
    from ..reproduce.record import load_recorded

    record = load_recorded()  # before MXNet is imported and the data are loaded
    from ..data import load_data_ch7
    from ..reproduce import section

    data = load_data_ch7("0.7" if edition == "auto" else edition, source)
    results = []
    with progress("running the section", total=3) as update:
        for result in section.rerun_section(data, record):
            results.append(result)
            update(advance=1)
    judgements = hold_together([each for result in results for each in result.judgements])
    reproduced = is_reproduced(judgements)
    _print_judgements(judgements)
    click.echo(f"Data: edition {data.edition}, {data.origin}.")
    if out:
        for path in section.write_figures(results, data, out):
            click.echo(f"Wrote {path}")
    if json_file:
        content = {"reproduced": reproduced, "edition": data.edition, "data": data.origin}
        write_json(json_file, {**content, "outputs": [vars(j) for j in judgements]})
    click.echo("The section is reproduced." if reproduced else "The section is NOT reproduced.")
    return 0 if reproduced else 1


def _rerun_file(
    file: Path,
    edition: str,
    timeout: int,
    out: Optional[Path],
    json_file: Optional[Path],
    html_file: Optional[Path],
) -> int:
    """Run a chapter file, print the verdicts, and return the exit status."""
    try:
        import ipykernel  # noqa: F401  with which the cells will run

        from ..reproduce.notebook import read_chapter
        from ..reproduce.report import outcome, write_run
        from ..reproduce.runner import rerun_chapter
    except ModuleNotFoundError as error:
        from .._mxnet.install_hints import install_extra

        raise DependencyError(
            f"rerunning a chapter file needs notebook libraries ({error}). Install them: "
            f"{install_extra('notebook')}"
        ) from error

    for place in filter(None, (json_file, html_file)):
        if place.resolve() == file.resolve():
            raise ArgumentError(f"{place} is the chapter file itself; choose another name")
    chapter = read_chapter(file)

    with progress("starting a kernel") as update:
        run = rerun_chapter(
            chapter, timeout, lambda cell: update(description=f"running {cell.name}"), edition
        )
    _print_judgements(run.judgements)
    click.echo(f"Data: {'; '.join(run.data) or 'none was loaded'}.")
    if any(origin.startswith("edition") for origin in run.data):
        if run.edition:
            click.echo(f"Edition {run.edition}: {run.edition_reason}.")
    elif edition != "auto":
        click.echo(f"--edition {edition} had no effect: the chapter loads its data itself.")
    for path in write_run(run, out, json_file, html_file):
        click.echo(f"Wrote {path}")
    status, sentence = outcome(run)
    sentence = " ".join(sentence.split())
    click.echo(f"Error: {sentence}" if run.failure else sentence, err=bool(run.failure))
    return status


def _print_judgements(judgements: Sequence[Judgement]) -> None:
    """Print one row for each recorded output, if there are any."""
    headings = ("output", "recorded", "rerun", "verdict", "what it rests on")
    rows = [(j.output, j.recorded, j.rerun, j.verdict.value, j.basis) for j in judgements]
    styles = {"different": "bold red", "identical": "green", "consistent": "green"}
    if rows:
        print_table(headings, rows, styles=styles)
