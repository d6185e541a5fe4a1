"""The command doctor: on an installation that works, and on each fault that occurs."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from commands import run

from gluonbook_ch7 import doctor as module
from gluonbook_ch7.doctor import diagnose, probe

FETCH = "gluonbook-ch7 data fetch"
# An MXNet that fails at once, for tests that are about something else.
NO_MXNET = "raise ImportError('not now')"


def doctor(*arguments, cwd, python=sys.executable, **env):
    """Call the doctor in an empty home, with no data named."""
    env = {"HOME": str(cwd / "home"), "GLUONBOOK_CH7_DATA": "", **env}
    return run("doctor", *arguments, cwd=cwd, command=[python, "-m", "gluonbook_ch7"], **env)


def findings(*, cwd, status, **options):
    """Return the findings by name, as programs get them; check the exit status."""
    result = doctor("--json", cwd=cwd, **options)
    assert result.returncode == status, result.stderr
    content = json.loads(result.stdout)
    assert set(content) == {"version", "runs", "findings"}
    assert content["runs"] is (status == 0)
    return content["findings"]


def first_on_the_path(folder, **modules):
    """Put modules first on the path of every process to come; return the environment for it."""
    place = folder / "first-on-the-path"
    place.mkdir(exist_ok=True)
    for name, content in modules.items():
        (place / f"{name}.py").write_text(content)
    path = filter(None, [str(place), os.environ.get("PYTHONPATH")])
    return {"PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"}


def everything_below(folder):
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")}


def test_a_healthy_house(tmp_path, real_data_path):
    """If this fails, someone whose chapter runs is told otherwise, or it is not proved."""
    (tmp_path / "home").mkdir()
    before = everything_below(tmp_path)
    result = doctor(cwd=tmp_path, GLUONBOOK_CH7_DATA=str(real_data_path), PYTHONIOENCODING="utf-8")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == f"gluonbook_ch7 {importlib.metadata.version('gluonbook_ch7')}"
    assert lines[-1] == "The chapter runs here."
    for line in lines[1 : lines.index("")]:
        assert re.match(r"ok    |note  ", line), line
    for words in ("RMSProp on the moment twin: from 0.511186 to 0.2578", "the book's data set"):
        assert words in result.stdout
    assert everything_below(tmp_path) == before  # neither home, nor cache, nor here


def test_for_programs_it_is_one_json_object(tmp_path):
    """If this fails, a program cannot read what was found, or a key is not as the help says."""
    found = findings(cwd=tmp_path, status=0)
    help_text = " ".join(doctor("--help", cwd=tmp_path).stdout.split())
    named = re.search(r"by name: (.*?), and \"extra NAME\"", help_text)[1].split(", ")
    assert [name for name in found if not name.startswith("extra ")] == named
    assert {"extra notebook", "extra cluster", "extra peers", "extra test"} <= set(found)
    for name, finding in found.items():
        assert set(finding) == {"name", "state", "says", "command"}
        assert finding["name"] == name
        assert finding["state"] in ("ok", "note", "fault")
    assert found["mxnet"]["says"] == "1.9.1"
    assert "from 0.511186 to 0.2578" in found["training"]["says"]
    # Without data the twin stands in, which is no fault.
    assert (found["data"]["state"], found["data"]["command"]) == ("note", FETCH)
    assert found["cache"]["state"] == "ok"


@pytest.mark.parametrize(
    ("name", "words"), [("SIGSEGV", "--force-reinstall"), ("SIGILL", "use another machine")]
)
def test_an_mxnet_that_ends_the_process(tmp_path, name, words):
    """If this fails, a crash of MXNet's takes the doctor with it, or is not told as one."""
    fake = f"import os, signal\nos.kill(os.getpid(), signal.{name})\n"
    result = doctor(cwd=tmp_path, **first_on_the_path(tmp_path, mxnet=fake))
    assert (result.returncode, result.stderr) == (1, "")
    assert f"while it was imported, the system ended the process by {name}" in result.stdout
    assert words in result.stdout.split("To fix what is wrong:")[1]
    assert result.stdout.endswith("The chapter does NOT run here.\n")


def test_an_mxnet_that_never_comes_back(tmp_path, monkeypatch):
    """If this fails, the doctor waits for ever."""
    first_on_the_path(tmp_path, mxnet="import time\nwhile True: time.sleep(1)\n")
    monkeypatch.syspath_prepend(tmp_path / "first-on-the-path")
    found = {finding.name: finding for finding in diagnose(seconds=1.5)}
    assert found["training"].state == "fault"
    said = found["mxnet"].says + found["numpy"].says  # a busy machine comes no further than NumPy
    assert "the process did not end within 1.5 s" in said


