"""``gluonbook-ch7 doctor``: what is installed, what is wrong, and the commands that fix it."""

import sys
from typing import Any

import click

from .command import Command, print_json


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
    from ..doctor import diagnose

    findings = diagnose()
    runs = all(finding.state != "fault" for finding in findings)
    if as_json:
        named = {finding.name: finding._asdict() for finding in findings}
        print_json({"version": __version__, "runs": runs, "findings": named})
    else:
        click.echo(f"gluonbook_ch7 {__version__}")
        _print(findings)
        click.echo("\nThe chapter runs here." if runs else "\nThe chapter does NOT run here.")
    sys.exit(0 if runs else 1)


def _print(findings: list[Any]) -> None:
    colours = {"ok": "green", "note": "yellow", "fault": "red"}
    width = max(len(finding.name) for finding in findings)
    for name, state, says, _ in findings:
        click.echo(f"{click.style(f'{state:5}', colours[state])} {name:{width}}  {says}")
    for state, heading in ("fault", "To fix what is wrong:"), ("note", "To resolve the notes:"):
        commands = [each.command for each in findings if each.state == state and each.command]
        if commands:
            click.echo(f"\n{heading}")
            for command in dict.fromkeys(commands):
                click.echo(f"  {command}")
