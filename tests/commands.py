"""The commands, run as a person runs them."""

import os
import subprocess
import sys

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
