"""The command line of ``gluonbook-ch7``: what each command takes, and how an error is said.

What the commands do is in ``commands``; it is imported when a command runs, and MXNet and
Matplotlib with it, so that ``--help`` is quick.
"""

import os
import warnings
from pathlib import Path
from typing import Any, Optional

import click

from ..errors import GluonbookError

__all__ = ["main"]


class _Refusal(click.ClickException):
    """What could not be done, in one line."""

    exit_code = 2


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
            raise _Refusal(" ".join(str(error).split())) from error


class _Group(click.Group):
    command_class = _Command


class _DataGroup(_Group):
    """The group that says where the data are if no command of it is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["where"])


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
    from .rerun import rerun_file, rerun_section

    if file is None:
        rerun_section(edition, source, out, json_file)
    else:
        rerun_file(file, timeout, out, json_file, html_file)


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
    from .compare import run_comparisons

    run_comparisons(rules, edition, source, seeds, batch_size, epochs, out, json_file)


@main.command()
@click.argument("rule")
@click.option("--lr", metavar="RANGE", help="Learning rates.")
@click.option("--mom", metavar="RANGE", help="Momenta.")
@click.option("--gamma", metavar="RANGE", help="RMSProp's decay.")
@click.option("--rho", metavar="RANGE", help="Adadelta's decay.")
@click.option("--seeds", type=click.IntRange(1), default=16, show_default=True, help="A cell.")
@click.option("--batch-size", type=click.IntRange(1), default=10, show_default=True)
@click.option("--epochs", type=click.IntRange(1), default=2, show_default=True)
@_with_data_options
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the figure here, and keep finished blocks until the sweep is done.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every cell here.",
)
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every cell here.",
)
@click.option(
    "--max-memory",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="GiB that the runs that are trained together may take in each process.",
)
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Of this machine.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Of a Dask cluster, such as tcp://host:8786.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted sweep in --out.")
def sweep(rule: str, lr: Any, mom: Any, gamma: Any, rho: Any, **options: Any) -> None:
    """Train RULE with every combination of hyperparameters, each with several seeds.

    A RANGE is a number, FIRST:LAST:COUNT for evenly spaced values, or FIRST:LAST:COUNTlog for
    values in constant ratio. What is not given is as in the chapter. The figure shows one or two
    ranges.

    Exit status: 0 if the sweep was finished, 2 if it could not be, 130 if it was interrupted.
    """
    from .sweep import run_sweep

    run_sweep(rule, {"lr": lr, "mom": mom, "gamma": gamma, "rho": rho}, **options)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(as_json: bool) -> None:
    """Say what is here, what is wrong, and the command that mends it. Changes nothing.

    \b
    The JSON object has these keys:
      version   of gluonbook_ch7
      runs      whether the chapter would run here
      findings  by name: platform, python, packages, libraries, distutils, numpy,
                mxnet, training, data, cache, and "extra NAME"; each has its state
                ("ok", "note" or "fault"), what it says in words, the command that
                mends it (or ""), and its facts for programs

    Exit status: 0 if the chapter would run here, 1 if something is a fault.
    """
    from .doctor import run_doctor

    run_doctor(as_json)


@main.group(cls=_DataGroup)
def data() -> None:
    """Say where the data file is (`where`, the default), fetch it, verify it, forget it."""


@data.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def where(as_json: bool) -> None:
    """Show the places in the order they are looked at, and which file is taken now."""
    from .data import run_where

    run_where(as_json)


@data.command()
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="How many seconds each address may take.",
)
def fetch(timeout: float) -> None:
    """Download the book's file into the cache, unless it is there.

    Exit status: 0 if it is there in the end, 2 if not.
    """
    from .data import run_fetch

    run_fetch(timeout)


@data.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(path: Optional[Path], as_json: bool) -> None:
    """Say whether the file at PATH, or else the file that would be taken, is the book's.

    Exit status: 0 if it is, 1 if it is another one or damaged, 2 if there is none.
    """
    from .data import run_verify

    run_verify(path, as_json)


@data.command()
def forget() -> None:
    """Remove what was downloaded into the cache. Your own copies in data/ stay."""
    from .data import run_forget

    run_forget()
