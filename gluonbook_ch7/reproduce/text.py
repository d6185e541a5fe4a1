"""Printed text: the same words and the same numbers, apart from what belongs to one machine."""

import re

import numpy as np

from .verdict import Judgement, Verdict

# This and TIME match digits in one way only, from the first on, so that many take linear time.
NUMBER = re.compile(r"[-+]?(?:(?<!\d)\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|inf|nan)\b", re.ASCII)
TIME = re.compile(
    # What %time and %timeit print, whose lines depend on the times.
    r"(?:^(?:(?:CPU times|Compiler|Parser *|Wall time): |The slowest run |.*\bper loop\b).*\n?)+"
    r"|(?:(?<!\d)\d+(?:\.\d*)?|\.\d+)(?:e-?\d+)?\s*(?:(?:seconds?|secs?|[mµμn]?s|minutes?|hours?)\b|毫?秒|分钟|小时)",
    re.MULTILINE,
)
# The version of a library, with the build that sys.version names, or an absolute path.
MACHINE = re.compile(
    r"(?a:(?<![\d.])\d+(?:\.\d+){2,}[\w.+]*\b)(?: [|(][^\[]{0,99}\[(?:GCC|Clang|MSC)[^\]]*\])?"
    # A space is part of a path if the next word is one, too.
    r"|(?<![\w./\\<])(?:/|[A-Za-z]:[\\/]+)[^\W\d](?:[^\s'\",;:<>\[\](){}]| (?=[^\s/\\]*[/\\]))*"
)
# Where an object lies in memory, how large a screen makes a figure, and what shows it.
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+|(?<=<Figure size )\d+x\d+|(?<=matplotlib backend: ).+")
OBJECTS = re.compile(r"[\[(]*(?:<[^<>]*>[\]),\s]*)+")  # as in [<matplotlib.lines.Line2D at 0x…>]
PLACEHOLDER = re.compile(r"<IPython\.\S+ object>")  # for an output that only a browser shows
# What some releases add to what others show.
ADDED = re.compile(
    r"\bnp\.(?:\w+\(([^()]*)\)|(True|False)_)"  # NumPy 2 to a scalar
    r"|,\s*dtype=bool\b"  # NumPy before 1.14 to an array
    r"|^%pylab is deprecated.*\n",  # IPython 8 to the message of %pylab
    re.MULTILINE,
)
# The limits of plt.axis: in older releases of Matplotlib the list that it was given, else a tuple.
LIMITS = "[#,#,#,#]", "(#,#,#,#)"


def judge_printed(output: str, recorded: str, rerun: str) -> list[Judgement]:
    """Judge what a cell printed, if anything, and show its times, which are not judged."""
    if not recorded.strip() and not rerun.strip():
        return []
    judgements = [judge_text(f"{output}: text", recorded, rerun)]
    times, times_now = (
        ", ".join(" ".join(time.split()) for time in TIME.findall(text))
        for text in (recorded, rerun)
    )
    return judgements + ([judge_time(output, times, times_now)] if times else [])


def judge_text(output: str, recorded: str, rerun: str) -> Judgement:
    """Judge printed text: identical if its words are the same and its numbers are the same float32.

    Times and addresses may differ. Where versions or paths do, the text is not comparable.
    """
    recorded, rerun = (ADDED.sub(r"\1\2", text.strip()) for text in (recorded, rerun))
    verdict, basis = _outcome(recorded, rerun)
    if verdict is Verdict.IDENTICAL and MACHINE.findall(recorded) != MACHINE.findall(rerun):
        verdict = Verdict.NOT_COMPARABLE
        basis += ", apart from versions and paths, which belong to one machine"
    return Judgement(output, recorded, rerun, verdict, basis)


def _outcome(recorded: str, rerun: str) -> tuple[Verdict, str]:
    """Compare two texts apart from their times, and from versions, paths and addresses."""
    before, after = (
        ADDRESS.sub("0x…", TIME.sub("a time", MACHINE.sub("its own", text)))
        for text in (recorded, rerun)
    )
    if PLACEHOLDER.fullmatch(before):
        return Verdict.NOT_JUDGED, "only a browser shows it, and its text is a placeholder"
    basis = "the same text but for its times" if TIME.search(recorded) else "the same text"
    if before == after:
        return Verdict.IDENTICAL, basis
    words, words_now = ("".join(NUMBER.sub("#", text).split()) for text in (before, after))
    if words != words_now and OBJECTS.fullmatch(before):
        return Verdict.NOT_COMPARABLE, "releases of a library show an object in other words"
    if (words, words_now) == LIMITS:
        basis = "a tuple instead of a list"
    elif words != words_now:
        return Verdict.DIFFERENT, "the words differ"
    numbers = list(zip(NUMBER.findall(before), NUMBER.findall(after)))
    pairs = [f"{a} → {b}" for a, b in numbers if not _is_same_float32(a, b)]
    if pairs:
        basis = f"{len(pairs)} of {len(numbers)} numbers differ: {', '.join(pairs)}"
        return Verdict.DIFFERENT, basis
    return Verdict.IDENTICAL, f"{basis}, and the same numbers as float32"


def judge_time(output: str, recorded: str, rerun: str) -> Judgement:
    """Report two times without comparing them."""
    verdict = Verdict.NOT_COMPARABLE
    return Judgement(f"{output}: time", recorded, rerun, verdict, "another machine")


def _is_same_float32(one: str, other: str) -> bool:
    a, b = float(one), float(other)
    if max(abs(a), abs(b)) > float(np.finfo(np.float32).max):
        return a == b
    return one == other or bool(np.float32(a) == np.float32(b))
