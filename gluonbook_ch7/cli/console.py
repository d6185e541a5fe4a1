"""Tables and figures on stdout; progress on stderr, if stderr is a terminal.

Rich is imported when it is first used, because ``--help`` does not need it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Callable, Optional

import click


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
    as a list of headings and cells. Columns from the number `numbers_from` on are right-aligned.
    `styles` maps the text of a cell to its Rich style, and keeps that cell on one line.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows, styles = list(rows), styles or {}
    console = Console()
    if not console.is_terminal:
        console = Console(width=10_000)
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    narrowest = 1
    for i, cells in enumerate(zip(headings, *rows)):
        words = [word for cell in cells for word in ([cell] if cell in styles else cell.split())]
        longest = max(map(cell_len, words), default=0)
        narrowest += longest + 3  # what Rich puts around a cell
        is_number = numbers_from is not None and i >= numbers_from
        table.add_column(cells[0], min_width=longest, justify="right" if is_number else "left")
    if narrowest > console.width:
        click.echo(title or "")
        for row in rows:
            for heading, cell in zip(headings, row):
                if cell:
                    click.echo(f"  {heading}: {cell}" if heading else f"  {cell}")
            click.echo()
        return
    for row in rows:
        table.add_row(*(Text(cell, style=styles.get(cell, "")) for cell in row))
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip())


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, such as "1 seed" or "16 seeds"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def print_origin(origin: Mapping[str, str]) -> None:
    """Print where the data came from, and in which edition if they have one."""
    edition = f"edition {origin['edition']}, " if "edition" in origin else ""
    click.echo(f"Data: {edition}{origin['data']}.")


def write_plot(result: Any, folder: Path, name: str) -> None:
    """Plot the result of a comparison or a sweep into files, and print their names."""
    from ..experiments.charts import write_figure
    from ..figures import plt

    figure = result.plot()[0].figure
    for path in write_figure(figure, folder, name):
        click.echo(f"Wrote {path}")
    plt.close(figure)


@contextmanager
def progress(description: str, total: Optional[float] = None) -> Iterator[Callable[..., None]]:
    """Show a progress bar on a terminal; yield a function that changes it.

    Its keyword arguments are those of ``rich.progress.Progress.update``. Without a total the bar
    shows only that something is going on.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    # Not by disabling it: before 14.3, rich ends a disabled progress bar with an empty line.
    if not console.is_terminal:
        yield lambda **changes: None
        return
    with Progress(console=console, transient=True) as shown:
        yield partial(shown.update, shown.add_task(description, total=total))
