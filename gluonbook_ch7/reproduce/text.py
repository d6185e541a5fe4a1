"""Printed text: the same words and the same numbers, apart from times and addresses."""

import re

import numpy as np

from .verdict import Judgement, Verdict

# Each begins where its digits begin and matches them in one way only, so that a long row of digits
# takes linear time.
NUMBER = re.compile(r"[-+]?(?:(?<!\d)\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|inf|nan)\b", re.ASCII)
TIME = re.compile(
    # What %time and %timeit print, whose lines depend on the times.
    r"(?:^(?:(?:CPU times|Compiler|Parser *|Wall time): |The slowest run |.*\bper loop\b).*\n?)+"
    r"|(?:(?<!\d)\d+(?:\.\d*)?|\.\d+)(?:e-?\d+)?\s*(?:(?:seconds?|secs?|[mµμn]?s|minutes?|hours?)\b|毫?秒|分钟|小时)",
    re.MULTILINE,
)
# Where an object lies in memory, as in <Figure at 0x7f…>, and how large a screen makes a figure.
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+|(?<=<Figure size )\d+x\d+")
# Nothing but objects, such as [<matplotlib.lines.Line2D at 0x…>].
OBJECTS = re.compile(r"[\[(]*(?:<[^<>]*>[\]),\s]*)+")
# What stands for an output that only a browser shows.
PLACEHOLDER = re.compile(r"<IPython\.\S+ object>")
# How NumPy 2 shows a scalar, which older releases show bare.
SCALAR = re.compile(r"\bnp\.(?:\w+\(([^()]*)\)|(True|False)_)")


def judge_text(output: str, recorded: str, rerun: str) -> Judgement:
    """Judge printed text: identical if its words are the same and its numbers are the same float32.

    Times and addresses may differ.
    """
    recorded, rerun = (SCALAR.sub(r"\1\2", text.strip()) for text in (recorded, rerun))
    before, after = (ADDRESS.sub("0x…", TIME.sub("a time", text)) for text in (recorded, rerun))
    if PLACEHOLDER.fullmatch(before):
        reason = "only a browser shows it, and its text is a placeholder"
        return Judgement(output, recorded, rerun, Verdict.NOT_JUDGED, reason)
    but_times = " but for its times" if TIME.search(recorded) else ""
    if before == after:
        return Judgement(output, recorded, rerun, Verdict.IDENTICAL, f"the same text{but_times}")
    words, words_now = ("".join(NUMBER.sub("#", text).split()) for text in (before, after))
    if words != words_now and OBJECTS.fullmatch(before):
        reason = "releases of a library show an object in other words"
        return Judgement(output, recorded, rerun, Verdict.NOT_COMPARABLE, reason)
    if words != words_now:
        return Judgement(output, recorded, rerun, Verdict.DIFFERENT, "the words differ")
    numbers = list(zip(NUMBER.findall(before), NUMBER.findall(after)))
    pairs = [f"{a} → {b}" for a, b in numbers if not _is_same_float32(a, b)]
    if not pairs:
        basis = f"the same text{but_times}, and the same numbers as float32"
        return Judgement(output, recorded, rerun, Verdict.IDENTICAL, basis)
    basis = f"{len(pairs)} of {len(numbers)} numbers differ: {', '.join(pairs)}"
    return Judgement(output, recorded, rerun, Verdict.DIFFERENT, basis)


def judge_time(output: str, recorded: str, rerun: str) -> Judgement:
    """Report two times without comparing them."""
    verdict = Verdict.NOT_COMPARABLE
    return Judgement(f"{output}: time", recorded, rerun, verdict, "another machine")


def _is_same_float32(one: str, other: str) -> bool:
    if one == other:
        return True
    a, b = float(one), float(other)
    if max(abs(a), abs(b)) > np.finfo(np.float32).max:
        return a == b
    return bool(np.float32(a) == np.float32(b))
