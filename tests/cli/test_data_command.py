"""The command ``data``, run as a person runs it, where MXNet cannot be imported."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import commands
import pytest
from servers import dripping_server, halting_server, mute_server, refusing_server, server
from tables import CONTENT, SUM, put
from terminal import on_terminal

from gluonbook_ch7.dataset import locate, parse
from gluonbook_ch7.dataset.parse import FILE_NAME

pytestmark = pytest.mark.usefixtures("bare_desk")

# Lets the tests' table stand for the book's; MXNet's absence is as real as with no MXNet there.
PROGRAM = """
import sys
sys.modules["mxnet"] = None
from gluonbook_ch7.dataset import locate, parse
from gluonbook_ch7.cli import main
locate.ADDRESSES, parse.SHA256 = sys.argv[1].split(), sys.argv[2]
locate.TIMEOUT = 1e-9  # which the command must not use
main(sys.argv[3:], prog_name="gluonbook-ch7")
"""


def command(*arguments, addresses=(), total=SUM):
    addresses = " ".join(addresses)
    return [sys.executable, "-c", PROGRAM, addresses, total, "data", *map(str, arguments)]


def environment(**added):
    return {**os.environ, "PYTHONPATH": str(Path(locate.__file__).parents[2]), **added}


def run(*arguments, addresses=(), total=SUM, **env):
    calling = command(*arguments, addresses=addresses, total=total)
    return commands.run(command=calling, **environment(**env))


def where(**env):
    result = run("where", "--json", **env)
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


# where


def test_where_shows_each_place_in_order_and_the_one_that_is_taken(tmp_path):
    """A person could not see why this file is taken and not that one."""
    desk = Path.cwd()
    places = [tmp_path / "named", desk / "data", desk.parent / "data", locate.cache_folder()]
    files = [put(place) for place in places]
    env = {"GLUONBOOK_CH7_DATA": str(places[0])}
    for taken, file in enumerate(files):
        found = where(**env)
        assert found["used"] == str(file)
        assert found["outcome"] == f"Used now: {file}"
        assert [place["used"] for place in found["places"]] == [i == taken for i in range(4)]
        assert [place["found"] for place in found["places"]][taken:] == ["the book's file"] * (
            4 - taken
        )
        file.unlink()
        env = {}
    found = where()
    assert found["used"] is None
    assert "the moment twin would be used" in found["outcome"]
    assert [place["name"] for place in found["places"]] == [
        "GLUONBOOK_CH7_DATA", "data/", "../data/", "the cache",
    ]  # fmt: skip
    assert [place["path"] for place in found["places"]] == [None, *map(str, files[1:])]
    assert [place["found"] for place in found["places"]] == ["not set", *["no file"] * 3]


def test_where_agrees_with_what_is_taken_when_files_are_wrong(tmp_path):
    """It would promise a file that is not taken: a damaged copy, or one behind a bad variable."""
    cached = put(locate.cache_folder(), CONTENT[:-9])
    found = where()
    assert found["used"] is None
    assert found["places"][3]["found"] == "another or a damaged file"
    own = put("data", b"own")
    assert where()["used"] == str(own.absolute())
    found = where(GLUONBOOK_CH7_DATA="gone.dat")
    assert found["used"] is None
    assert found["outcome"] == "None is used: GLUONBOOK_CH7_DATA names a file that does not exist."
    assert not any(place["used"] for place in found["places"])
    (tmp_path / "empty").mkdir()
    outcome = where(GLUONBOOK_CH7_DATA=str(tmp_path / "empty"))["outcome"]
    assert outcome == f"None is used: GLUONBOOK_CH7_DATA names a folder without {FILE_NAME}."
    assert cached.exists()


def test_data_alone_is_where_and_plain_in_a_pipe():
    """Someone who tries the short form would get an error, or a pipe escape sequences."""
    file = put("data").absolute()
    alone = run()
    assert alone.returncode == 0
    assert alone.stdout == run("where").stdout
    assert re.search(rf"data/ +{file} +the book's file +used", alone.stdout)
    assert alone.stdout.endswith(f"Used now: {file}\n")
    assert "\x1b" not in alone.stdout
    assert run("--json").stdout == run("where", "--json").stdout
    assert "forget" in run("--help").stdout


# fetch


def test_fetch_brings_the_file_and_says_so_once():
    """A person would not learn where the file is, or wait again for what is there."""
    file = locate.cache_folder() / FILE_NAME
    line = f"{file}: {len(CONTENT):,} bytes, sha256 {SUM}\n"
    with server() as (good, requests):
        first = run("fetch", addresses=[good])
        second = run("fetch", addresses=[good])
    assert (first.returncode, first.stdout, first.stderr) == (0, line, "")
    assert (second.returncode, second.stdout) == (0, f"It is there already.\n{line}")
    assert len(requests) == 1
    assert file.read_bytes() == CONTENT


def test_fetch_says_which_addresses_failed_and_goes_on():
    """A person would wait without knowing for whom."""
    with refusing_server() as refused, server(status=404) as (lost, _), server() as (good, _):
        result = run("fetch", addresses=[refused, lost, good])
    assert result.returncode == 0
    first, second = result.stderr.splitlines()
    assert re.fullmatch(r"127\.0\.0\.1:\d+: no connection \(Connection refused\)", first)
    assert re.fullmatch(r"127\.0\.0\.1:\d+: 404 Not Found", second)


def test_ctrl_c_ends_a_fetch_with_130_and_nothing_in_the_cache():
    """Someone without patience would see a traceback, or find half a file later."""
    with halting_server(CONTENT * 99) as (address, halfway):
        process = subprocess.Popen(
            command("fetch", addresses=[address]),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert halfway.wait(60)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (130, "", "Interrupted.\n")
    assert not locate.cache_folder().exists()


@pytest.mark.parametrize("slow", [mute_server, dripping_server])
def test_fetch_gives_up_after_the_time_that_it_is_given(slow):
    """It would end in a traceback, in silence, or never."""
    with slow() as address:
        result = run("fetch", "--timeout", "0.3", addresses=[address])
    assert (result.returncode, result.stdout) == (2, "")
    failure, error = result.stderr.splitlines()
    assert failure.endswith("0.3 s")
    assert error.startswith(f"Error: The download failed ({failure}). Save {locate.UCI} as data/")
    assert run("fetch", "--timeout", "0").returncode == 2


def test_fetch_shows_its_progress_on_a_terminal():
    """On a slow line nobody could tell a download from a hanging program."""
    with refusing_server() as refused, server() as (good, _):
        fetching = command("fetch", addresses=[refused, good])
        status, shown, printed = on_terminal(fetching, 120, "stderr", environment())
    assert status == 0
    assert "fetching" in shown
    assert re.search(r"127\.0\.0\.1:\d+: no connection \(Connection refused\)", shown)
    assert printed.startswith(str(locate.cache_folder()))


# verify


def test_verify_tells_the_books_file_from_others(tmp_path, real_data_path):
    """A person could not find out whether the numbers can be the book's."""
    file = shutil.copy(real_data_path, tmp_path)
    result = run("verify", file, total=parse.SHA256)
    assert result.returncode == 0
    assert result.stdout == (
        f"{file}: 59,984 bytes, sha256 {parse.SHA256}\nIt is the book's data set.\n"
    )
    unix = put(tmp_path / "unix", real_data_path.read_bytes().replace(b"\r\n", b"\n"))
    result = run("verify", unix, total=parse.SHA256)
    assert result.returncode == 0
    assert "the book's data set, with other line ends or a byte order mark" in result.stdout
    other = put(tmp_path / "other")
    result = run("verify", other.parent, total=parse.SHA256)
    assert result.returncode == 1
    assert "It is a table of 5 rows, not the book's" in result.stdout


