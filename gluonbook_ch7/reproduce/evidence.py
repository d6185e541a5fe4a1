"""The evidence: what was recorded against what a rerun gives, as verdicts with their numbers.

Three kinds of output are judged: text number by number, figures as geometry in data coordinates,
and training, whose order of minibatches is random, as one draw from the distribution that the same
call has over many shuffles. The built-in section and a chapter file are judged alike, a cell at a
time, by `judge_cell`.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from .geometry import in_brief, judge_figure
from .losses import RUNS, Training, conformal_p, judge_curve, judge_line, judge_time
from .record import CellOutputs
from .svg import Axes, Figure, Polyline
from .verdict import Judgement, Verdict, is_reproduced

__all__ = [
    "RUNS",
    "Judgement",
    "Training",
    "Verdict",
    "conformal_p",
    "is_reproduced",
    "judge_cell",
    "judge_figure",
    "judge_text",
    "judge_training",
]

# Each begins where its digits begin and can match them in one way, so that a long row of digits
# takes no longer than it is.
NUMBER = re.compile(r"[-+]?(?:(?<!\d)\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|inf|nan)\b")
TIME = re.compile(r"(?:(?<!\d)\d+(?:\.\d*)?|\.\d+)(?:e-?\d+)?\s*(?:seconds?|secs?|ms|s)\b")
# Where an object lies in memory, as in <Figure at 0x7f…>.
ADDRESS = re.compile(r"\b0x[0-9a-f]+")
LOSS_LINE = re.compile(r"loss: (-?(?:\d+\.\d+|inf|nan)), (\d+\.\d+) sec per epoch\n?")

NO_CALL = "a random loss, and no call of train_ch7 or train_gluon_ch7 that could be repeated"


def judge_cell(
    output: str, recorded: CellOutputs, rerun: CellOutputs, trainings: Sequence[Training] = ()
) -> list[Judgement]:
    """Judge everything that a cell recorded, and what it puts out today beside that.

    Parameters
    ----------
    output : str
        What to call the cell.
    recorded, rerun : CellOutputs
        What it put out then and now.
    trainings : sequence of Training
        The calls of the book's training functions that it made now, in order.

    Returns
    -------
    list of Judgement
        None at all if nothing was recorded and nothing is put out.
    """
    if trainings:
        judgements = judge_training(output, recorded, rerun, trainings)
    elif LOSS_LINE.search(recorded.text):
        judgements = _judge_uncalled(output, recorded, rerun)
    else:
        judgements = [*_judge_printed(output, recorded.text, rerun.text)]
        judgements += _judge_figures(output, recorded.figures, rerun.figures)
    pairs = zip_longest(recorded.values, rerun.values, fillvalue="")
    judgements += [judge_text(f"{output}: value", then, now) for then, now in pairs]
    if recorded.error or rerun.error:
        judgements.append(judge_text(f"{output}: error", recorded.error, rerun.error))
    if recorded.wrote_stderr:
        name, reason = f"{output}: stderr", "warnings belong to one machine and its versions"
        judgements.append(Judgement(name, "warnings", "", Verdict.NOT_JUDGED, reason))
    return judgements


def judge_text(output: str, recorded: str, rerun: str) -> Judgement:
    """Judge printed text, times set aside: identical, or different with the numbers that are."""
    recorded, rerun = recorded.strip(), rerun.strip()
    before, after = (ADDRESS.sub("0x…", TIME.sub("a time", text)) for text in (recorded, rerun))
    if before == after:
        basis = "the same text" + (" but for its times" if TIME.search(recorded) else "")
        return Judgement(output, recorded, rerun, Verdict.IDENTICAL, basis)
    if NUMBER.sub("#", before) != NUMBER.sub("#", after):
        basis = "the words differ"
    else:
        numbers = list(zip(NUMBER.findall(before), NUMBER.findall(after)))
        pairs = [f"{a} → {b}" for a, b in numbers if a != b]
        basis = f"{len(pairs)} of {len(numbers)} numbers differ: {', '.join(pairs)}"
    return Judgement(output, recorded, rerun, Verdict.DIFFERENT, basis)


def judge_training(
    output: str, recorded: CellOutputs, rerun: CellOutputs, trainings: Sequence[Training]
) -> list[Judgement]:
    """Judge what a training cell printed and drew; its parameters are those of `judge_cell`."""
    names = [output]
    if len(trainings) > 1:
        names = [f"{output}, call {number}" for number, _ in enumerate(trainings, start=1)]
    then, now = (LOSS_LINE.findall(text) for text in (recorded.text, rerun.text))
    judgements: list[Judgement] = []
    if len(then) == len(now) == len(trainings):
        for name, training, *lines in zip(names, trainings, then, now):
            judgements += judge_line(name, training, *lines)
        rest = (LOSS_LINE.sub("", text) for text in (recorded.text, rerun.text))
        judgements += _judge_printed(output, *rest)
    else:
        judgements += _judge_printed(output, recorded.text, rerun.text)
    return judgements + _judge_curves(output, names, recorded, rerun, trainings)


def _judge_printed(output: str, recorded: str, rerun: str) -> Iterator[Judgement]:
    """Judge what a cell printed, if it did; name the times that were set aside."""
    if not recorded.strip() and not rerun.strip():
        return
    yield judge_text(f"{output}: text", recorded, rerun)
    times, times_now = (", ".join(TIME.findall(text)) for text in (recorded, rerun))
    if times:
        yield judge_time(output, times, times_now)


def _judge_uncalled(output: str, recorded: CellOutputs, rerun: CellOutputs) -> list[Judgement]:
    """Say that a cell's losses are random, and that nothing says from which distribution."""
    text, text_now = recorded.text.strip(), rerun.text.strip()
    judgements = [Judgement(f"{output}: text", text, text_now, Verdict.NOT_JUDGED, NO_CALL)]
    for figure in recorded.figures:
        name, brief = f"{output}: figure", in_brief(figure)
        judgements.append(Judgement(name, brief, "", Verdict.NOT_JUDGED, NO_CALL))
    return judgements


