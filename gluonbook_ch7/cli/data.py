"""The command ``gluonbook-ch7 data``: where the file is, getting it, checking it, removing it."""

import json
import sys
from pathlib import Path
from typing import Optional

import click

from ..dataset import locate as sources
from ..dataset.parse import FILE_NAME, SIZE, holds_the_books
from ..dataset.places import Examination, examine, file_at_hand, forget, places
from .console import byte_progress, print_table

__all__ = ["run_fetch", "run_forget", "run_verify", "run_where"]

NONE_TAKEN = (
    "None of them has the file: it would be downloaded into the cache, or if that fails, the "
    "moment twin would be used."
)


def run_where(as_json: bool) -> None:
    """Print the places in order, what is there, and which file is taken now."""
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
        _print_json({"places": listed, "taken": taken, "outcome": outcome})
        return
    rows = [
        (name, str(path or ""), what, "taken" if is_taken else "")
        for name, path, what, is_taken in found
    ]
    print_table(("place", "file", "what is there", ""), rows, styles={"taken": "bold green"})
    click.echo(outcome)


def run_fetch(timeout: float) -> None:
    """Bring the file into the cache; say which addresses failed, and what is there in the end."""
    cached = sources.cache_folder() / FILE_NAME
    if holds_the_books(cached):
        click.echo("It is there already.")
    with byte_progress("fetching", SIZE) as progress:
        path = sources.fetch(
            timeout=timeout,
            on_bytes=progress,
            on_failure=lambda reason: click.echo(reason, err=True),
        )
    _print_file(examine(path))


def run_verify(path: Optional[Path], as_json: bool) -> None:
    """Say what a file is, and exit with 0 if it is the book's, else 1."""
    examined = examine(sources.meant(path) if path else file_at_hand())
    if as_json:
        _print_json(examined._asdict())
    else:
        _print_file(examined)
        click.echo(f"It is {examined.words}.")
    sys.exit(0 if examined.kind == "real" else 1)


def run_forget() -> None:
    """Remove what was downloaded, and say what."""
    removed = forget()
    for path in removed:
        click.echo(f"Removed {path}")
    if not removed:
        click.echo(f"There is nothing in the cache, {sources.cache_folder()}.")


def _print_file(examined: Examination) -> None:
    click.echo(f"{examined.path}: {examined.size:,} bytes, sha256 {examined.sha256}")


def _print_json(content: object) -> None:
    click.echo(json.dumps(content, indent=1, ensure_ascii=False, default=str))
