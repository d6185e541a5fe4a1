"""Run a chapter file in a fresh kernel, cell by cell, and judge each cell as it ends."""

import asyncio
import copy
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Optional

from ..errors import RecordError
from .notebook import Chapter, why_unsupported
from .session import CellFailure, Session, open_session
from .verdict import Judgement, Verdict, hold_together, is_reproduced

__all__ = ["CellRun", "ChapterRun", "prepare", "rerun_chapter"]

TIMEOUT = 600  # seconds
RANDOM = "random: the same code gives another output with another seed"


@dataclass
class CellRun:
    """A code cell of a chapter: what it recorded, what it puts out today, and the verdicts.

    Attributes
    ----------
    recorded, today : NotebookNode
        The cell as it stands in the file, and as it was run.
    position : int
        Which code cell it is, counted from 1; the prompt is not unique.
    index : int
        Which cell of the notebook it is, counted from 0.
    judgements : list of Judgement
    status : str
        ``'not run'``, ``'run'`` or ``'failed'``.
    """

    recorded: Any
    today: Any
    position: int
    index: int
    judgements: list[Judgement] = field(default_factory=list)
    status: str = "not run"

    @property
    def name(self) -> str:
        """The cell's name in messages and verdicts."""
        prompt = self.recorded.execution_count
        return f"cell {self.position}" + (f" (n={prompt})" if prompt is not None else "")

    @property
    def line(self) -> int:
        """The line of the file on which it begins; 1 for a notebook."""
        return int(self.recorded.metadata.get("chapter_line", 1))


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
    edition, edition_reason : str
        The edition of the data that the record or the reader asks for, and why; empty where each
        package has its own.
    data : list of str
        Which training data it took, in words.
    failure : str
        Which cell stopped it and how, or ``''``.
    missing : str
        What the chapter imports and is not installed here, or ``''``.
    """

    chapter: Chapter
    cells: list[CellRun]
    notebook: Any
    edition: str = ""
    edition_reason: str = ""
    data: list[str] = field(default_factory=list)
    failure: str = ""
    missing: str = ""

    @property
    def judgements(self) -> list[Judgement]:
        """All verdicts, in order."""
        return [judgement for cell in self.cells for judgement in cell.judgements]

    @property
    def is_reproduced(self) -> bool:
        """Whether it ran to its end and nothing is different."""
        return not self.failure and is_reproduced(self.judgements)

    @property
    def is_judged(self) -> bool:
        """Whether at least one output was judged."""
        unjudged = (Verdict.NOT_JUDGED, Verdict.NOT_COMPARABLE)
        return any(judgement.verdict not in unjudged for judgement in self.judgements)


def rerun_chapter(
    chapter: Chapter,
    timeout: int = TIMEOUT,
    on_cell: Optional[Callable[[CellRun], None]] = None,
    edition: str = "auto",
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
    edition : {"auto", "0.7", "1.0"}
        Of the data that the book's package gives the chapter; "auto" is the one with which the
        chapter was recorded.

    Returns
    -------
    ChapterRun
        A cell that raises or hangs and a kernel that dies end the run; ``failure`` says so.

    Raises
    ------
    RecordError
        If the chapter belongs to another book or another form of this one.
    """
    reason = why_unsupported(chapter.notebook)
    if reason:
        raise RecordError(f"{chapter.path}: {reason}")
    return asyncio.run(_run(prepare(chapter), timeout, on_cell or (lambda cell: None), edition))


def prepare(chapter: Chapter) -> ChapterRun:
    """Return a run of a chapter of which no cell has run yet."""
    notebook = copy.deepcopy(chapter.notebook)
    cells: list[CellRun] = []
    for index, today in enumerate(notebook.cells):
        today.metadata.pop("chapter_line", None)
        if today.cell_type == "code":
            today.outputs, today.execution_count = [], None
            recorded = chapter.notebook.cells[index]
            cells.append(CellRun(recorded, today, len(cells) + 1, index))
    return ChapterRun(chapter, cells, notebook)


async def _run(
    run: ChapterRun, timeout: int, on_cell: Callable[[CellRun], None], edition: str
) -> ChapterRun:
    async with open_session(run.notebook, run.chapter.path.resolve().parent, timeout) as session:
        recorded = [cell.recorded.outputs for cell in run.cells]
        chosen = await session.call("set_up", recorded=recorded, edition=edition)
        run.edition, run.edition_reason = chosen["edition"], chosen["reason"]
        for cell in run.cells:
            on_cell(cell)
            try:
                await session.run(cell.index)
                # Of a cell that recorded nothing, find only what data it loaded.
                today = cell.today.outputs if cell.recorded.outputs else []
                found = await _judge(session, cell.name, cell.recorded.outputs, today)
            except CellFailure as failure:
                cell.status = "failed"
                run.failure = f"{run.chapter.path}:{cell.line}: {cell.name} {failure}"
                run.missing = failure.missing
                break
            cell.status = "run"
            cell.judgements, origins = found
            run.data += [origin for origin in origins if origin not in run.data]
    decided = iter(hold_together(run.judgements))
    for cell in run.cells:
        cell.judgements = [next(decided) for _ in cell.judgements]
    if any(_is_accused(judgement) for judgement in run.judgements):
        await _excuse(run, timeout)
    return run


async def _judge(
    session: Session, name: str, recorded: Any, today: Any
) -> tuple[list[Judgement], list[str]]:
    """Judge the cell that ran last; return also which data it loaded."""
    found = await session.call("judge", output=name, recorded=recorded, today=today)
    judgements = [
        Judgement(**{**each, "verdict": Verdict(each["verdict"])}) for each in found["judgements"]
    ]
    return judgements, found["data"]


def _is_accused(judgement: Judgement) -> bool:
    """Return True if an output is called different and was not judged as a random one."""
    return judgement.verdict is Verdict.DIFFERENT and "p" not in judgement.numbers


async def _excuse(run: ChapterRun, timeout: int) -> None:
    """Run a chapter again with other seeds, and judge no output that this changes.

    Where a chapter seeds its generators, the numbers are those of its release of MXNet.
    """
    notebook = copy.deepcopy(run.notebook)
    async with open_session(notebook, run.chapter.path.resolve().parent, timeout) as session:
        edition = run.edition or "auto"
        await session.call("set_up", recorded=[], edition=edition, other_seeds=True)
        for cell in run.cells:
            try:
                await session.run(cell.index)
                again = notebook.cells[cell.index].outputs
                judgements, _ = await _judge(session, cell.name, cell.today.outputs, again)
            except CellFailure:
                break
            changed = {each.output for each in judgements if each.verdict is Verdict.DIFFERENT}
            cell.judgements = [
                replace(each, verdict=Verdict.NOT_JUDGED, basis=RANDOM)
                if _is_accused(each) and each.output in changed
                else each
                for each in cell.judgements
            ]
