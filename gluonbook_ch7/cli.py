"""The commands of ``gluonbook-ch7``: they call what computes, and print, draw and write the result.

MXNet and Matplotlib are imported inside the commands, so that ``--help`` is quick.
"""

import json
import os
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional

import click

from .errors import GluonbookError

__all__ = ["main"]


class _Command(click.Command):
    """A command that says an error in one line, and with --debug shows where it came from."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(["--debug"], is_flag=True, help="Show the traceback of an error.")
        )

    def invoke(self, ctx: click.Context) -> Any:
        debug = ctx.params.pop("debug")
        warnings.showwarning = lambda message, *_: click.echo(f"Warning: {message}", err=True)
        os.environ.setdefault("MPLBACKEND", "agg")
        try:
            return super().invoke(ctx)
        except (GluonbookError, OSError) as error:
            if debug:
                raise
            said = click.ClickException(" ".join(str(error).split()))
            said.exit_code = 2
            raise said from error


class _Group(click.Group):
    command_class = _Command


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gluonbook_ch7")
def main() -> None:
    """Chapter 7 of the 2018 MXNet edition of Dive into Deep Learning, running again."""


_data_options = (
    click.option(
        "--edition",
        type=click.Choice(["0.7", "1.0"]),
        default="0.7",
        show_default=True,
        help="Of the data: 0.7 has the 4 features of the recorded run, 1.0 has 5.",
    ),
    click.option(
        "--data",
        "source",
        default="auto",
        show_default=True,
        help="Where the data come from: auto, real, twin, or a file or folder.",
    ),
)


def _with_data_options(command: Any) -> Any:
    for option in reversed(_data_options):
        command = option(command)
    return command


@main.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@_with_data_options
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write figures here; with FILE, the executed notebook.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the verdicts here.",
)
@click.option(
    "--html",
    "html_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With FILE: write a page here, recorded and rerun side by side.",
)
@click.option(
    "--timeout",
    type=click.IntRange(min=1),
    default=600,
    show_default=True,
    help="With FILE: how many seconds each cell may take.",
)
@click.pass_context
def rerun(
    ctx: click.Context,
    file: Optional[Path],
    edition: str,
    source: str,
    out: Optional[Path],
    json_file: Optional[Path],
    html_file: Optional[Path],
    timeout: int,
) -> None:
    """Run the RMSProp section, or the chapter file FILE, and hold it against what was recorded.

    FILE is an original file of the book, notedown Markdown (.md) or a notebook (.ipynb). Rerunning
    a file runs its code, whatever that does.

    Exit status: 0 if nothing is different, 1 if an output is different or a cell failed, 2 if it
    could not be run.
    """
    _refuse_options(ctx, ("html_file", "timeout") if file is None else ("edition", "source"))
    if file is None:
        _rerun_section(edition, source, out, json_file)
    else:
        _rerun_file(file, timeout, out, json_file, html_file)


def _refuse_options(ctx: click.Context, names: Any) -> None:
    """Refuse options that were given and would do nothing."""
    for option in ctx.command.params:
        given = ctx.get_parameter_source(option.name) is click.core.ParameterSource.COMMANDLINE
        if option.name in names and given:
            reason = (
                "goes with a chapter FILE"
                if ctx.params["file"] is None
                else "does not go with FILE: a chapter chooses its data itself"
            )
            raise click.UsageError(f"{option.opts[0]} {reason}", ctx)


def _rerun_file(
    file: Path,
    timeout: int,
    out: Optional[Path],
    json_file: Optional[Path],
    html_file: Optional[Path],
) -> None:
    from .reproduce.notebook import read_chapter

    chapter = read_chapter(file)
    # nbclient and its like belong to an extra; reading the chapter has asked for it.
    from .reproduce.report import summarise
    from .reproduce.runner import rerun_chapter
    from .reproduce.writing import check_places, write_run

    check_places(file, out, json_file, html_file)
    with _status() as say:
        run = rerun_chapter(chapter, timeout, lambda cell: say(f"running {cell.name}"))
    _print_judgements(run.judgements)
    click.echo(f"Data: {'; '.join(run.data) or 'none was loaded'}.")
    for path in write_run(run, out, json_file, html_file):
        click.echo(f"Wrote {path}")
    said = " ".join(summarise(run).split())
    click.echo(f"Error: {said}" if run.failure else said, err=bool(run.failure))
    sys.exit(0 if run.is_reproduced else 1)


@contextmanager
def _status() -> Any:
    """Give a function that says, on a terminal's stderr, what is going on."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda text: None
        return
    with console.status("starting a kernel") as status:
        yield lambda text: status.update(text)


