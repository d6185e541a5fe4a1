"""Tables on a terminal, in a pipe, and where there is no room for one."""

import re
import subprocess
import sys

import pytest
from terminal import on_terminal

PROGRAM = """
from gluonbook_ch7.cli.console import print_table
rows = [("from scratch: printed loss", "0.258765", "not comparable", "p = 0.4 of 1,000 shuffles"),
        ("Gluon: first loss", "0.50221467", "identical", "the same float32 (limit 1e-06)")]
print_table(("output", "recorded", "verdict", "what it rests on"), rows,
            styles={"not comparable": "red"}, title="Verdicts")
"""


def shown_at(columns):
    """Run the program on a terminal of so many columns, and return the lines that it shows."""
    status, shown, _ = on_terminal([sys.executable, "-c", PROGRAM], columns)
    assert status == 0
    return shown.splitlines()


def test_a_table_fits_the_terminal_and_breaks_no_word():
    """At 80 columns a reader would put "consis" and "tent" together."""
    lines = shown_at(80)
    assert max(map(len, lines)) <= 80
    for words in ("0.50221467", "not comparable", "identical", "shuffles", "scratch:", "float32"):
        assert any(words in line for line in lines), words


def test_without_room_for_a_table_each_row_is_a_list():
    """On a narrow terminal a table would be cut off or torn."""
    lines = [line.strip() for line in shown_at(40)]
    assert "output: from scratch: printed loss" in lines
    assert "verdict: not comparable" in lines


def test_in_a_pipe_each_row_is_one_line():
    """grep would find half of a row, or escape sequences."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert "\x1b" not in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if "0.50221467" in line]
    assert re.split(r"  +", row.strip()) == [
        "Gluon: first loss", "0.50221467", "identical", "the same float32 (limit 1e-06)",
    ]  # fmt: skip


def test_a_reader_who_has_enough_is_no_error():
    """`gluonbook-ch7 data | head -1` would end with an error message."""
    code = "import sys; from gluonbook_ch7.cli import main; sys.stdin.readline(); main(['data'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.close()
    process.stdin.write("go on\n")
    process.stdin.close()
    assert process.wait(60) == 1
    assert process.stderr.read() == ""


@pytest.fixture(autouse=True)
def nowhere(bare_desk):
    """Look for no data, and leave nothing."""
