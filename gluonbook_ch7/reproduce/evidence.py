"""Compare what was recorded with what a rerun gives; each verdict has its numbers.

Text is judged number by number, figures as geometry, and random outputs as one draw from the
distribution that the same call has. The built-in section and a chapter file are judged alike, a
cell at a time, by `judge_cell`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Optional

from .axis import RESOLUTION
from .chance import RUNS
from .geometry import EXACT, in_brief, judge_figures
from .losses import PRINTED, LossEvidence, Outcome
from .record import CellOutputs
from .starts import PRECISION
from .svg import Axes, Figure, Polyline
from .text import TIME, judge_text, judge_time
from .verdict import Judgement, Verdict

__all__ = ["RUNS", "Claim", "claims_of", "judge_cell"]

LOSS_LINE = re.compile(r"loss: (-?(?:\d+\.\d+|inf|nan)), (\d+\.\d+) sec per epoch\n?")
END_LINE = re.compile(r"x1 (\S+), x2 (\S+)")

NO_CALL = "a random loss, and no training call that could be repeated"


@dataclass(frozen=True)
class Claim:
    """What a cell recorded of one training call: the loss curve and the printed loss, if any."""

    losses: Optional[list[float]] = None
    printed: Optional[float] = None


def claims_of(recorded: CellOutputs, calls: int) -> list[Claim]:
    """Return what a cell recorded of each of its training calls."""
    curves = [line.vertices[:, 1].tolist() for _, line in _curves(recorded)]
    lines = LOSS_LINE.findall(recorded.text)
    return [
        Claim(
            curves[number] if len(curves) == calls else None,
            float(lines[number][0]) if len(lines) == calls else None,
        )
        for number in range(calls)
    ]


def judge_cell(
    output: str,
    recorded: CellOutputs,
    rerun: CellOutputs,
    trainings: Sequence[LossEvidence] = (),
    descent: Optional[tuple[Optional[Outcome], Optional[Outcome]]] = None,
) -> list[Judgement]:
    """Judge everything that a cell recorded, and what it puts out today beside that.

    Parameters
    ----------
    output : str
        What to call the cell.
    recorded, rerun : CellOutputs
        What it put out then and now.
    trainings : sequence of LossEvidence
        One for each training call that it made now, in order.
    descent : (Outcome or None, Outcome or None), optional
        For a cell with a random descent: what can be said of its trace and of its printed end.

    Returns
    -------
    list of Judgement
        None at all if nothing was recorded and nothing is put out.
    """
    if trainings:
        judgements = _judge_trainings(output, recorded, rerun, trainings)
    elif LOSS_LINE.search(recorded.text):
        judgements = _judge_uncalled(output, recorded, rerun)
    elif descent:
        judgements = _judge_descent(output, recorded, rerun, *descent)
    else:
        judgements = _judge_printed(output, recorded.text, rerun.text)
        judgements += judge_figures(output, recorded.figures, rerun.figures)
    pairs = zip_longest(recorded.values, rerun.values, fillvalue="")
    judgements += [judge_text(f"{output}: value", then, now) for then, now in pairs]
    if recorded.error or rerun.error:
        judgements.append(judge_text(f"{output}: error", recorded.error, rerun.error))
    if recorded.wrote_stderr:
        name, reason = f"{output}: stderr", "warnings belong to one machine and its versions"
        judgements.append(Judgement(name, "warnings", "", Verdict.NOT_COMPARABLE, reason))
    return judgements


def _judge_printed(output: str, recorded: str, rerun: str) -> list[Judgement]:
    """Judge what a cell printed, if anything, and show the times that were left aside."""
    if not recorded.strip() and not rerun.strip():
        return []
    judgements = [judge_text(f"{output}: text", recorded, rerun)]
    times, times_now = (", ".join(TIME.findall(text)) for text in (recorded, rerun))
    return judgements + ([judge_time(output, times, times_now)] if times else [])


def _judge_uncalled(output: str, recorded: CellOutputs, rerun: CellOutputs) -> list[Judgement]:
    """Return that random losses are not judged, because their distribution is unknown."""
    text, text_now = recorded.text.strip(), rerun.text.strip()
    judgements = [Judgement(f"{output}: text", text, text_now, Verdict.NOT_JUDGED, NO_CALL)]
    for figure in recorded.figures:
        name, brief = f"{output}: figure", in_brief(figure)
        judgements.append(Judgement(name, brief, "", Verdict.NOT_JUDGED, NO_CALL))
    return judgements


# --- Random descents ----------------------------------------------------------------------------


def descent_claim(recorded: CellOutputs) -> dict[str, Any]:
    """Return the trace that a cell recorded and the end that it printed; None where it did not."""
    traces = [line.vertices.tolist() for line in _traces(recorded.figures)]
    ends = END_LINE.findall(recorded.text)
    return {
        "trace": traces[0] if len(traces) == 1 else None,
        "end": [float(number) for number in ends[0]] if len(ends) == 1 else None,
    }


def _judge_descent(
    output: str,
    recorded: CellOutputs,
    rerun: CellOutputs,
    trace: Optional[Outcome],
    end: Optional[Outcome],
) -> list[Judgement]:
    judgements = []
    text, text_now = recorded.text.strip(), rerun.text.strip()
    if end:
        judgements.append(_of_outcome(f"{output}: printed end", text, text_now, end))
    elif text:
        judgements += _judge_printed(output, text, text_now)
    if trace:
        then, now = (
            f"a trace of {len(_traces(each.figures)[0].vertices)} points"
            for each in (recorded, rerun)
        )
        judgements.append(_of_outcome(f"{output}: trace", then, now, trace))
        before, after = (_without_traces(each.figures) for each in (recorded, rerun))
        return judgements + judge_figures(output, before, after)
    return judgements + judge_figures(output, recorded.figures, rerun.figures)


def _traces(figures: Sequence[Figure]) -> list[Polyline]:
    axes = [axes for figure in figures for axes in figure.axes]
    return [line for each in axes for line in each.polylines if line.marker and line.line]


def _without_traces(figures: Sequence[Figure]) -> tuple[Figure, ...]:
    def rest(axes: Axes) -> Axes:
        lines = tuple(line for line in axes.polylines if not (line.marker and line.line))
        return replace(axes, polylines=lines)

    return tuple(replace(figure, axes=tuple(map(rest, figure.axes))) for figure in figures)


# --- Training -----------------------------------------------------------------------------------


def _judge_trainings(
    output: str, recorded: CellOutputs, rerun: CellOutputs, trainings: Sequence[LossEvidence]
) -> list[Judgement]:
    """Judge what a training cell printed and drew."""
    names = [output]
    if len(trainings) > 1:
        names = [f"{output}, call {number}" for number, _ in enumerate(trainings, start=1)]
    then, now = (LOSS_LINE.findall(text) for text in (recorded.text, rerun.text))
    judgements: list[Judgement] = []
    if len(then) == len(now) == len(trainings):
        claims = claims_of(recorded, len(trainings))
        for name, training, claim, before, after in zip(names, trainings, claims, then, now):
            if training.printed:
                outcome = _check_end(claim) or training.printed
                judgements.append(
                    _of_outcome(f"{name}: printed loss", before[0], after[0], outcome)
                )
            judgements.append(judge_time(name, f"{before[1]} s", f"{after[1]} s"))
        rest = (LOSS_LINE.sub("", text) for text in (recorded.text, rerun.text))
        judgements += _judge_printed(output, *rest)
    else:
        judgements += _judge_printed(output, recorded.text, rerun.text)
    return judgements + _judge_curves(output, names, recorded, rerun, trainings)


def _check_end(claim: Claim) -> Optional[Outcome]:
    """Return a verdict if the recorded curve does not end at the recorded printed loss."""
    if claim.losses is None or claim.printed is None:
        return None
    end = claim.losses[-1]
    if abs(claim.printed - end) <= PRINTED + PRECISION * abs(end):
        return None
    basis = f"{claim.printed:.6f} was printed, but the recorded curve ends at {end:.6f}"
    return Outcome(Verdict.DIFFERENT, basis, {"difference": abs(claim.printed - end)})


def _judge_curves(
    output: str,
    names: Sequence[str],
    recorded: CellOutputs,
    rerun: CellOutputs,
    trainings: Sequence[LossEvidence],
) -> list[Judgement]:
    """Judge the loss curves of a training cell, which are all that its figures show."""
    if not recorded.figures or not rerun.figures:
        return judge_figures(output, recorded.figures, rerun.figures)
    then, now = _curves(recorded), _curves(rerun)
    brief = in_brief(recorded.figures[0]), in_brief(rerun.figures[0])
    refusals = [figure.refusal for figure in recorded.figures + rerun.figures if figure.refusal]
    if refusals or len(now) != len(trainings):
        reason = refusals[0] if refusals else "its lines are not those of the training calls"
        return [Judgement(f"{output}: figure", *brief, Verdict.NOT_JUDGED, reason)]
    if len(then) != len(now):
        basis = f"{len(then)} lines became {len(now)}"
        return [Judgement(f"{output}: figure", *brief, Verdict.DIFFERENT, basis)]
    judgements = []
    for name, before, after, training in zip(names, then, now, trainings):
        judgements.append(_judge_frame(f"{name}: axes", before, after))
        losses = before[1].vertices[:, 1]
        judgements.append(_judge_start(f"{name}: first loss", losses[0], before[0], training))
        if training.later:
            later = f"{name}: {len(losses) - 1} later losses"
            ends = f"… {losses[-1]:.6f}", f"… {training.losses[-1]:.6f}"
            judgements.append(_of_outcome(later, *ends, training.later))
    return judgements


def _curves(outputs: CellOutputs) -> list[tuple[Axes, Polyline]]:
    axes = [axes for figure in outputs.figures for axes in figure.axes]
    return [(each, line) for each in axes for line in each.polylines]


def _judge_frame(
    output: str, recorded: tuple[Axes, Polyline], rerun: tuple[Axes, Polyline]
) -> Judgement:
    """Judge where a loss curve has its checkpoints, its look, and what its axes are called."""
    (axes, line), (axes_now, line_now) = recorded, rerun
    epochs, epochs_now = line.vertices[:, 0], line_now.vertices[:, 0]
    labels, labels_now = ((each.x_label, each.y_label) for each in (axes, axes_now))
    brief = f"{len(epochs)} losses; {', '.join(labels)}"
    brief_now = f"{len(epochs_now)} losses; {', '.join(labels_now)}"
    looks = [(each.color, each.marker, each.line) for each in (line, line_now)]
    if len(epochs) != len(epochs_now) or labels != labels_now or looks[0] != looks[1]:
        basis = "not the same number of losses, labels or colour"
        return Judgement(output, brief, brief_now, Verdict.DIFFERENT, basis)
    points = float(abs(epochs - epochs_now).max()) / axes.units[0]
    verdict = Verdict.IDENTICAL if points <= EXACT else Verdict.DIFFERENT
    basis = f"checkpoints within {points:.1e} points (limit {EXACT:.0e})"
    return Judgement(output, brief, brief_now, verdict, basis, {"points": points})


def _judge_start(output: str, recorded: float, axes: Axes, training: LossEvidence) -> Judgement:
    """Judge the loss before training, which depends on the data and the starting weights alone."""
    own = training.losses[0]
    brief = f"{recorded:.8f}", f"{own:.8f}"
    known = training.first_loss
    if known is None:
        basis = (
            f"{abs(recorded - own):.1e} from today's, and none of the first 50 draws of a fresh "
            "process, on Linux or macOS, has this loss"
        )
        numbers = {"difference": abs(recorded - own)}
        return Judgement(output, *brief, Verdict.DIFFERENT, basis, numbers)
    difference = abs(recorded - known)
    limit = max(PRECISION * abs(known), 3 * RESOLUTION * axes.units[1])
    if training.start:
        basis = f"the loss of {training.start}, which is where the recorded run began"
    else:
        basis = f"difference {difference:.1e} (float32 rounding: {limit:.1e})"
    verdict = Verdict.IDENTICAL if difference <= limit else Verdict.DIFFERENT
    found = {"difference": difference, "start": training.start}
    return Judgement(output, *brief, verdict, basis, found)


def _of_outcome(output: str, recorded: str, rerun: str, outcome: Outcome) -> Judgement:
    return Judgement(output, recorded, rerun, outcome.verdict, outcome.basis, dict(outcome.numbers))
