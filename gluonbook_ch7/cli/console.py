"""Tables on stdout; progress on stderr, if stderr is a terminal.

Rich is imported when it is first used, because ``--help`` does not need it.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import wrap
from typing import Any, Callable, Optional

__all__ = ["byte_progress", "print_origin", "print_table", "status", "with_progress"]


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers_from: Optional[int] = None,
    styles: Optional[dict[str, str]] = None,
    title: Optional[str] = None,
) -> None:
    """Print rows of text as a table that fits the terminal and breaks no word.

    In a pipe each row is one line. Where a terminal is too narrow for a table, each row is printed
    as a list of headings and cells.

    Parameters
    ----------
    headings : sequence of str
    rows : iterable of sequences of str
    numbers_from : int, optional
        Index of the first column of numbers; it and those after it are right-aligned.
    styles : dict, optional
        Maps the text of a cell to its Rich style; such a cell stays in one line.
    title : str, optional
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    styles = styles or {}
    console = Console()
    overhead = 3 * len(headings) + 1  # what Rich puts between and around the cells
    if not console.is_terminal:
        console = Console(width=10_000)
    widths = _widths([headings, *rows], styles, console.width - overhead)
    if widths is None:
        _print_list(console, headings, rows, styles, title)
        return
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for i, (heading, width) in enumerate(zip(headings, widths)):
        is_number = numbers_from is not None and i >= numbers_from
        table.add_column(heading, width=width, justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(Text(cell, style=styles.get(cell, "")) for cell in row))
    console.print(table)


def _widths(
    rows: Sequence[Sequence[str]], unbroken: Container[str], available: int
) -> Optional[list[int]]:
    """Return widths of the columns that add up to what is available, or None if none would do.

    No word is broken, and no text in `unbroken`.
    """
    from rich.cells import cell_len

    columns = list(zip(*rows))
    words = [
        [word for text in column for word in ([text] if text in unbroken else text.split())]
        for column in columns
    ]
    least = [max(map(cell_len, each), default=0) for each in words]
    widths = [max(map(cell_len, column)) for column in columns]
    if sum(least) > available:
        return None
    while sum(widths) > available:
        # Shrink the column that makes the table the least taller, of several the widest.
        shrunk = [
            [*widths[:i], width - 1, *widths[i + 1 :]] if width > least[i] else None
            for i, width in enumerate(widths)
        ]
        widths = min(filter(None, shrunk), key=lambda each: (_height(rows, each), max(each)))
    return widths


def _height(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> int:
    """Return how many lines the rows take."""
    return sum(
        max(len(wrap(cell, max(width, 1))) for cell, width in zip(row, widths)) for row in rows
    )


def _print_list(
    console: Any,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Mapping[str, str],
    title: Optional[str],
) -> None:
    """Print each row as lines, a heading and a cell in each."""
    from rich.text import Text

    if title:
        console.print(title)
    for row in rows:
        console.print()
        for heading, cell in zip(headings, row):
            if cell:
                label = f"{heading}: " if heading else ""
                line = Text.assemble("  ", (label, "bold"), (cell, styles.get(cell, "")))
                console.print(line, soft_wrap=True)
    console.print()


def print_origin(origin: Mapping[str, str]) -> None:
    """Print where the data came from, and in which edition if they have one."""
    edition = f"edition {origin['edition']}, " if "edition" in origin else ""
    print(f"Data: {edition}{origin['data']}.")


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
