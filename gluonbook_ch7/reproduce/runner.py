"""Run a chapter file in a fresh kernel, cell by cell, and judge each cell as it ends."""

import asyncio
import copy
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Callable, Optional

from ..errors import RecordError
from . import evidence, source
from .evidence import LOSS_LINE
from .losses import LossEvidence, evidence_from, outcome_from
from .notebook import Chapter
from .notedown import Cell
from .record import CellOutputs, decode_outputs
from .session import CellFailure, Session
from .verdict import Judgement, Verdict, hold_together, is_reproduced

__all__ = ["CellRun", "ChapterRun", "rerun_chapter"]

TIMEOUT = 600  # seconds
RANDOM = "random: the same code gives another output with another seed"


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
    trainings : list of LossEvidence
        What was found about each of its training calls, if it recorded any output.
    curves : list of list of float, or of None
        The recorded losses of each of them.
    status : str
        ``'not run'``, ``'run'`` or ``'failed'``.
    """

    cell: Cell
    position: int
    outputs: list[dict[str, Any]] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    trainings: list[LossEvidence] = field(default_factory=list)
    curves: list[Optional[list[float]]] = field(default_factory=list)
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
    reason = source.why_unsupported(chapter.cells)
    if reason:
        raise RecordError(f"{chapter.path}: {reason}")
    return asyncio.run(_run(chapter, timeout, on_cell or (lambda cell: None), edition))


async def _run(
    chapter: Chapter, timeout: int, on_cell: Callable[[CellRun], None], edition: str
) -> ChapterRun:
    notebook = copy.deepcopy(chapter.notebook)
    for each in notebook.cells:
        if each.cell_type == "code":
            each.outputs, each.execution_count = [], None
    coded = [index for index, cell in enumerate(chapter.cells) if cell.kind == "code"]
    cells = [CellRun(chapter.cells[index], position) for position, index in enumerate(coded, 1)]
    run = ChapterRun(chapter, cells, notebook)
    recorded = [decode_outputs(cell.cell.outputs, cell.cell.prompt) for cell in cells]
    async with Session(notebook, chapter.path.resolve().parent, timeout) as session:
        claims = {**_first_claims(recorded), "edition": edition, "shift": 0}
        chosen = await session.call("set_up", claims)
        run.edition, run.edition_reason = chosen["edition"], chosen["reason"]
        for index, cell, then in zip(coded, cells, recorded):
            on_cell(cell)
            try:
                await session.run(index)
                report = await session.call("report")
            except CellFailure as failure:
                cell.status = "failed"
                run.failure = f"{chapter.path}:{cell.cell.line}: {cell.name} {failure}"
                run.missing = failure.missing
                break
            finally:
                cell.outputs = notebook.cells[index].outputs
            cell.status = "run"
            run.data += [origin for origin in report["data"] if origin not in run.data]
            if cell.cell.outputs:
                cell.judgements = await _judge(session, cell, then, report)
    _decide(run)
    if any(_is_accused(judgement) for judgement in run.judgements):
        await _excuse(run, timeout)
    return run


def _is_accused(judgement: Judgement) -> bool:
    """Return True if an output is called different and was not judged as a random one."""
    return judgement.verdict is Verdict.DIFFERENT and "p" not in judgement.numbers


async def _excuse(run: ChapterRun, timeout: int) -> None:
    """Run a chapter again with other seeds, and judge no output that this changes.

    Where a chapter seeds its generators, the numbers are those of its release of MXNet.
    """
    notebook = copy.deepcopy(run.notebook)
    coded = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    async with Session(notebook, run.chapter.path.resolve().parent, timeout) as session:
        claims = {"first_losses": [], "printed": [], "edition": run.edition or "auto", "shift": 1}
        await session.call("set_up", claims)
        for index, cell in zip(coded, run.cells):
            try:
                await session.run(index)
            except CellFailure:
                break
            one, other = (
                decode_outputs(outputs) for outputs in (cell.outputs, notebook.cells[index].outputs)
            )
            changed = {
                judgement.output
                for judgement in evidence.judge_cell(cell.name, one, other)
                if judgement.verdict is Verdict.DIFFERENT
            }
            cell.judgements = [
                replace(judgement, verdict=Verdict.NOT_JUDGED, basis=RANDOM)
                if _is_accused(judgement) and judgement.output in changed
                else judgement
                for judgement in cell.judgements
            ]


def _first_claims(recorded: Sequence[CellOutputs]) -> dict[str, Any]:
    """Return what a chapter says of the edition of its data."""
    axes = [axes for cell in recorded for figure in cell.figures for axes in figure.axes]
    curves = [each for each in axes if (each.x_label, each.y_label) == ("epoch", "loss")]
    printed = [float(line[0]) for cell in recorded for line in LOSS_LINE.findall(cell.text)]
    return {
        "first_losses": [float(line.vertices[0, 1]) for each in curves for line in each.polylines],
        "printed": [loss for loss in printed if math.isfinite(loss)],
    }


async def _judge(
    session: Session, cell: CellRun, then: CellOutputs, report: dict[str, Any]
) -> list[Judgement]:
    """Judge what a cell recorded."""
    claims: dict[str, Any] = {
        "trainings": [asdict(each) for each in evidence.claims_of(then, report["trainings"])],
        "descent": evidence.descent_claim(then) if report["descents"] == 1 else None,
    }
    trainings, descent = [], None
    if claims["trainings"] or claims["descent"]:
        found = await session.call("judge", claims)
        trainings = [evidence_from(each) for each in found["trainings"]]
        cell.trainings = trainings
        cell.curves = [claim["losses"] for claim in claims["trainings"]]
        descent = found["descent"] and tuple(map(outcome_from, found["descent"]))
    now = decode_outputs(cell.outputs, cell.cell.prompt)
    judgements = evidence.judge_cell(cell.name, then, now, trainings, descent)
    for output in cell.cell.outputs:
        kinds = output.get("data", {})
        if kinds and not any(kind == "text/plain" or kind.startswith("image/") for kind in kinds):
            name, reason = f"{cell.name}: {', '.join(kinds)}", "no rule judges this kind of output"
            judgements.append(Judgement(name, "an output", "", Verdict.NOT_JUDGED, reason))
    return judgements


def _decide(run: ChapterRun) -> None:
    """Decide on all random outputs of a chapter together."""
    decided = iter(hold_together(run.judgements))
    for cell in run.cells:
        cell.judgements = [next(decided) for _ in cell.judgements]
