"""What a rerun of a chapter file writes: the executed notebook, the verdicts as JSON, the page."""

from pathlib import Path
from typing import Any, Optional, Union

from .._files import as_json, check_file, check_folder, write_whole
from ..errors import ArgumentError
from ..experiments.charts import figure_bytes
from .pictures import likelihood_figure
from .report import make_page, versions
from .runner import ChapterRun

__all__ = ["check_places", "write_run"]


def check_places(chapter: Path, out: Optional[Path], *files: Optional[Path]) -> None:
    """Raise, before any work is done, if a place cannot be written to or is the chapter itself.

    Raises
    ------
    ArgumentError
        If a file would replace the chapter.
    OSError
        If the nearest folder that is there cannot be written to.
    """
    if out:
        check_folder(out)
    for file in filter(None, files):
        if file.resolve() == chapter.resolve():
            raise ArgumentError(f"{file} is the chapter file itself; choose another name")
        check_file(file)


def write_run(
    run: ChapterRun, out: Optional[Path], json_file: Optional[Path], html_file: Optional[Path]
) -> list[Path]:
    """Write what was asked for, each file whole, and return what was written.

    The folder `out` gets the executed notebook, ``<chapter>.rerun.ipynb``, and pictures of what
    each recorded curve says about its hyperparameters. The verdicts go into `json_file`, the page
    into `html_file`.
    """
    import nbformat

    contents: dict[Path, Union[str, bytes]] = {}
    if out:
        stem = run.chapter.path.stem
        contents[out / f"{stem}.rerun.ipynb"] = nbformat.writes(run.notebook) + "\n"
        for cell in run.cells:
            figures = filter(None, map(likelihood_figure, cell.judgements))
            for number, figure in enumerate(figures, start=1):
                path = out / f"{stem}.cell{cell.position}.likelihood{number}.svg"
                contents[path] = figure_bytes(figure, "svg")
    if json_file:
        contents[json_file] = as_json(_content(run))
    if html_file:
        contents[html_file] = make_page(run)
    return [write_whole(path, text) for path, text in contents.items()]


def _content(run: ChapterRun) -> dict[str, Any]:
    return {
        "reproduced": run.is_reproduced,
        "failure": run.failure,
        "file": str(run.chapter.path),
        "sha256": run.chapter.sha256,
        "edition": run.edition,
        "edition_reason": run.edition_reason,
        "data": run.data,
        "versions": versions(),
        "cells": [
            {
                "position": cell.position,
                "prompt": cell.recorded.execution_count,
                "line": cell.line,
                "status": cell.status,
                "recorded": bool(cell.recorded.outputs),
                "outputs": [vars(judgement) for judgement in cell.judgements],
            }
            for cell in run.cells
        ],
    }