def _rerun_section(
    edition: str, source: str, out: Optional[Path], json_file: Optional[Path]
) -> None:
    from .data import load_data_ch7
    from .reproduce import section
    from .reproduce.evidence import is_reproduced
    from .reproduce.record import load_recorded

    data = load_data_ch7(edition, source)
    if out:
        out.mkdir(parents=True, exist_ok=True)  # said now if it can't be, not after the work
    results = list(_with_progress(section.rerun_section(data, load_recorded()), "result", 3))
    judgements = [judgement for result in results for judgement in result.judgements]
    reproduced = is_reproduced(judgements)
    _print_judgements(judgements)
    click.echo(f"Data: edition {edition}, {data.origin}.")
    if out:
        for path in section.write_figures(results, data, out):
            click.echo(f"Wrote {path}")
    if json_file:
        content = {"reproduced": reproduced, "edition": edition, "data": data.origin}
        _write_json(json_file, {**content, "outputs": [vars(j) for j in judgements]})
    click.echo("The section is reproduced." if reproduced else "The section is NOT reproduced.")
    sys.exit(0 if reproduced else 1)


@main.command()
@_with_data_options
@click.argument("rules", nargs=-1, metavar="[RULE]...")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="How many.")
@click.option("--batch-size", type=click.IntRange(1), default=10, show_default=True)
@click.option("--epochs", type=click.IntRange(1), default=2, show_default=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write figures here.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the numbers here.",
)
def compare(
    edition: str,
    source: str,
    rules: tuple[str, ...],
    seeds: int,
    batch_size: int,
    epochs: int,
    out: Optional[Path],
    json_file: Optional[Path],
) -> None:
    """Compare each RULE of the chapter (by default all six) with Gluon's optimizer.

    Both train from the same start on the same minibatches, as the book trains them; then the known
    differences are switched off, all but one at a time and all together. Numbers are the median of
    the seeds. With the extra `peers`, PyTorch's and optax's optimizers take part.
    """
    from .cli_compare import run_comparisons

    run_comparisons(rules, edition, source, seeds, batch_size, epochs, out, json_file)


def _with_progress(steps: Any, name: str, total: int) -> Any:
    """Yield the steps; on a terminal count them on stderr."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(
        steps,
        description=f"{name} by {name}",
        total=total,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _print_judgements(judgements: Any) -> None:
    """Print one row for each recorded output."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("output", "recorded", "rerun", "verdict", "what it rests on"):
        table.add_column(heading, overflow="fold")
    for judgement in judgements:
        verdict = judgement.verdict.value
        style = {"different": "bold red", "identical": "green", "consistent": "green"}
        cells = (judgement.output, judgement.recorded, judgement.rerun)
        table.add_row(
            *map(Text, cells), Text(verdict, style=style.get(verdict, "")), Text(judgement.basis)
        )
    console.print(table)


def _write_json(path: Path, content: Any) -> None:
    """Write JSON that any reader takes: what is not finite becomes null."""
    from .files import write_whole

    write_whole(path, json.dumps(_finite(content), ensure_ascii=False, indent=1) + "\n")


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    if isinstance(content, float) and content - content != 0:
        return None
    return content
