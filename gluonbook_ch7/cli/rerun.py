"""The command ``rerun``: the built-in section, or a chapter file, against what was recorded."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import click

from .._files import write_json
from ..reproduce.evidence import Judgement, is_reproduced
from .console import print_table, status, with_progress

__all__ = ["rerun_file", "rerun_section"]

STYLES = {"different": "bold red", "identical": "green", "consistent": "green"}


def rerun_section(
    edition: str, source: str, out: Optional[Path], json_file: Optional[Path]
) -> None:
    """Run the built-in section, print the verdicts, and exit with 0 if it is reproduced, else 1."""
    from ..reproduce.record import load_recorded

    record = load_recorded()  # before MXNet and the data, which take their time
    # Here, because a chapter file is run by a kernel, and need not wait for MXNet twice.
    from ..data import load_data_ch7
    from ..reproduce import section

    data = load_data_ch7(edition, source)
    if out:
        out.mkdir(parents=True, exist_ok=True)  # said now if it can't be, not after the work
    results = list(with_progress(section.rerun_section(data, record), "result", 3))
    judgements = [judgement for result in results for judgement in result.judgements]
    reproduced = is_reproduced(judgements)
    _print_judgements(judgements)
    click.echo(f"Data: edition {edition}, {data.origin}.")
    if out:
        for path in section.write_figures(results, data, out):
            click.echo(f"Wrote {path}")
    if json_file:
        content = {"reproduced": reproduced, "edition": edition, "data": data.origin}
        write_json(json_file, {**content, "outputs": [vars(j) for j in judgements]})
    click.echo("The section is reproduced." if reproduced else "The section is NOT reproduced.")
    sys.exit(0 if reproduced else 1)


def rerun_file(
    file: Path,
    timeout: int,
    out: Optional[Path],
    json_file: Optional[Path],
    html_file: Optional[Path],
) -> None:
    """Run a chapter file, print the verdicts, and exit with 0 if nothing is different, else 1."""
    from ..reproduce.notebook import read_chapter

    chapter = read_chapter(file)
    # nbclient and its like belong to an extra; reading the chapter has asked for it.
    from ..reproduce.report import summarise
    from ..reproduce.runner import rerun_chapter
    from ..reproduce.writing import check_places, write_run

    check_places(file, out, json_file, html_file)
    with status("starting a kernel") as say:
        run = rerun_chapter(chapter, timeout, lambda cell: say(f"running {cell.name}"))
    _print_judgements(run.judgements)
    click.echo(f"Data: {'; '.join(run.data) or 'none was loaded'}.")
    for path in write_run(run, out, json_file, html_file):
        click.echo(f"Wrote {path}")
    said = " ".join(summarise(run).split())
    click.echo(f"Error: {said}" if run.failure else said, err=bool(run.failure))
    sys.exit(0 if run.is_reproduced else 1)


def _print_judgements(judgements: Sequence[Judgement]) -> None:
    """Print one row for each recorded output."""
    headings = ("output", "recorded", "rerun", "verdict", "what it rests on")
    rows = [(j.output, j.recorded, j.rerun, j.verdict.value, j.basis) for j in judgements]
    print_table(headings, rows, styles=STYLES)
