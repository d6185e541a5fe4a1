"""Run a chapter file in a fresh kernel, cell by cell, and judge each cell as it ends."""

import asyncio
import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Callable

from nbclient.exceptions import CellTimeoutError
from nbformat import NotebookNode

from ..errors import GluonbookError, RecordError
from . import kernel_client
from .notebook import Chapter, runs_command, why_unsupported
from .verdict import Judgement, Verdict, hold_together, is_reproduced

RANDOM = "random: the same code gives another output with another seed"
COMMAND = "what a command of the system prints, or a folder holds, belongs to one machine"
# Raised where a module is not installed, and where nobody is there to answer `input()`.
LACKING = ("ModuleNotFoundError", "StdinNotImplementedError")


@dataclass
class CellRun:
    """A code cell of a chapter: its recorded outputs, today's, and the verdicts."""

    recorded: Any  # the cell as it stands in the file
    today: Any  # the cell as it was run
    position: int  # which code cell it is, counted from 1; the prompt is not unique
    line: int  # of the file, on which it begins; 1 for a notebook
    judgements: list[Judgement] = field(default_factory=list)
    status: str = "not run"  # or "run" or "failed"

    @property
    def name(self) -> str:
        prompt = self.recorded.execution_count
        return f"cell {self.position}" + (f" (n={prompt})" if prompt is not None else "")


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
    is_lacking: bool = False  # whether that cell needs a module, or an answer, that is not here

    @property
    def judgements(self) -> list[Judgement]:
        return [judgement for cell in self.cells for judgement in cell.judgements]

    @property
    def counts(self) -> Counter[Verdict]:
        return Counter(judgement.verdict for judgement in self.judgements)

    @property
    def is_reproduced(self) -> bool:
        """Whether it ran to its end and nothing is different."""
        return not self.failure and is_reproduced(self.judgements)


def rerun_chapter(
    chapter: Chapter,
    timeout: int = 600,
    on_cell: Callable[[CellRun], None] = lambda cell: None,
    edition: str = "auto",
) -> ChapterRun:
    """Run a chapter's code, whatever it does, in a fresh kernel and judge what it recorded.

    Each cell may take `timeout` seconds. `on_cell` is called with each cell that is about to run.
    The edition "auto" is that of the data with which the chapter was recorded. A cell that hangs or
    raises what it did not record, or a kernel that dies, ends the run, and ``failure`` says so.
    `RecordError` is raised if the chapter belongs to another book or another form of this one.
    """
    reason = why_unsupported(chapter.notebook)
    if reason:
        raise RecordError(f"{chapter.path}: {reason}")
    run = prepare(chapter)
    asyncio.run(_run_cells(run, timeout, edition, on_cell))
    judgements = hold_together(run.judgements)
    if any(map(_is_accused, judgements)):
        random = _random_outputs(run, timeout)
        judgements = [
            replace(each, verdict=Verdict.NOT_JUDGED, basis=RANDOM)
            if _is_accused(each) and place in random
            else each
            for place, each in _with_places(judgements)
        ]
    decided = iter(judgements)
    for cell in run.cells:
        cell.judgements = [next(decided) for _ in cell.judgements]
    return run


def prepare(chapter: Chapter) -> ChapterRun:
    """Return a run of a chapter of which no cell has run yet."""
    run = ChapterRun(chapter, [], copy.deepcopy(chapter.notebook))
    for recorded, today in zip(chapter.notebook.cells, run.notebook.cells):
        line = today.metadata.pop("chapter_line", 1)
        if today.cell_type == "code":
            today.outputs, today.execution_count = [], None
            run.cells.append(CellRun(recorded, today, len(run.cells) + 1, line))
    return run


async def _run_cells(
    run: ChapterRun,
    timeout: int,
    edition: str,
    on_cell: Callable[[CellRun], None] = lambda cell: None,
    other_seeds: bool = False,
) -> None:
    """Run and judge a chapter's cells, in order, until one fails."""
    async with kernel_client.open_kernel(run.chapter.path.resolve().parent) as kernel:
        recorded = [cell.recorded.outputs for cell in run.cells]
        settings = {"edition": edition, "other_seeds": other_seeds}
        try:
            found = await kernel_client.call(kernel, "set_up", recorded=recorded, **settings)
        except kernel_client.CellFailure as failure:
            raise GluonbookError(f"the kernel was not set up: it {failure.__cause__}") from failure
        run.edition, run.edition_reason, more_runs = found
        for cell in run.cells:
            on_cell(cell)
            try:
                recorded_errors = [each.ename for each in cell.recorded.outputs if "ename" in each]
                await kernel_client.execute(kernel, cell.today, timeout, allowed=recorded_errors)
                outputs = {"recorded": cell.recorded.outputs, "today": cell.today.outputs}
                found = await kernel_client.call(
                    kernel, "judge", output=cell.name, more_runs=more_runs, **outputs
                )
            except kernel_client.CellFailure as failure:
                cell.status = "failed"
                run.failure = f"{run.chapter.path}:{cell.line}: {cell.name} {failure}"
                if isinstance(failure.__cause__, CellTimeoutError):
                    run.failure += "; --timeout gives it longer"
                run.is_lacking = getattr(failure.__cause__, "ename", "") in LACKING
                return
            cell.status = "run"
            for content in found["judgements"]:
                judgement = Judgement(**{**content, "verdict": Verdict(content["verdict"])})
                is_text = judgement.output in (f"{cell.name}: text", f"{cell.name}: value")
                if is_text and _is_accused(judgement) and runs_command(cell.recorded.source):
                    judgement = replace(judgement, verdict=Verdict.NOT_COMPARABLE, basis=COMMAND)
                cell.judgements.append(judgement)
            run.data += [origin for origin in found["data"] if origin not in run.data]


def _is_accused(judgement: Judgement) -> bool:
    """Return True if an output is called different and was not judged as a random one."""
    return judgement.verdict is Verdict.DIFFERENT and "p" not in judgement.numbers


def _with_places(judgements: Sequence[Judgement]) -> Iterator[tuple[tuple[str, int], Judgement]]:
    """Yield each judgement with its output's name and which output of that name it is."""
    seen: Counter[str] = Counter()
    for judgement in judgements:
        seen[judgement.output] += 1
        yield (judgement.output, seen[judgement.output]), judgement


def _random_outputs(run: ChapterRun, timeout: int) -> set[tuple[str, int]]:
    """Return the places of the outputs that change when the chapter runs again with other seeds."""
    # Also where a chapter seeds its generators: MXNet's numbers are those of its release.
    again = prepare(run.chapter)
    for cell, other in zip(run.cells, again.cells):
        other.recorded = NotebookNode(cell.recorded, outputs=cell.today.outputs)
    asyncio.run(_run_cells(again, timeout, run.edition, other_seeds=True))
    judged_again = _with_places(again.judgements)
    return {place for place, each in judged_again if each.verdict is Verdict.DIFFERENT}
