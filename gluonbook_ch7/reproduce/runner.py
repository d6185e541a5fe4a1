"""Run a chapter file in a fresh kernel, cell by cell, and judge each cell as it ends."""

import asyncio
import copy
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Callable

from ..errors import RecordError
from .notebook import Chapter, why_unsupported
from .session import CellFailure, open_session
from .verdict import Judgement, Verdict, hold_together

TIMEOUT = 600  # seconds
RANDOM = "random: the same code gives another output with another seed"


@dataclass
class CellRun:
    """A code cell of a chapter: what it recorded, what it puts out today, and the verdicts."""

    recorded: Any  # the cell as it stands in the file
    today: Any  # the cell as it was run
    position: int  # which code cell it is, counted from 1; the prompt is not unique
    judgements: list[Judgement] = field(default_factory=list)
    status: str = "not run"  # or "run" or "failed"

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
    """A chapter that was run, as far as it went."""

    chapter: Chapter
    cells: list[CellRun]
    notebook: Any  # the chapter with today's outputs
    edition: str = ""  # of the data, or "" where each of the book's packages has its own
    edition_reason: str = ""
    data: list[str] = field(default_factory=list)  # which training data it took, in words
    failure: str = ""  # which cell stopped it, and how
    missing: str = ""  # what the chapter imports and is not installed here

    @property
    def judgements(self) -> list[Judgement]:
        """All verdicts, in order."""
        return [judgement for cell in self.cells for judgement in cell.judgements]

    @property
    def counts(self) -> Counter[Verdict]:
        """How often each verdict occurs."""
        return Counter(judgement.verdict for judgement in self.judgements)

    @property
    def is_reproduced(self) -> bool:
        """Whether it ran to its end and nothing is different."""
        return not self.failure and not self.counts[Verdict.DIFFERENT]

    @property
    def is_judged(self) -> bool:
        """Whether at least one output was judged."""
        return bool(self.counts.keys() - {Verdict.NOT_JUDGED, Verdict.NOT_COMPARABLE})


def rerun_chapter(
    chapter: Chapter,
    timeout: int = TIMEOUT,
    on_cell: Callable[[CellRun], None] = lambda cell: None,
    edition: str = "auto",
) -> ChapterRun:
    """Run a chapter's code, whatever it does, in a fresh kernel and judge what it recorded.

    Each cell may take `timeout` seconds. `on_cell` is called with each cell that is about to run.
    The edition "auto" is that of the data with which the chapter was recorded. A cell that raises
    or hangs and a kernel that dies end the run, and ``failure`` says so. `RecordError` is raised if
    the chapter belongs to another book or another form of this one.
    """
    reason = why_unsupported(chapter.notebook)
    if reason:
        raise RecordError(f"{chapter.path}: {reason}")
    return asyncio.run(_run(prepare(chapter), timeout, on_cell, edition))


def prepare(chapter: Chapter) -> ChapterRun:
    """Return a run of a chapter of which no cell has run yet."""
    notebook = copy.deepcopy(chapter.notebook)
    cells: list[CellRun] = []
    for recorded, today in zip(chapter.notebook.cells, notebook.cells):
        today.metadata.pop("chapter_line", None)
        if today.cell_type == "code":
            today.outputs, today.execution_count = [], None
            cells.append(CellRun(recorded, today, len(cells) + 1))
    return ChapterRun(chapter, cells, notebook)


async def _run(
    run: ChapterRun, timeout: int, on_cell: Callable[[CellRun], None], edition: str
) -> ChapterRun:
    await _run_cells(run, timeout, on_cell, edition)
    decided = iter(hold_together(run.judgements))
    for cell in run.cells:
        cell.judgements = [next(decided) for _ in cell.judgements]
    if any(map(_is_accused, run.judgements)):
        await _excuse(run, timeout)
    return run


async def _run_cells(
    run: ChapterRun,
    timeout: int,
    on_cell: Callable[[CellRun], None],
    edition: str,
    other_seeds: bool = False,
) -> None:
    """Run and judge a chapter's cells, in order, until one fails."""
    async with open_session(run.chapter.path, timeout) as session:
        recorded = [cell.recorded.outputs for cell in run.cells]
        options = {"edition": edition, "other_seeds": other_seeds}
        run.edition, run.edition_reason = await session.call("set_up", recorded=recorded, **options)
        for cell in run.cells:
            on_cell(cell)
            outputs = cell.recorded.outputs
            try:
                await session.run(cell.today)
                # Of a cell that recorded nothing, find only what data it loaded.
                today = cell.today.outputs if outputs else []
                found = await session.call("judge", output=cell.name, recorded=outputs, today=today)
            except CellFailure as failure:
                cell.status = "failed"
                run.failure = f"{run.chapter.path}:{cell.line}: {cell.name} {failure}"
                run.missing = failure.missing
                return
            cell.status = "run"
            judgements = [Judgement(**each) for each in found["judgements"]]
            # JSON has the words of the verdicts.
            cell.judgements = [replace(each, verdict=Verdict(each.verdict)) for each in judgements]
            run.data += [origin for origin in found["data"] if origin not in run.data]


def _is_accused(judgement: Judgement) -> bool:
    """Return True if an output is called different and was not judged as a random one."""
    return judgement.verdict is Verdict.DIFFERENT and "p" not in judgement.numbers


async def _excuse(run: ChapterRun, timeout: int) -> None:
    """Run a chapter again with other seeds, and judge no output that this changes.

    Where a chapter seeds its generators, the numbers are those of its release of MXNet.
    """
    again = prepare(run.chapter)
    for cell, other in zip(run.cells, again.cells):
        other.recorded = copy.deepcopy(cell.recorded)
        other.recorded.outputs = cell.today.outputs
    await _run_cells(again, timeout, lambda cell: None, run.edition, other_seeds=True)
    changed = {each.output for each in again.judgements if each.verdict is Verdict.DIFFERENT}
    for cell in run.cells:
        cell.judgements = [
            replace(each, verdict=Verdict.NOT_JUDGED, basis=RANDOM)
            if _is_accused(each) and each.output in changed
            else each
            for each in cell.judgements
        ]
