"""The command ``gluonbook-ch7 doctor``: a line for each finding, then the commands that mend."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

import click

from .. import __version__
from ..doctor.examination import examine, runs_here
from ..doctor.finding import Finding

__all__ = ["run_doctor"]

# The word says it for whoever sees no colours and no marks.
STATES = {"ok": ("✓", "+", "green"), "note": ("!", "!", "yellow"), "fault": ("✗", "x", "red")}


def run_doctor(as_json: bool) -> None:
    """Print what was found, and exit with 0 if the chapter would run here, else 1."""
    findings = examine()
    runs = runs_here(findings)
    if as_json:
        named = {finding.name: asdict(finding) for finding in findings}
        content = {"version": __version__, "runs": runs, "findings": named}
        click.echo(json.dumps(content, indent=1))
    else:
        _print(findings)
    sys.exit(0 if runs else 1)


def _print(findings: Sequence[Finding]) -> None:
    _say(f"gluonbook_ch7 {__version__}")
    width = max(len(finding.name) for finding in findings)
    marks = _marks()
    for finding in findings:
        mark = click.style(f"{marks[finding.state]} {finding.state:5}", STATES[finding.state][-1])
        _say(f"{mark} {finding.name:{width}}  {finding.says}")
    faults = [finding for finding in findings if finding.state == "fault"]
    _print_commands("To mend what is wrong:", faults)
    _print_commands(
        "If you want what is noted:", [finding for finding in findings if finding.state == "note"]
    )
    _say("")
    _say("The chapter does NOT run here." if faults else "The chapter runs here.")


def _print_commands(heading: str, findings: Sequence[Finding]) -> None:
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
