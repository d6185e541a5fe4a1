"""The verdicts: what can be said of a recorded output, and the number that it rests on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

__all__ = ["Judgement", "Verdict", "is_reproduced"]


class Verdict(str, Enum):
    """What a judgement says of one output."""

    IDENTICAL = "identical"
    CONSISTENT = "consistent"
    DIFFERENT = "different"
    NOT_COMPARABLE = "not comparable"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Judgement:
    """One recorded output held against its rerun.

    Attributes
    ----------
    output : str
        Which output.
    recorded, rerun : str
        Both in brief.
    verdict : Verdict
    basis : str
        The number the verdict rests on, and its limit.
    numbers : dict
        The same for programs.
    """

    output: str
    recorded: str
    rerun: str
    verdict: Verdict
    basis: str
    numbers: dict[str, Any] = field(default_factory=dict)


def is_reproduced(judgements: Sequence[Judgement]) -> bool:
    """Tell whether nothing is different."""
    return all(judgement.verdict is not Verdict.DIFFERENT for judgement in judgements)
