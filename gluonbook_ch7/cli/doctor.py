"""``gluonbook-ch7 doctor``: what is installed, what is wrong, and the commands that fix it."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from .command import Command, print_json

if TYPE_CHECKING:
    from ..doctor import Finding

__all__ = ["doctor"]

# The state is also printed as a word, for those who see neither colours nor marks.
STATES = {"ok": ("✓", "+", "green"), "note": ("!", "!", "yellow"), "fault": ("✗", "x", "red")}


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(as_json: bool) -> None:
    """Diagnose this installation, without changing it.

    Reports what is installed, what is wrong, and the commands that fix it.

    \b
    The JSON object has these keys:
      version   of gluonbook_ch7
      runs      whether the chapter would run here
      findings  by name: python, packages, numpy, mxnet, training, data, cache, and
                "extra NAME"; each has its state ("ok", "note" or "fault"), what it
                says, and the command that fixes it (or "")

    Exit status: 0 if the chapter would run here, 1 if something is a fault.
    """
    from .. import __version__
    from ..doctor import diagnose, runs_here

    findings = diagnose()
    runs = runs_here(findings)
    if as_json:
        named = {finding.name: finding._asdict() for finding in findings}
        print_json({"version": __version__, "runs": runs, "findings": named})
    else:
        _print(__version__, findings)
    sys.exit(0 if runs else 1)


def _print(version: str, findings: Sequence["Finding"]) -> None:
    _say(f"gluonbook_ch7 {version}")
    width = max(len(finding.name) for finding in findings)
    marks = _marks()
    for finding in findings:
        mark = click.style(f"{marks[finding.state]} {finding.state:5}", STATES[finding.state][-1])
        _say(f"{mark} {finding.name:{width}}  {finding.says}")
    faults = [finding for finding in findings if finding.state == "fault"]
    _print_commands("To fix what is wrong:", faults)
    _print_commands(
        "To change what is noted:", [finding for finding in findings if finding.state == "note"]
    )
    _say("")
    _say("The chapter does NOT run here." if faults else "The chapter runs here.")


def _print_commands(heading: str, findings: Sequence["Finding"]) -> None:
    """Print the commands of some findings, each once."""
    commands = dict.fromkeys(finding.command for finding in findings if finding.command)
    if commands:
        _say("")
        _say(heading)
        for command in commands:
            _say(f"  {command}")


def _marks() -> dict[str, str]:
    """Return a mark for each state that the terminal can show."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        "".join(mark for mark, _, _ in STATES.values()).encode(encoding)
    except UnicodeEncodeError:
        return {state: plain for state, (_, plain, _) in STATES.items()}
    return {state: mark for state, (mark, _, _) in STATES.items()}


def _say(line: str) -> None:
    """Print a line; a path may have letters that the terminal cannot show."""
    encoding = sys.stdout.encoding or "ascii"
    shown = line.encode(encoding, errors="backslashreplace").decode(encoding)
    click.echo(shown, color=False if os.environ.get("NO_COLOR") else None)