def test_an_mxnet_that_leaves_without_a_word(tmp_path, monkeypatch):
    """If this fails, the doctor ends in a traceback where a library ends the process by itself."""
    first_on_the_path(tmp_path, mxnet="import os\nprint('{', flush=True)\nos._exit(0)\n")
    monkeypatch.syspath_prepend(tmp_path / "first-on-the-path")
    found, ended = probe()
    assert [finding.name for finding in found] == ["numpy"]
    assert ended == "the process ended with status 0: without a message"


@pytest.mark.parametrize(
    "fake",
    ["import ctypes\nctypes.CDLL('libquadmath.so.0.missing')\n", "import numpy\nnumpy.gone\n"],
    ids=["a library", "numpy"],
)
def test_it_says_what_the_import_error_says(tmp_path, fake):
    """If this fails, the doctor and the error that sent for it disagree."""
    env = first_on_the_path(tmp_path, mxnet=fake)
    found = findings(cwd=tmp_path, status=1, **env)["mxnet"]
    error = subprocess.run(
        [sys.executable, "-c", "import gluonbook_ch7; gluonbook_ch7.rmsprop"],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
    ).stderr.splitlines()[-1]
    assert error.endswith(f"DependencyError: {found['says']}. To fix it: {found['command']}")


@pytest.mark.parametrize(
    ("twin", "words"),
    [
        ("lambda: os.kill(os.getpid(), signal.SIGFPE)", "the system ended the process by SIGFPE"),
        ("lambda: make()[::-1, ::-1] ** 3", "the book starts at 0.511186"),
    ],
)
def test_an_mxnet_that_imports_and_cannot_train(tmp_path, twin, words):
    """If this fails, an MXNet that computes something else, or crashes at work, seems healthy."""
    other = "import os, signal, gluonbook_ch7.dataset.twin as t\nmake = t.moment_twin\n"
    other += f"t.moment_twin = {twin}"
    env = first_on_the_path(tmp_path, sitecustomize=other)
    found = findings(cwd=tmp_path, status=1, **env)
    assert (found["mxnet"]["state"], found["training"]["state"]) == ("ok", "fault")
    assert words in found["training"]["says"]


def test_a_checkout_that_is_not_installed(tmp_path, monkeypatch):
    """If this fails, the doctor needs what pip writes down, which a mere checkout does not have."""
    first_on_the_path(tmp_path, mxnet=NO_MXNET)
    monkeypatch.syspath_prepend(tmp_path / "first-on-the-path")
    monkeypatch.setattr(module.install_hints, "PACKAGE", "gluonbook_ch7_that_nobody_installed")
    found = {finding.name: finding for finding in diagnose()}
    assert (found["packages"].state, "not installed" in found["packages"].says) == ("note", True)
    assert not any(name.startswith("extra ") for name in found)


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """Make a virtual environment that has all of this one's packages but a few."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    there = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    place = Path(subprocess.check_output([python, "-c", there], text=True).strip())
    missing = re.compile(r"(mxnet|requests|nbclient|pip|setuptools)(-[\d.]+\.dist-info)?")
    for path in _site_packages().iterdir():
        if not missing.fullmatch(path.name):
            (place / path.name).symlink_to(path)
    return str(python)


def _site_packages():
    return Path(importlib.metadata.distribution("mxnet").locate_file("."))


def test_a_house_without_mxnet_and_more(tmp_path, bare_python):
    """If this fails, someone who lacks packages is not told which, or how to get them."""
    found = findings(cwd=tmp_path, status=1, python=bare_python)
    assert found["mxnet"]["says"] == "MXNet 1.9.1 is not installed"
    # Neither is pip there.
    install = rf"uv pip install --python {bare_python}|{bare_python} -m pip install"
    assert re.search(
        rf"({install}) --(force-)?reinstall --no-deps mxnet==1\.9\.1$", found["mxnet"]["command"]
    )
    assert found["training"]["says"] == "not tried, because it needs MXNet"
    assert "requests>=2.28" in found["packages"]["says"]
    assert "'requests>=2.28'" in found["packages"]["command"]
    assert found["data"]["says"] == "not examined: No module named 'requests'"
    assert found["extra notebook"]["state"] == "note"
    assert found["extra notebook"]["says"].startswith("not installed: nbclient>=")
    assert found["extra notebook"]["command"].endswith("'nbclient>=0.8'")


def test_a_house_without_numpy(tmp_path):
    """If this fails, the doctor needs what it is asked about."""
    env = first_on_the_path(tmp_path, numpy="raise ImportError('numpy is broken')")
    found = findings(cwd=tmp_path, status=1, **env)
    assert found["numpy"]["says"].endswith("status 1: ImportError: numpy is broken")
    # It is installed, so that to install it once more would change nothing.
    assert re.search(r"--(force-)?reinstall --no-deps numpy==[\d.]+$", found["numpy"]["command"])
    assert found["mxnet"]["says"] == "not tried, because it needs NumPy"


@pytest.mark.parametrize(("system", "machine"), [("Windows", "AMD64"), ("Linux", "aarch64")])
def test_a_house_where_mxnet_cannot_live(tmp_path, system, machine):
    """If this fails, someone on a Mac is sent for Linux's libraries, or not to a container."""
    other = f"import platform\nplatform.system = lambda: {system!r}\n"
    other += f"platform.machine = lambda: {machine!r}\n"
    env = first_on_the_path(tmp_path, sitecustomize=other, mxnet=NO_MXNET)
    result = doctor(cwd=tmp_path, **env)
    assert (result.returncode, result.stderr) == (1, "")
    assert f"and this is {system} {machine}" in result.stdout
    assert "libgomp" not in result.stdout
    commands = result.stdout.split("To fix what is wrong:\n")[1].split("\n\n")[0].splitlines()
    checkout = '-v "${PWD}:/ch7" -w /ch7'  # or a reader would be in a container without it
    assert commands == [f"  docker run --platform linux/amd64 -it {checkout} python:3.12 bash"]