def _judge_figures(
    output: str, recorded: Sequence[Figure], rerun: Sequence[Figure]
) -> list[Judgement]:
    """Judge figures one by one, in order; one that is missing or new is different."""
    judgements = []
    for then, now in zip_longest(recorded, rerun):
        if then and now:
            judgements.append(judge_figure(f"{output}: figure", then, now))
        else:
            brief = in_brief(then) if then else "none", in_brief(now) if now else "none"
            basis = "no figure today" if then else "no figure was recorded"
            judgements.append(Judgement(f"{output}: figure", *brief, Verdict.DIFFERENT, basis))
    return judgements


def _judge_curves(
    output: str,
    names: Sequence[str],
    recorded: CellOutputs,
    rerun: CellOutputs,
    trainings: Sequence[Training],
) -> list[Judgement]:
    """Judge the loss curves of a training cell, which are all that its figures show."""
    then, now = _curves(recorded), _curves(rerun)
    refusals = [figure.refusal for figure in recorded.figures + rerun.figures if figure.refusal]
    if not recorded.figures or not rerun.figures:
        return _judge_figures(output, recorded.figures, rerun.figures)
    if refusals or not len(then) == len(now) == len(trainings):
        reason = refusals[0] if refusals else "its lines are not those of the training calls"
        brief = in_brief(recorded.figures[0]), in_brief(rerun.figures[0])
        return [Judgement(f"{output}: figure", *brief, Verdict.NOT_JUDGED, reason)]
    return [
        judgement
        for name, before, after, training in zip(names, then, now, trainings)
        for judgement in judge_curve(name, before, after, training)
    ]


def _curves(outputs: CellOutputs) -> list[tuple[Axes, Polyline]]:
    axes = [axes for figure in outputs.figures for axes in figure.axes]
    return [(each, line) for each in axes for line in each.polylines]
