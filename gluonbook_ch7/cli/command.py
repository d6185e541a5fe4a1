"""What all commands share: how an error is reported, and the options that several of them take."""

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any, Callable, Optional, Union

import click

from .._files import check_file, check_folder, is_device
from ..errors import GluonbookError

Decorator = Callable[[Any], Any]


class _Failure(click.ClickException):
    """An error that ends the command, reported in one line."""

    exit_code = 2


class Command(click.Command):
    """A command that reports an error in one line; with ``--debug``, as a traceback."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(["--debug"], is_flag=True, help="Show the traceback of an error.")
        )

    def invoke(self, ctx: click.Context) -> Any:
        debug = ctx.params.pop("debug")
        warnings.showwarning = lambda message, *_: click.echo(f"Warning: {message}", err=True)
        os.environ["MPLBACKEND"] = "agg"  # whatever a notebook or a desktop has set
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # the reader closed our output; click handles that
            raise
        except (GluonbookError, OSError) as error:
            if debug:
                raise
            message = " ".join(str(error).split())
            if isinstance(error, OSError) and error.filename:
                message = f"{error.filename}: {error.strerror}"
            raise _Failure(message) from error


class Group(click.Group):
    """The group of all commands; Ctrl-C ends it with one line and status 130."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            click.echo(f"Interrupted. {interrupt}".strip(), err=True)
            # MXNet defines its operators by executing strings. If one was interrupted, `python -m`
            # ends by the signal and not with this status, unless another string was executed since.
            exec("")
            sys.exit(130)


def with_options(*options: Decorator) -> Decorator:
    """Return a decorator that adds options to a command, in this order."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _named_once(ctx: click.Context, option: click.Parameter, path: Union[str, Path]) -> None:
    """Raise an error if a path that one option reads or writes is written by another."""
    name = option.opts[0]
    names = ctx.meta.setdefault(__name__, {})
    other = names.setdefault(os.path.realpath(os.path.expanduser(path)), name)
    if other != name and not is_device(path):
        raise _Failure(f"{other} and {name} both name {path}")


def _check_source(ctx: click.Context, option: click.Parameter, source: str) -> str:
    if os.path.isfile(os.path.expanduser(source)):  # a folder may also be written to
        _named_once(ctx, option, source)
    return source


source_option = click.option(
    "--data",
    "source",
    default="auto",
    callback=_check_source,
    help="Data source: auto, real, twin, or the path of a file or folder.",
)
data_options = with_options(
    click.option(
        "--edition",
        type=click.Choice(["0.7", "1.0"]),
        default="0.7",
        help="Edition of the airfoil data: 0.7 has the recorded run's 4 features, 1.0 has 5.",
    ),
    source_option,
)


def training_options(seeds: int, per: str) -> Decorator:
    """Return the options that say how often and how long a rule is trained."""
    number = click.IntRange(1)
    return with_options(
        click.option("--seeds", type=number, default=seeds, help=f"Random seeds per {per}."),
        click.option("--batch-size", type=number, default=10, help="Minibatch size."),
        click.option("--epochs", type=number, default=2, help="Training epochs."),
    )


def settings_option(name: str, parameter: str, metavar: str, help: str) -> Decorator:
    """Return an option for hyperparameters, NAME=VALUE, that can be repeated."""
    help = f"{help} Can be repeated."
    return click.option(name, parameter, metavar=metavar, multiple=True, help=help)


def folder_option(name: str, help: str) -> Decorator:
    """Return an option that names a folder to write to."""
    return _place_option(name, name.strip("-"), check_folder, help)


def file_option(name: str, help: str) -> Decorator:
    """Return an option that names a file to write; ``--json`` arrives as ``json_file``."""
    return _place_option(name, f"{name.strip('-')}_file", check_file, help)


def _place_option(name: str, parameter: str, check: Callable[[Path], None], help: str) -> Decorator:
    """Return an option for a path that is checked before any work is done."""

    def callback(ctx: click.Context, option: click.Option, path: Optional[Path]) -> Optional[Path]:
        if path is None:
            return None
        path = Path(os.path.expanduser(path))  # a shell leaves --out=~/folder as it is
        try:
            check(path)
        except OSError as error:
            raise _Failure(f"{name} {error.filename}: {error.strerror}") from error
        _named_once(ctx, option, path)
        return path

    place = click.Path(path_type=Path)
    return click.option(name, parameter, type=place, callback=callback, help=help)


def print_json(content: object) -> None:
    """Print an object as JSON; a path becomes its text."""
    click.echo(json.dumps(content, indent=1, default=str))
