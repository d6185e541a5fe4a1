"""The commands, run as a person runs them."""

import contextlib
import io
import os
import subprocess
import sys
from types import SimpleNamespace

from gluonbook_ch7.cli import main

COMMAND = [sys.executable, "-m", "gluonbook_ch7"]


def run(*arguments, cwd=None, command=COMMAND, **env):
    """Run a command; an environment variable that is None is not there."""
    env = {**os.environ, **env}
    return subprocess.run(
        [*command, *map(str, arguments)],
        cwd=cwd,
        env={name: value for name, value in env.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=300,
    )


def run_here(*arguments, cwd, main=main):
    """Run a command in this process, which has imported already what it needs."""
    out, err, before = io.StringIO(), io.StringIO(), os.getcwd()
    status = 0
    os.chdir(cwd)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main([*map(str, arguments)])
    except SystemExit as end:
        status = end.code
    finally:
        os.chdir(before)
    return SimpleNamespace(returncode=status, stdout=out.getvalue(), stderr=err.getvalue())
