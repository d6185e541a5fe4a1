"""Tables on stdout; progress on stderr, if stderr is a terminal.

Rich is imported when it is first used, because ``--help`` does not need it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Callable, Optional

__all__ = ["byte_progress", "print_table", "status", "with_progress"]

PIPE_WIDTH = 180


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers_from: Optional[int] = None,
    styles: Optional[dict[str, str]] = None,
    title: Optional[str] = None,
) -> None:
    """Print rows of text as a table.

    Parameters
    ----------
    headings : sequence of str
    rows : iterable of sequences of str
    numbers_from : int, optional
        Index of the first column of numbers; it and those after it are right-aligned.
    styles : dict, optional
        Maps the text of a cell to its Rich style.
    title : str, optional
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    table = Table(box=box.SIMPLE_HEAD, title=title)
    for i, heading in enumerate(headings):
        is_number = numbers_from is not None and i >= numbers_from
        table.add_column(heading, overflow="fold", justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(Text(cell, style=(styles or {}).get(cell, "")) for cell in row))
    console.print(table)


def with_progress(steps: Iterable[Any], name: str, total: int) -> Iterable[Any]:
    """Yield the steps, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    # Not by disabling it: before 14.3, rich ends a disabled progress bar with an empty line.
    if not console.is_terminal:
        return steps
    return track(
        steps, description=f"{name} by {name}", total=total, console=console, transient=True
    )


@contextmanager
def byte_progress(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that shows on a terminal how many bytes have been received."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda count: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(name, total=total)
        yield lambda count: shown.update(task, completed=count)


@contextmanager
def status(beginning: str) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows on a terminal what is going on."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda text: None
        return
    with console.status(beginning) as shown:
        yield shown.update
