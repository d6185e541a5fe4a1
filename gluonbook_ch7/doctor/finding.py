"""A finding: one thing that the doctor looked at, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name : str
        What it is.
    state : {"ok", "note", "fault"}
        With a fault the chapter does not run; a note keeps nobody from running it.
    says : str
        What was found, in words.
    command : str
        What mends it; empty if there is nothing to mend, or no command for it.
    facts : dict
        What was found, for programs.
    """

    name: str
    state: str
    says: str
    command: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