def data_and_cache():
    return {finding.name: finding for finding in module._check_data()}


def test_the_data_that_is_not_the_books(tmp_path, monkeypatch, real_data_path):
    """If this fails, someone trains on a damaged or another file, and the doctor sees nothing."""
    monkeypatch.delenv("GLUONBOOK_CH7_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    lines = real_data_path.read_bytes().splitlines(keepends=True)
    file = tmp_path / "data" / "airfoil_self_noise.dat"
    file.parent.mkdir()
    for content, state in ((b"".join(lines[:40])[:-9], "fault"), (b"".join(lines[:40]), "note")):
        file.write_bytes(content)
        found = data_and_cache()["data"]
        assert (found.state, str(file) in found.says) == (state, True)
        assert found.command == f"mv {file} {file}.aside && {FETCH}"
    monkeypatch.setenv("GLUONBOOK_CH7_DATA", str(file))
    assert data_and_cache()["data"].command == f"unset GLUONBOOK_CH7_DATA && {FETCH}"
    monkeypatch.setenv("GLUONBOOK_CH7_DATA", "gone.dat")
    found = data_and_cache()["data"]
    assert (found.state, found.command) == ("fault", "unset GLUONBOOK_CH7_DATA")
    assert "gone.dat" in found.says


def test_a_cache_that_cannot_be_used(tmp_path, monkeypatch):
    """If this fails, a cache that cannot keep the file, or keeps a bad one, is not found out."""
    monkeypatch.delenv("GLUONBOOK_CH7_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    blocked, used = tmp_path / "blocked", tmp_path / "used" / "gluonbook_ch7"
    blocked.write_text("a file")
    used.mkdir(parents=True)
    (used / "airfoil_self_noise.dat").write_text("cut off")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    found = data_and_cache()["cache"]
    assert (found.state, found.says) == ("note", f"{blocked}/gluonbook_ch7 cannot be written to")
    assert found.command.startswith("export XDG_CACHE_HOME=")
    monkeypatch.setenv("XDG_CACHE_HOME", str(used.parent))
    assert data_and_cache()["data"].says.startswith("no file yet")  # it would be downloaded anew
    assert data_and_cache()["cache"] == ("cache", "ok", str(used), "")


def test_a_plain_terminal(tmp_path):
    """If this fails, the doctor dies of a letter that the terminal does not have."""
    env = first_on_the_path(tmp_path, mxnet=NO_MXNET)
    env["XDG_CACHE_HOME"] = str(tmp_path / "höhle")
    result = doctor(cwd=tmp_path, PYTHONIOENCODING="ascii", **env)
    assert (result.returncode, result.stderr) == (1, "")
    assert "ok    python" in result.stdout
    assert "fault mxnet" in result.stdout
    assert "höhle" in result.stdout


def test_it_keeps_its_own_process_clean(tmp_path):
    """If this fails, the doctor waits for Matplotlib, or dies with MXNet."""
    env = {**os.environ, **first_on_the_path(tmp_path, mxnet=NO_MXNET)}
    code = (
        "import sys; from gluonbook_ch7.doctor import diagnose; diagnose()\n"
        "assert not {'mxnet', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=120)
