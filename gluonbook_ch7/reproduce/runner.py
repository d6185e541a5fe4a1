"""Run a chapter file in a fresh kernel, cell by cell, and judge each cell as it ends."""

import asyncio
import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

import numpy as np

from . import evidence
from .evidence import Judgement, Training, Verdict
from .notebook import Chapter
from .notedown import Cell
from .record import decode_outputs
from .session import CellFailure, Session

__all__ = ["CellRun", "ChapterRun", "rerun_chapter"]

TIMEOUT = 600  # seconds


@dataclass
class CellRun:
    """A code cell of a chapter: what it recorded, what it puts out today, and the verdicts.

    Attributes
    ----------
    cell : Cell
        As it stands in the file.
    position : int
        Which code cell it is, counted from 1; the prompt is not unique.
    outputs : list of dict
        What it puts out today, in the form of nbformat 4.
    judgements : list of Judgement
    status : str
        ``'not run'``, ``'run'`` or ``'failed'``.
    """

    cell: Cell
    position: int
    outputs: list[dict[str, Any]] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    status: str = "not run"

    @property
    def name(self) -> str:
        """The cell's name in messages and verdicts."""
        prompt = f" (n={self.cell.prompt})" if self.cell.prompt is not None else ""
        return f"cell {self.position}{prompt}"


@dataclass
class ChapterRun:
    """A chapter that was run, as far as it went.

    Attributes
    ----------
    chapter : Chapter
    cells : list of CellRun
        Its code cells, in order.
    notebook : NotebookNode
        The chapter with today's outputs.
    data : list of str
        Which training data it took, in words.
    failure : str
        Which cell stopped it and how, or ``''``.
    """

    chapter: Chapter
    cells: list[CellRun]
    notebook: Any
    data: list[str] = field(default_factory=list)
    failure: str = ""

    @property
    def judgements(self) -> list[Judgement]:
        """All verdicts, in order."""
        return [judgement for cell in self.cells for judgement in cell.judgements]

    @property
    def is_reproduced(self) -> bool:
        """Whether it ran to its end and nothing is different."""
        return not self.failure and evidence.is_reproduced(self.judgements)


def rerun_chapter(
    chapter: Chapter,
    timeout: int = TIMEOUT,
    on_cell: Optional[Callable[[CellRun], None]] = None,
    runs: int = evidence.RUNS,
) -> ChapterRun:
    """Run a chapter's code in a fresh kernel and judge what it recorded.

    Parameters
    ----------
    chapter : Chapter
        What `read_chapter` returned. Its code is executed, whatever it does.
    timeout : int
        How many seconds each cell may take; then the kernel is ended.
    on_cell : callable, optional
        Called with each `CellRun` that is about to run.
    runs : int
        How many shuffles a recorded training call is held against.

    Returns
    -------
    ChapterRun
        A cell that raises or hangs and a kernel that dies end the run; ``failure`` says so.
    """
    return asyncio.run(_run(chapter, timeout, on_cell or (lambda cell: None), runs))


async def _run(
    chapter: Chapter, timeout: int, on_cell: Callable[[CellRun], None], runs: int
) -> ChapterRun:
    notebook = copy.deepcopy(chapter.notebook)
    _clear(notebook)
    coded = [index for index, cell in enumerate(chapter.cells) if cell.kind == "code"]
    cells = [CellRun(chapter.cells[index], position) for position, index in enumerate(coded, 1)]
    run = ChapterRun(chapter, cells, notebook)
    async with Session(notebook, chapter.path.resolve().parent, timeout) as session:
        for index, cell in zip(coded, cells):
            on_cell(cell)
            try:
                await session.run(index)
                report = await session.report(runs if cell.cell.outputs else 0)
            except CellFailure as failure:
                cell.status = "failed"
                run.failure = f"{chapter.path}:{cell.cell.line}: {cell.name} {failure}"
                break
            finally:
                cell.outputs = notebook.cells[index].outputs
            cell.status = "run"
            run.data += [origin for origin in report["data"] if origin not in run.data]
            cell.judgements = _judge(cell, report["trainings"])
    return run


def _clear(notebook: Any) -> None:
    """Take the recorded outputs out of a notebook that is to be run."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def _judge(cell: CellRun, trainings: Sequence[dict[str, Any]]) -> list[Judgement]:
    """Judge what a cell recorded; nothing if it recorded nothing."""
    recorded = cell.cell.outputs
    if not recorded:
        return []
    then, now = (decode_outputs(outputs, cell.cell.prompt) for outputs in (recorded, cell.outputs))
    judgements = evidence.judge_cell(cell.name, then, now, [_training(each) for each in trainings])
    for output in recorded:
        kinds = output.get("data", {})
        if kinds and not any(kind == "text/plain" or kind.startswith("image/") for kind in kinds):
            name, reason = f"{cell.name}: {', '.join(kinds)}", "no rule judges this kind of output"
            judgements.append(Judgement(name, "an output", "", Verdict.NOT_JUDGED, reason))
    return judgements


def _training(report: dict[str, Any]) -> Training:
    """Return a training call as the kernel reported it."""
    epochs, losses = (np.array(report[name], np.float64) for name in ("epochs", "losses"))
    sample = None if report["sample"] is None else np.array(report["sample"], np.float64)
    return Training(epochs, losses, sample, report["refusal"])
