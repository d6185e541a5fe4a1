"""Places that cannot be written, and Ctrl-C: found early, said in one line, nothing left behind."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from commands import COMMAND, run

from gluonbook_ch7._files import check_file, write_whole

OPTIONS = {
    "rerun": ("--out", "--json"),
    "rerun chapter.md": ("--out", "--json", "--html"),
    "compare": ("--out", "--json"),
    "sweep rmsprop": ("--out", "--json", "--csv"),
}
EVERY_OPTION = [(command, option) for command, options in OPTIONS.items() for option in options]


@pytest.mark.parametrize(("command", "option"), EVERY_OPTION)
def test_a_place_that_cannot_be_written_is_found_at_once(tmp_path, command, option):
    """Minutes of work would be lost at the end, or the error would name a file nobody knows."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "wrong").symlink_to("file" if option == "--out" else "folder")
    reasons = ["Not a directory", "Is a directory"]
    for place in ("wrong", "file/below"):
        result = run(*command.split(), option, place, cwd=tmp_path)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr in [f"Error: {option} {place}: {reason}\n" for reason in reasons]
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "wrong"]
    assert os.listdir(tmp_path / "folder") == []


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("sweep rmsprop", ("--json", "--csv")),
        ("rerun chapter.md", ("--html", "--json")),
        ("compare", ("--out", "--json")),
    ],
)
def test_two_options_cannot_name_one_place(tmp_path, command, options):
    """The second file would replace the first, and nobody would say so."""
    (tmp_path / "link").symlink_to("v")
    first, second = options
    result = run(*command.split(), first, "v", second, "link", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"Error: {first} and {second} both name link\n"
    assert os.listdir(tmp_path) == ["link"]


@pytest.mark.parametrize(
    "command", ["compare --data own --json own", "rerun --json own --data own"]
)
def test_a_table_is_not_written_over(tmp_path, command):
    """A reader's table would be lost, and replaced by what was made of it."""
    (tmp_path / "own").write_text("1,2\n")
    result = run(*command.split(), cwd=tmp_path)
    assert result.returncode == 2
    assert "both name" in result.stderr
    assert (tmp_path / "own").read_text() == "1,2\n"


@pytest.mark.parametrize(
    ("options", "reason"), [("ro", "Read-only file system"), ("size=4k", "No space left on device")]
)
def test_a_disk_that_takes_nothing_is_found_at_once(tmp_path, options, reason):
    """On a full or a read-only disk the work would be done for nothing."""
    fill = "cat /dev/zero > disk/x 2>/dev/null; " if "size" in options else ""
    script = f'mount -t tmpfs -o {options} none disk && {{ {fill}exec "$@"; }}'
    (tmp_path / "disk").mkdir()
    before = ["unshare", "--mount", "sh", "-c", script, "sh"]
    if os.getuid() != 0 or not shutil.which("unshare"):
        pytest.skip("mounting takes root and unshare")
    if subprocess.run([*before, "true"], cwd=tmp_path, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    command = [*before, *COMMAND]
    result = run("sweep", "rmsprop", "--csv", "disk/cells.csv", cwd=tmp_path, command=command)
    assert result.returncode == 2
    assert result.stderr == f"Error: --csv disk/cells.csv: {reason}\n"


def test_a_device_is_written_to_and_never_replaced(tmp_path):
    """--json /dev/stdout would replace the device by a file, for everybody on the machine."""
    result = run("rerun", "--json", "/dev/full", cwd=tmp_path)
    assert result.stderr == "Error: --json /dev/full: No space left on device\n"
    check_file("/dev/null")
    write_whole("/dev/null", "gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode) and stat.S_ISCHR(os.stat("/dev/full").st_mode)
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        write_whole("/dev/full", "much")
    code = "from gluonbook_ch7._files import write_whole; write_whole('/dev/stdout', 'said')"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"said"


def test_a_link_stays_a_link(tmp_path):
    """A link to a file on a larger disk would be replaced by a file on the small one."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere/file")
    write_whole(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "file").read_text() == "text"
    assert os.listdir(tmp_path / "elsewhere") == ["file"]


def interrupt(arguments, cwd, is_time):
    """Start a command, press Ctrl-C when it is time, and return its status and its last words."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not is_time(process.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    # Python ends an extension module that is interrupted while it starts by an abort.
    time.sleep(0.1)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


def has_loaded(library):
    def is_time(pid):
        with open(f"/proc/{pid}/maps") as maps:
            return library in maps.read()

    return is_time


@pytest.mark.parametrize(
    ("command", "library"),
    [
        ("rerun --json v.json", "libmxnet.so"),  # while MXNet is imported
        ("compare --json v.json", "ft2font."),  # while Matplotlib is
        ("rerun --json v.json", "_contourpy."),  # while the section runs
        ("compare --json v.json", "matplotlib/_image."),  # when nearly all is imported
        ("sweep rmsprop --csv v.csv", "matplotlib/_image."),
    ],
)
def test_ctrl_c_is_one_line_and_130(tmp_path, command, library):
    """A script could not tell an interruption from a failure, or half a file would be left."""
    arguments = [*command.split(), "--data", "twin"]
    # Of a hundred interruptions about one is lost: it comes while the C code of a library is
    # imported, which drops it or reports another error. A person presses Ctrl-C again.
    for attempt in range(3):
        here = tmp_path / str(attempt)
        here.mkdir()
        status, output, errors = interrupt(arguments, here, has_loaded(library))
        if status:
            break
    assert (status, output) == (130, "")
    assert errors.startswith("Interrupted.") and errors.count("\n") == 1
    assert os.listdir(here) == []