def test_verify_names_the_row_and_the_column_that_are_wrong():
    """Someone with a damaged file would have to hunt for the damage."""
    file = put("data", CONTENT.replace(b"18.0", b"n/a")).absolute()
    result = run("verify")
    assert (result.returncode, result.stderr) == (1, "")
    assert "row 3, column 3 (chord length): 'n/a' is not a finite number" in result.stdout
    found = json.loads(run("verify", "--json").stdout)
    assert (found["path"], found["kind"]) == (str(file), "damaged")
    assert found["sha256"] == sha256(file.read_bytes()).hexdigest()


def test_verify_looks_at_a_damaged_copy_in_the_cache():
    """It would say that there is none, though it is what keeps auto from the real data."""
    put(locate.cache_folder(), CONTENT[:-20])
    result = run("verify")
    assert result.returncode == 1
    assert "row 5: column 4 (free-stream velocity) is missing" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "env", "words"),
    [
        ((), {}, "There is no data file yet. Get it with: gluonbook-ch7 data fetch"),
        (("gone.dat",), {}, "Error: gone.dat: No such file or directory"),
        ((), {"GLUONBOOK_CH7_DATA": "gone.dat"}, "GLUONBOOK_CH7_DATA is 'gone.dat'"),
    ],
)
def test_verify_exits_with_2_if_there_is_nothing(arguments, env, words):
    """A script could not tell a wrong file from none."""
    result = run("verify", *arguments, **env)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


# forget


def test_forget_removes_what_was_downloaded_and_nothing_else(tmp_path):
    """It would remove a person's own copy, or leave what only this package has put there."""
    folder = locate.cache_folder()
    own, cached, partial = put("data"), put(folder), folder / f".{FILE_NAME}.x3f_9a"
    partial.write_bytes(CONTENT[:9])
    result = run("forget")
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(result.stdout.splitlines()) == sorted(
        f"Removed {path}" for path in (cached, partial, folder)
    )
    assert own.exists() and not folder.exists()
    again = run("forget")
    assert (again.returncode, again.stdout) == (0, f"There is nothing in the cache, {folder}.\n")


def test_forget_leaves_a_folder_with_something_else_in_it():
    """What somebody keeps beside the file would be lost."""
    note = locate.cache_folder() / "note.txt"
    put(note.parent)
    note.write_text("mine")
    assert run("forget").returncode == 0
    assert os.listdir(note.parent) == ["note.txt"]
