"""``gluonbook-ch7 data``: find, download, verify and remove the data file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import click

from .command import Command, print_json
from .console import byte_progress, print_table

if TYPE_CHECKING:
    from ..dataset.places import Examination

__all__ = ["data"]

NONE_TAKEN = (
    "None of them has the file: it would be downloaded into the cache or, if that fails, the "
    "moment twin would be used."
)


class _Group(click.Group):
    """A group whose command is ``where`` if none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["where"])


@click.group(cls=_Group)
def data() -> None:
    """Find, download, verify or remove the data file. By default: find it."""


@data.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def where(as_json: bool) -> None:
    """List the places that are searched, and the file that is used now."""
    from ..dataset.places import places

    found = places()
    taken = next((place.path for place in found if place.taken), None)
    if taken:
        outcome = f"Taken now: {taken}"
    elif found[0].path:
        outcome = f"None is taken: {found[0].name} names a file that is not there."
    else:
        outcome = NONE_TAKEN
    if as_json:
        listed = [place._asdict() for place in found]
        print_json({"places": listed, "taken": taken, "outcome": outcome})
        return
    rows = [
        (name, str(path or ""), what, "taken" if is_taken else "")
        for name, path, what, is_taken in found
    ]
    print_table(("place", "file", "what is there", ""), rows, styles={"taken": "bold green"})
    click.echo(outcome)


@data.command(cls=Command)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds that each address may take.",
)
def fetch(timeout: float) -> None:
    """Download the book's file into the cache, unless it is there.

    Exit status: 0 if the file is there in the end, 2 if not.
    """
    from ..dataset import locate
    from ..dataset.parse import FILE_NAME, SIZE, holds_the_books
    from ..dataset.places import examine

    cached = locate.cache_folder() / FILE_NAME
    if holds_the_books(cached):
        click.echo("It is there already.")
    with byte_progress("fetching", SIZE) as progress:
        path = locate.fetch(
            timeout=timeout,
            on_bytes=progress,
            on_failure=lambda reason: click.echo(reason, err=True),
        )
    _print_file(examine(path))


@data.command(cls=Command)
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(path: Optional[Path], as_json: bool) -> None:
    """Check whether a file is the book's.

    The file is the one at PATH or, without PATH, the one that would be used.

    Exit status: 0 if it is, 1 if it is another file or damaged, 2 if there is none.
    """
    from ..dataset.locate import meant
    from ..dataset.places import examine, file_at_hand

    examined = examine(meant(path) if path else file_at_hand())
    if as_json:
        print_json(examined._asdict())
    else:
        _print_file(examined)
        click.echo(f"It is {examined.words}.")
    sys.exit(0 if examined.kind == "real" else 1)


@data.command(cls=Command)
def forget() -> None:
    """Remove the download from the cache. Your own copies in data/ stay."""
    from ..dataset import places
    from ..dataset.locate import cache_folder

    removed = places.forget()
    for path in removed:
        click.echo(f"Removed {path}")
    if not removed:
        click.echo(f"There is nothing in the cache, {cache_folder()}.")


def _print_file(examined: "Examination") -> None:
    click.echo(f"{examined.path}: {examined.size:,} bytes, sha256 {examined.sha256}")
