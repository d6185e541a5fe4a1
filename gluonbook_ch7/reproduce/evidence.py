"""Compare what was recorded with what a rerun gives; each verdict has its numbers.

Text is judged number by number, figures as geometry, and random outputs as one draw from the
distribution that the same call has. The built-in section and a chapter file are judged alike, a
cell at a time, by `judge_cell`.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any, Callable, Optional, Union

import numpy as np

from ..errors import GluonbookError
from .chance import MORE_RUNS, p_value
from .geometry import EXACT, in_brief, judge_figures, look
from .losses import RecordedRun
from .observer import Descent, Training
from .record import LOSS_LINE, CellOutputs, Curve, drawn_lines, recorded_losses
from .svg import Figure
from .text import judge_printed, judge_text, judge_time
from .verdict import Judgement, Outcome, Verdict, is_reproduced

END_LINE = re.compile(r"x1 (-?(?:\d+(?:\.\d+)?|inf|nan)), x2 (-?(?:\d+(?:\.\d+)?|inf|nan))")
THINNED = 128

NO_CALL = "a random loss, and no training call that could be repeated"
DIVERGED = "a run diverged, and a figure leaves out losses that are not finite"
NOT_EACH = "random, and not one loss for each training call"
LEFT_OUT = f"of {THINNED} vertices or more, Matplotlib leaves out those on nearly straight pieces"
CUT = "the figure does not show all losses of the call"
COARSE = "the largest loss makes the axis too coarse to read the others"
FAILED = "the recorded run failed in this cell, and today's does not"
OTHER_MESSAGE = "the same exception; releases of a library word it differently"


def judge_cell(
    output: str,
    recorded: CellOutputs,
    rerun: CellOutputs,
    calls: Sequence[Union[Training, Descent]] = (),
    more_runs: int = MORE_RUNS,
) -> list[Judgement]:
    """Judge everything that a cell recorded, and any further outputs of today.

    `output` names the cell in the judgements, and `calls` are the trainings and descents that it
    made today, in order. An output with a small p-value is ranked again among `more_runs`. Returns
    no judgement if there are no outputs, recorded or today's.
    """
    if recorded.error and not rerun.error:
        # As when the author interrupted it, or ran the cells in another order.
        name = f"{output}: error"
        return [Judgement(name, recorded.error, "", Verdict.NOT_JUDGED, FAILED)]
    trainings = [call for call in calls if isinstance(call, Training)]
    if trainings:
        judgements = _judge_trainings(output, recorded, rerun, trainings, more_runs)
    elif LOSS_LINE.search(recorded.text):
        judgements = _judge_uncalled(output, recorded, rerun)
    else:
        judgements = judge_printed(output, recorded.text, rerun.text)
        judgements += judge_figures(output, recorded.figures, rerun.figures)
        if not is_reproduced(judgements):
            # Only now is a descent repeated, because it may change what the chapter goes on with.
            descents = [each for each in calls if isinstance(each, Descent) and each.is_random()]
            if len(descents) == 1:
                judgements = _judge_descent(output, recorded, rerun, descents[0], more_runs)
    pairs = zip_longest(recorded.values, rerun.values, fillvalue="")
    judgements += [judge_text(f"{output}: value", then, now) for then, now in pairs]
    if rerun.error:
        judgement = judge_text(f"{output}: error", recorded.error, rerun.error)
        kind, kind_now = (error.partition(":")[0] for error in (recorded.error, rerun.error))
        if judgement.verdict is Verdict.DIFFERENT and kind == kind_now:
            judgement = replace(judgement, verdict=Verdict.NOT_COMPARABLE, basis=OTHER_MESSAGE)
        judgements.append(judgement)
    if recorded.wrote_stderr:
        name, reason = f"{output}: stderr", "warnings belong to one machine and its versions"
        judgements.append(Judgement(name, "warnings", "", Verdict.NOT_COMPARABLE, reason))
    return judgements


def _judge_uncalled(output: str, recorded: CellOutputs, rerun: CellOutputs) -> list[Judgement]:
    """Return that random losses are not judged, because their distribution is unknown."""
    text, text_now = recorded.text.strip(), rerun.text.strip()
    judgements = [Judgement(f"{output}: text", text, text_now, Verdict.NOT_JUDGED, NO_CALL)]
    (rest, losses), (rest_now, losses_now) = (LOSS_LINE.subn("", each) for each in (text, text_now))
    if losses == losses_now:
        judgements += judge_printed(output, rest, rest_now)
    return judgements + [
        Judgement(f"{output}: figure", in_brief(figure), "", Verdict.NOT_JUDGED, NO_CALL)
        for figure in recorded.figures
    ]


# --- Random descents ----------------------------------------------------------------------------


def _judge_descent(
    output: str, recorded: CellOutputs, rerun: CellOutputs, descent: Descent, more_runs: int
) -> list[Judgement]:
    """Judge the recorded trace, and the point that was printed, each as one draw of many."""

    def rank(observed: Any, points: Any) -> Outcome:
        def draw(runs: int) -> Any:
            return np.array(descent.repeats(runs), np.float64)[:, points].reshape(runs, -1)

        p, sample = p_value(observed, draw, more_runs=more_runs)
        basis = f"random; p = {p:.2g} among {len(sample):,} repetitions"
        return Verdict.CONSISTENT, basis, {"p": p, "runs": len(sample)}

    text, text_now = recorded.text.strip(), rerun.text.strip()
    ends = END_LINE.findall(text)
    if len(ends) == 1:
        outcome = _attempt(rank, list(map(float, ends[0])), -1)
        judgements = [Judgement(f"{output}: printed end", text, text_now, *outcome)]
    else:
        judgements = judge_printed(output, text, text_now) if text else []
    figures, figures_now = recorded.figures, rerun.figures
    lines = [line for _, line in drawn_lines(recorded)]
    traces = [line.vertices for line in lines if line.marker and line.line]
    if len(traces) == 1 and traces[0].shape == descent.trace.shape:
        # The first point is where every descent begins.
        outcome = _attempt(rank, traces[0][1:].ravel(), slice(1, None))
        brief = f"a trace of {len(descent.trace)} points"
        judgements.append(Judgement(f"{output}: trace", brief, brief, *outcome))
        figures = tuple(map(_without_traces, figures))
        figures_now = tuple(map(_without_traces, figures_now))
    return judgements + judge_figures(output, figures, figures_now)


def _without_traces(figure: Figure) -> Figure:
    axes = []
    for each in figure.axes:
        rest = tuple(line for line in each.polylines if not (line.marker and line.line))
        axes.append(replace(each, polylines=rest))
    return replace(figure, axes=tuple(axes))


# --- Training -----------------------------------------------------------------------------------


def _judge_trainings(
    output: str,
    recorded: CellOutputs,
    rerun: CellOutputs,
    trainings: Sequence[Training],
    more_runs: int,
) -> list[Judgement]:
    """Judge what a training cell printed and drew."""
    calls = len(trainings)
    names = [output] if calls == 1 else [f"{output}, call {i}" for i in range(1, calls + 1)]
    curves, curves_now = drawn_lines(recorded), drawn_lines(rerun)
    of_calls = [each if len(each) == calls else [None] * calls for each in (curves, curves_now)]
    runs = [
        RecordedRun(training, *_read_losses(training, then, now), more_runs)
        for training, then, now in zip(trainings, *of_calls)
    ]
    judgements: list[Judgement] = []
    texts = [recorded.text, rerun.text]
    lines, lines_now = map(LOSS_LINE.findall, texts)
    if len(lines) == len(lines_now):
        texts = [LOSS_LINE.sub("", text) for text in texts]
        if len(lines) == calls:
            for name, run, (loss, time), (loss_now, time_now) in zip(names, runs, lines, lines_now):
                outcome = _attempt(run.judge_end, float(loss), float(loss_now))
                judgements.append(Judgement(f"{name}: printed loss", loss, loss_now, *outcome))
                judgements.append(judge_time(name, f"{time} s", f"{time_now} s"))
        elif lines:
            losses, losses_now = (
                ", ".join(loss for loss, _ in each) for each in (lines, lines_now)
            )
            name = f"{output}: printed losses"
            judgements.append(Judgement(name, losses, losses_now, Verdict.NOT_JUDGED, NOT_EACH))
    judgements += judge_printed(output, *texts)
    if not recorded.figures or not rerun.figures:
        return judgements + judge_figures(output, recorded.figures, rerun.figures)
    wrong = _why_no_curves(recorded, rerun, calls)
    if wrong:
        brief, brief_now = in_brief(recorded.figures[0]), in_brief(rerun.figures[0])
        return [*judgements, Judgement(f"{output}: figure", brief, brief_now, *wrong)]
    for name, run, curve, curve_now in zip(names, runs, curves, curves_now):
        judgements += _judge_curve(name, run, curve, curve_now)
    return judgements


def _read_losses(
    training: Training, recorded: Optional[Curve], rerun: Optional[Curve]
) -> tuple[list[float], float]:
    """Return the losses that a recorded curve shows, and how exactly they can be read.

    There are none if today's curve, where there is one, does not show all losses of the call.
    """
    if recorded is None:
        return [], 0.0
    axes, line = recorded
    resolution = EXACT * axes.units[1]
    is_fine = resolution <= 1e-4 * abs(training.losses[0])
    is_whole = rerun is None or _shows(rerun, training.losses)
    return line.vertices[:, 1].tolist() if is_fine and is_whole else [], resolution


def _why_no_curves(recorded: CellOutputs, rerun: CellOutputs, calls: int) -> Optional[Outcome]:
    """Return a verdict on figures that are not the loss curves of the training calls, or None."""
    _, printed = recorded_losses([recorded, rerun])
    if not np.isfinite(printed).all():
        return Verdict.NOT_JUDGED, DIVERGED, {}
    refusals = [figure.refusal for figure in recorded.figures + rerun.figures if figure.refusal]
    if refusals:
        return Verdict.NOT_JUDGED, refusals[0], {}
    then, now = len(drawn_lines(recorded)), len(drawn_lines(rerun))
    if now != calls:
        return Verdict.NOT_JUDGED, "its lines are not those of the training calls", {}
    return (Verdict.DIFFERENT, f"{then} lines became {now}", {}) if then != now else None


def _judge_curve(name: str, run: RecordedRun, recorded: Curve, rerun: Curve) -> list[Judgement]:
    """Judge a loss curve: its checkpoints and look, its first loss, and the later ones."""
    losses, own = run.losses, run.training.losses
    brief, brief_now = (
        f"{len(line.vertices)} losses; {axes.x_label}, {axes.y_label}"
        for axes, line in (recorded, rerun)
    )
    if not losses:
        reason = COARSE if _shows(rerun, own) else CUT
        return [Judgement(f"{name}: figure", brief, brief_now, Verdict.NOT_JUDGED, reason)]
    first, first_now = f"{losses[0]:.8f}", f"{own[0]:.8f}"
    judgements = [
        Judgement(f"{name}: axes", brief, brief_now, *_judge_frame(recorded, rerun, len(own))),
        Judgement(f"{name}: first loss", first, first_now, *run.judge_start()),
    ]
    if 1 < len(losses) == len(own):
        count = len(losses) - 1
        later = f"{name}: {count} later loss{'es' * (count > 1)}"
        last, last_now = f"… {losses[-1]:.6f}", f"… {own[-1]:.6f}"
        judgements.append(Judgement(later, last, last_now, *_attempt(run.judge_later)))
    elif len(own) >= THINNED:
        later, reason = f"{name}: later losses", f"{LEFT_OUT}, here {len(own) - len(losses)}"
        judgements.append(Judgement(later, brief, brief_now, Verdict.NOT_JUDGED, reason))
    return judgements


def _shows(curve: Curve, losses: Any) -> bool:
    """Return True if a curve holds these losses, or so many that Matplotlib leaves some out."""
    axes, line = curve
    if len(losses) >= THINNED:
        return True
    shown, slack = line.vertices[:, 1], 10 * EXACT * axes.units[1]
    return len(shown) == len(losses) and bool((np.abs(shown - losses) <= slack).all())


def _judge_frame(recorded: Curve, rerun: Curve, count: int) -> Outcome:
    """Judge the checkpoints of a curve of `count` losses, its look and the labels of its axes."""
    frame, frame_now = (
        (axes.x_label, axes.y_label, look(line)) for axes, line in (recorded, rerun)
    )
    checkpoints, checkpoints_now = (line.vertices[:, 0] for _, line in (recorded, rerun))
    if count >= THINNED:
        checkpoints, checkpoints_now = checkpoints[[0, -1]], checkpoints_now[[0, -1]]
    if frame != frame_now or len(checkpoints) != len(checkpoints_now):
        return Verdict.DIFFERENT, "not the same number of losses, labels or colour", {}
    points = float(np.abs(checkpoints - checkpoints_now).max()) / recorded[0].units[0]
    verdict = Verdict.IDENTICAL if points <= EXACT else Verdict.DIFFERENT
    basis = f"checkpoints within {points:.1e} points (limit {EXACT:.0e})"
    return verdict, basis, {"points": points}


def _attempt(judge: Callable[..., Outcome], *arguments: Any) -> Outcome:
    """Judge something random, or return why its call cannot be repeated."""
    try:
        return judge(*arguments)
    except Exception as error:
        # The rule is the chapter's, and can fail on many runs at once in ways of its own.
        kind = "" if isinstance(error, GluonbookError) else f"{type(error).__name__}: "
        reason = f"the call cannot be repeated many times at once ({kind}{error})"
        return Verdict.NOT_JUDGED, reason, {}
