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
MARKS = {"ok": "✓", "note": "!", "fault": "✗"}
PLAIN_MARKS = str.maketrans("✓✗", "+x")
COLOURS = {"ok": "green", "note": "yellow", "fault": "red"}


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
    for name, state, says, _ in findings:
        mark = click.style(f"{MARKS[state]} {state:5}", COLOURS[state])
        _say(f"{mark} {name:{width}}  {says}")
    headings = {"fault": "To fix what is wrong:", "note": "To change what is noted:"}
    for state, heading in headings.items():
        commands = [each.command for each in findings if each.state == state and each.command]
        if commands:
            _say(f"\n{heading}")
            for command in dict.fromkeys(commands):
                _say(f"  {command}")
    faults = any(finding.state == "fault" for finding in findings)
    _say("\nThe chapter does NOT run here." if faults else "\nThe chapter runs here.")


def _say(line: str) -> None:
    """Print a line; it may have marks and letters that the terminal cannot show."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        line = line.translate(PLAIN_MARKS)
        line = line.encode(encoding, errors="backslashreplace").decode(encoding)
    click.echo(line, color=False if os.environ.get("NO_COLOR") else None)
