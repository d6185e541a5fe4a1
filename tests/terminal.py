"""What a command shows on a terminal."""

import os
import pty
import re
import subprocess
from contextlib import suppress


def on_terminal(command, columns, stream="stdout", env=os.environ):
    """Run a command whose stdout, or stderr, is a terminal of so many columns.

    Returns its status, what the terminal was sent without styles, and what went to the other one.
    """
    ours, theirs = pty.openpty()
    other = "stderr" if stream == "stdout" else "stdout"
    with subprocess.Popen(
        command,
        env={**env, "COLUMNS": str(columns), "TERM": "xterm"},
        **{stream: theirs, other: subprocess.PIPE},
    ) as process:
        os.close(theirs)
        sent = b""
        with suppress(OSError):  # how a terminal says that the other side is closed
            while part := os.read(ours, 4096):
                sent += part
        os.close(ours)
        rest = getattr(process, other).read().decode()
    return process.returncode, re.sub(r"\x1b\[[\d;]*m|\r", "", sent.decode()), rest
