"""Verdicts on recorded outputs, each with the number that it rests on."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

LEVEL = 0.001
"""The largest probability that a chapter in which nothing differs is called different by chance.
Small, because at 0.01 somebody who reruns hundreds of chapters would meet several."""


class Verdict(str, Enum):
    """What a judgement says of one output."""

    IDENTICAL = "identical"
    CONSISTENT = "consistent"
    DIFFERENT = "different"
    NOT_COMPARABLE = "not comparable"
    NOT_JUDGED = "not judged"


# A verdict, its basis and its numbers, as in `Judgement`.
Outcome = tuple[Verdict, str, dict[str, Any]]


@dataclass(frozen=True)
class Judgement:
    """One recorded output compared with its rerun.

    A random output has its p-value in `numbers`, under ``'p'``; a loss curve what it was ranked
    among, under ``'fan'``.
    """

    output: str
    recorded: str  # in brief
    rerun: str
    verdict: Verdict
    basis: str  # the number that the verdict rests on, and its limit
    numbers: dict[str, Any] = field(default_factory=dict)  # the same for programs


def hold_together(judgements: Sequence[Judgement]) -> list[Judgement]:
    """Decide on the random outputs of a chapter, given the p-value of each; keep the order.

    Uses Holm's step-down procedure (1979): of m p-values the k-th smallest is compared with
    ``LEVEL / (m - k + 1)``, until one is larger than that.
    """
    decided = list(judgements)
    random = [index for index, judgement in enumerate(decided) if "p" in judgement.numbers]
    differs = True
    for rank, index in enumerate(sorted(random, key=lambda index: decided[index].numbers["p"])):
        judgement = decided[index]
        level = LEVEL / (len(random) - rank)
        differs = differs and judgement.numbers["p"] <= level
        decided[index] = replace(
            judgement,
            verdict=Verdict.DIFFERENT if differs else Verdict.CONSISTENT,
            basis=f"{judgement.basis} (level {level:.2g})",
            numbers={**judgement.numbers, "level": level},
        )
    return decided


def is_reproduced(judgements: Sequence[Judgement]) -> bool:
    """Return True if nothing is different."""
    return all(judgement.verdict is not Verdict.DIFFERENT for judgement in judgements)
