"""Broken input, and what the commands say of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mutations import made_chapter

from gluonbook_ch7.cli import main
from gluonbook_ch7.reproduce.text import NUMBER, TIME

PACKAGE = Path(__file__).resolve().parents[2] / "gluonbook_ch7"
CODE = "```{.python .input n=1}\n1\n```\n"


def with_output(text):
    return CODE + "\n```{.json .output n=1}\n" + text + "\n```\n"


def test_numbers_and_times_are_found_in_text():
    """If this fails, a printed number is compared by its letters, or a time with its machine."""
    assert NUMBER.findall("1, -2.5e3 5-3 x12 1.2.3 inf") == [
        *("1", "-2.5e3", "5", "-3", "12", "1.2", "3", "inf")
    ]
    times = ["1.5 sec", ".5s", "12ms", "3e-2 seconds"]
    assert TIME.findall(", ".join([*times, "7 m"])) == times


# --- What the commands say ----------------------------------------------------------------------

OUTPUT = '{"output_type": "display_data", "data": {"image/svg+xml": 5}}'
BROKEN = {
    "empty.md": (b"", ":1: not a chapter, no code cells"),
    "prose.md": (b"# only prose\n", ":1: not a chapter, no code cells"),
    "binary.md": (bytes(range(256)) * 50, ":2: not UTF-8 at byte 128"),
    "zeros.md": (bytes(10_000), ":1: not a chapter, no code cells"),
    "cut.md": (CODE.encode()[:-4], ":1: the fence is not closed"),
    "utf16.md": (CODE.encode("utf-16"), ":1: not UTF-8 at byte 0"),
    "json.md": (with_output("[{]").encode(), ":6: the output is not JSON"),
    "deep.md": (with_output("[" * 999_999).encode(), ":5: the output is not JSON"),
    "form.md": (with_output(f"[{OUTPUT}]").encode(), ":1: cell 1: output 1 holds a text"),
    "orphan.md": (b"```{.json .output}\n[]\n```\n", ":1: the output follows no input"),
    "empty.ipynb": (b"", ":1: not a notebook"),
    "list.ipynb": (b"[]", ":1: not a notebook"),
    "new.ipynb": (b'{"nbformat": 99}', ":1: a notebook of format 99"),
    "cells.ipynb": (b'{"nbformat": 4, "cells": 7}', ":1: a damaged notebook"),
    "old.ipynb": (b'{"nbformat": 3, "worksheets": [7]}', ":1: a damaged notebook"),
    "cut.ipynb": (made_chapter()[:5000], ":1: not a notebook"),
    "type.md": (with_output('[{"output_type": "x"}]').encode(), ":1: cell 1: output 1 has no out"),
    "half.md": (
        with_output('[{"output_type": "stream", "text": "\\ud800"}]').encode(),
        ":5: the output is not JSON (a string holds half a surrogate pair)",
    ),
    "lines.ipynb": (b'{\n "cells": [\n', ":3: not a notebook"),
    "plain.ipynb": (b"[1, 2]", ":1: not a notebook; it names no nbformat"),
    "cell.ipynb": (
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code"}]}',
        ":1: a damaged notebook of format 4",
    ),
    "no_code.ipynb": (
        b'{"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": []}',
        ":1: not a chapter, no code cells",
    ),
}


@pytest.fixture
def rerun(capsys):
    """Return what runs ``gluonbook-ch7 rerun`` in this process: its status, stdout and stderr."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["rerun", *map(str, arguments)])
        return (ended.value.code, *capsys.readouterr())

    return run


@pytest.mark.parametrize("name", BROKEN)
def test_rerun_refuses_a_broken_file_in_one_line(rerun, tmp_path, name):
    """A reader would get a traceback, or code would run out of a file that is not whole."""
    content, message = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(content)
    status, stdout, stderr = rerun(path, "--out", tmp_path / "out", "--json", tmp_path / "out.json")
    assert (status, stdout) == (2, "")
    assert stderr.startswith(f"Error: {path}{message}")
    assert stderr.count("\n") == 1
    assert os.listdir(tmp_path) == [name]


def test_rerun_refuses_what_is_no_file(rerun, tmp_path):
    """A folder or a wrong name would end in a traceback."""
    for path, message in [
        (tmp_path, "cannot be read (Is a directory)"),
        (tmp_path / "none.md", "no such file; give the path of a chapter file"),
        (tmp_path / "none" / "none.md", "no such file; give the path of a chapter file"),
        ("x" * 300 + ".md", "cannot be read (File name too long)"),
    ]:
        status, stdout, stderr = rerun(path, "--out", tmp_path / "out")
        assert (status, stdout) == (2, "")
        assert stderr.startswith(f"Error: {path}: {message}")
        assert stderr.count("\n") == 1
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plain.py"], "Error: plain.py:1: not a chapter, no code cells"),
        (["good.md", "--out", "good.md/out"], "good.md"),
        (["good.md", "--html", "good.md"], "is the chapter file itself"),
        (["good.md", "--data", "twin"], "cannot be used with FILE"),
        (["--timeout", "5"], "needs a chapter FILE"),
    ],
)
def test_wrong_use_exits_with_2_and_writes_nothing(
    rerun, monkeypatch, tmp_path, arguments, message
):
    """Scripts could not tell wrong use from a difference, or a place would be half written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.md").write_text(CODE)
    (tmp_path / "plain.py").write_text("print(1)\n")
    status, _, stderr = rerun(*arguments)
    assert status == 2
    assert message in stderr
    assert sorted(os.listdir(tmp_path)) == ["good.md", "plain.py"]
    assert (tmp_path / "good.md").read_text() == CODE


# --- The installed record -----------------------------------------------------------------------


LOAD = "from gluonbook_ch7.reproduce.record import load_recorded; load_recorded()"


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """Return a folder that holds the package and nothing else, to be damaged."""
    place = tmp_path_factory.mktemp("installation")
    shutil.copytree(PACKAGE, place / "gluonbook_ch7", ignore=shutil.ignore_patterns("__pycache__"))
    return place


def in_installation(place, *arguments):
    """Run Python where the package is the installation's."""
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def with_record(place, content):
    """Put something in the place of the installed record; None leaves nothing there."""
    folder = place / "gluonbook_ch7" / "recorded"
    shutil.rmtree(folder)
    folder.mkdir()
    if content is not None:
        (folder / "rmsprop.json").write_bytes(content)


@pytest.mark.parametrize(
    "content",
    [None, b"", b"\xff", b'{"source": "", "sha256": "", "cells": [{}]}'],
    ids=["missing", "empty", "binary", "of another type"],
)
def test_a_damaged_installation_is_to_be_mended(installation, content):
    """A reader would be told to run a script that an installation hasn't, or see a traceback."""
    with_record(installation, content)
    done = in_installation(installation, "-c", LOAD)
    assert "RecordError: the recorded numbers of section 'rmsprop' are missing" in done.stderr
    assert "or damaged; reinstall gluonbook_ch7" in done.stderr.splitlines()[-1]


def test_rerun_says_that_the_installation_is_damaged(installation):
    """A reader would wait for MXNet and the data, and then get a traceback."""
    with_record(installation, b"{}")
    done = in_installation(installation, "-m", "gluonbook_ch7", "rerun")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "reinstall gluonbook_ch7" in done.stderr
