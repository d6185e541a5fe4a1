"""``gluonbook-ch7 data``: find, download, verify and remove the data file."""

import os
import sys
from pathlib import Path
from typing import Optional

import click

from ..errors import DataNotFoundError
from .command import Command, print_json
from .console import print_table, progress

NONE_USED = (
    "None of them has the file: it would be downloaded into the cache or, if that fails, the "
    "moment twin would be used."
)


class _Group(click.Group):
    """A group whose command is ``where`` if none is named; it takes the options of ``where``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] in ("--json", "--debug"):
            args = ["where", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Group)
def data() -> None:
    """Find, download, verify or remove the data file. Without a COMMAND, find it."""


@data.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def where(as_json: bool) -> None:
    """List the places that are searched, and the file that is used now."""
    from ..dataset.locate import PLACES, VARIABLE, cache_folder, file_of, local_file
    from ..dataset.parse import FILE_NAME

    named = os.environ.get(VARIABLE)
    used = None
    try:
        used = local_file()
        outcome = f"Used now: {os.path.abspath(used)}" if used else NONE_USED
    except DataNotFoundError:
        is_folder = named and os.path.isdir(os.path.expanduser(named))
        fault = f"a folder without {FILE_NAME}" if is_folder else "a file that does not exist"
        outcome = f"None is used: {VARIABLE} names {fault}."
    paths = {
        VARIABLE: file_of(named) if named else None,
        **{f"{path.parent}/": path for path in PLACES},
        "the cache": cache_folder() / FILE_NAME,
    }
    # The first, because two places may be the same folder.
    taken = next((name for name, path in paths.items() if path and path == used), None)
    rows = []
    for name, path in paths.items():
        file = os.path.abspath(path) if path else ""
        rows.append((name, file, _what_is_there(path), "used" if name == taken else ""))
    if as_json:
        places = [
            {"name": name, "path": file or None, "found": found, "used": mark == "used"}
            for name, file, found, mark in rows
        ]
        used_now = used and os.path.abspath(used)
        print_json({"places": places, "used": used_now, "outcome": outcome})
        return
    print_table(("place", "file", "what is there", ""), rows, styles={"used": "bold green"})
    click.echo(outcome)


def _what_is_there(path: Optional[Path]) -> str:
    from ..dataset.parse import holds_the_books

    if path is None:
        return "not set"
    if not os.path.exists(path):
        return "no file"
    return "the book's file" if holds_the_books(path) else "another or a damaged file"


@data.command(cls=Command)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    help="Time limit for each address, in seconds.",
)
def fetch(timeout: float) -> None:
    """Download the book's file into the cache, unless it is there.

    Exit status: 0 if the file is there in the end, 2 if not.
    """
    from ..dataset import locate
    from ..dataset.parse import FILE_NAME, holds_the_books, inspect_file

    if holds_the_books(locate.cache_folder() / FILE_NAME):
        click.echo("It is there already.")
    with progress("fetching"):
        path = locate.fetch(timeout, lambda reason: click.echo(reason, err=True))
    click.echo(inspect_file(path))


@data.command(cls=Command)
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(path: Optional[Path], as_json: bool) -> None:
    """Check whether a file is the book's.

    The file is the one at PATH or, without PATH, the one that would be used.

    Exit status: 0 if it is, 1 if it is another file or damaged, 2 if there is none.
    """
    from ..dataset.locate import cache_folder, file_of, local_file
    from ..dataset.parse import FILE_NAME, inspect_file

    if path is None:
        path = Path(os.path.abspath(local_file() or cache_folder() / FILE_NAME))
        if not os.path.exists(path):
            raise DataNotFoundError(
                "There is no data file yet. Get it with: gluonbook-ch7 data fetch"
            )
    inspected = inspect_file(file_of(path))
    if as_json:
        print_json(inspected._asdict())
    else:
        click.echo(f"{inspected}\nIt is {inspected.words}.")
    sys.exit(0 if inspected.kind == "real" else 1)


@data.command(cls=Command)
def forget() -> None:
    """Remove the download from the cache. Your own copies in data/ stay."""
    from ..dataset import locate

    removed = locate.forget()
    for path in removed:
        click.echo(f"Removed {path}")
    if not removed:
        click.echo(f"There is nothing in the cache, {locate.cache_folder()}.")
