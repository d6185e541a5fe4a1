"""What a rerun of a chapter file writes: the executed notebook, the verdicts as JSON, the page."""

import os
import tempfile
from pathlib import Path
from typing import Any, Optional, Union

from .._files import as_json, write_whole
from ..errors import ArgumentError
from ..experiments.charts import figure_bytes
from .interval_chart import likelihood_figure
from .report import make_page, versions
from .runner import CellRun, ChapterRun

__all__ = ["check_places", "write_run"]


def check_places(chapter: Path, out: Optional[Path], *files: Optional[Path]) -> None:
    """Raise, before any work is done, if a place cannot be written to or is the chapter itself.

    Nothing is left behind: folders that are missing are made when they are needed.

    Raises
    ------
    ArgumentError
        If a file would replace the chapter.
    OSError
        If the nearest folder that is there cannot be written to.
    """
    folders = [out] if out else []
    for file in files:
        if file and file.resolve() == chapter.resolve():
            raise ArgumentError(f"{file} is the chapter file itself; choose another name")
        folders += [file.parent] if file else []
    for folder in folders:
        there = folder.resolve()
        while not os.path.lexists(there):
            there = there.parent
        with tempfile.TemporaryFile(dir=there):
            pass


def write_run(
    run: ChapterRun, out: Optional[Path], json_file: Optional[Path], html_file: Optional[Path]
) -> list[Path]:
    """Write what was asked for, each file whole, and return what was written.

    Parameters
    ----------
    run : ChapterRun
    out : Path, optional
        The folder of the executed notebook, ``<chapter>.rerun.ipynb``, and of pictures of what
        each recorded curve says about its hyperparameters.
    json_file, html_file : Path, optional
        The verdicts for programs, and the page for readers.
    """
    contents: dict[Path, Union[str, bytes]] = {}
    if out:
        contents[out / f"{run.chapter.path.stem}.rerun.ipynb"] = _notebook_text(run)
        contents.update(_likelihoods(run, out))
    if json_file:
        contents[json_file] = as_json(_content(run))
    if html_file:
        contents[html_file] = make_page(run)
    return [write_whole(path, text) for path, text in contents.items()]


def _likelihoods(run: ChapterRun, folder: Path) -> dict[Path, bytes]:
    """Return the likelihoods of the recorded curves as pictures, one for each training call."""
    pictures = {}
    for cell in run.cells:
        figures = [figure for each in cell.judgements if (figure := likelihood_figure(each))]
        for number, figure in enumerate(figures, start=1):
            name = f"{run.chapter.path.stem}.cell{cell.position}.likelihood{number}.svg"
            pictures[folder / name] = figure_bytes(figure, "svg")
    return pictures


def _notebook_text(run: ChapterRun) -> str:
    import nbformat

    text: str = nbformat.writes(run.notebook)
    return text + "\n"


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
        "cells": [_cell(cell) for cell in run.cells],
    }


def _cell(cell: CellRun) -> dict[str, Any]:
    return {
        "position": cell.position,
        "prompt": cell.cell.prompt,
        "line": cell.cell.line,
        "status": cell.status,
        "recorded": bool(cell.cell.outputs),
        "outputs": [vars(judgement) for judgement in cell.judgements],
    }
