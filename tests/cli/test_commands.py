"""The commands, run as a person runs them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import run, run_here


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rerun")


@pytest.fixture(scope="module")
def rerun(folder):
    """Rerun the section where there are neither the data nor a network."""
    env = {
        "GLUONBOOK_CH7_DATA": "",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "https_proxy": "http://127.0.0.1:9",
        "HTTPS_PROXY": None,
    }
    return run("rerun", "--out", "figures", "--json", "v.json", cwd=folder, **env)


def test_rerun_prints_every_output_with_its_verdict_and_the_data(rerun):
    """If this fails, a person does not see what was compared, how it ended, or on which data."""
    assert rerun.returncode == 0, rerun.stderr
    for words in ("2-D descent: figure", "first loss", "0.51118642", "0.50221467", "identical"):
        assert words in rerun.stdout
    assert re.search(r"Data: edition 0\.7, the moment twin", rerun.stdout)
    assert rerun.stdout.endswith("The section is reproduced.\n")


def test_without_data_and_network_it_runs_on_the_twin_and_says_so(rerun):
    """If this fails, someone with nothing but the package cannot see the section run."""
    assert len(rerun.stderr.splitlines()) == 1
    assert rerun.stderr.startswith("Warning: The real data set is not in")


def test_rerun_writes_readable_figures_and_json(rerun, folder):
    """If this fails, the figures or the verdicts for programs are missing or damaged."""
    assert rerun.returncode == 0
    figures = [
        "2d_descent",
        "from_scratch",
        "from_scratch_likelihood",
        "gluon",
        "gluon_likelihood",
        "fan",
    ]
    names = {f"{name}.{end}" for name in figures for end in ("svg", "png")}
    assert {path.name for path in (folder / "figures").iterdir()} == names
    for path in (folder / "figures").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    fan = (folder / "figures" / "fan.svg").read_text(encoding="utf-8")
    for words in ("epoch", "loss", "recorded", "rerun", "the moment twin"):
        assert f"<!-- {words}" in fan or words in fan
    content = json.loads((folder / "v.json").read_text(encoding="utf-8"))
    assert content["reproduced"] is True
    assert {"output", "recorded", "rerun", "verdict", "basis", "numbers"} == set(
        content["outputs"][0]
    )


def test_edition_1_0_is_told_apart(tmp_path):
    """If this fails, the evidence cannot say no, or a script cannot tell from the exit status."""
    data = os.environ.get("GLUONBOOK_CH7_DATA", "twin")
    options = ("--edition", "1.0", "--data", data, "--json", "v.json")
    result = run_here("rerun", *options, cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    assert result.stdout.endswith("The section is NOT reproduced.\n")
    content = json.loads((tmp_path / "v.json").read_text(encoding="utf-8"))
    outputs = {each["output"]: each for each in content["outputs"]}
    for name in ("from scratch", "Gluon"):
        assert outputs[f"{name}: first loss"]["verdict"] == "different"
        for output in (f"{name}: printed loss", f"{name}: 30 later losses"):
            assert outputs[output]["verdict"] == "different"
            assert outputs[output]["numbers"]["p"] < 0.001
    assert outputs["2-D descent: figure"]["verdict"] == "identical"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rerun", "--data", "nowhere.dat"), "nowhere.dat"),
        (("rerun", "--edition", "2"), "'2' is not one of"),
        (("rerun", "--unknown"), "No such option"),
        (("reru",), "No such command"),
    ],
)
def test_wrong_use_exits_with_2_and_says_what_is_wrong(tmp_path, arguments, message):
    """If this fails, a mistake on the command line ends in a traceback or in silence."""
    result = run_here(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert list(tmp_path.glob("*.json")) == []


def test_a_variable_that_points_nowhere_is_an_error(tmp_path, monkeypatch):
    """If this fails, a mistyped GLUONBOOK_CH7_DATA silently trains on something else."""
    monkeypatch.setenv("GLUONBOOK_CH7_DATA", "gone.dat")
    result = run_here("rerun", cwd=tmp_path)
    assert result.returncode == 2
    assert "gone.dat" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    debug = run("rerun", "--debug", cwd=tmp_path)
    assert "Traceback" in debug.stderr


@pytest.mark.parametrize(
    ("command", "named"), [((), ("rerun",)), (("data",), ("where", "fetch", "verify", "forget"))]
)
def test_help_waits_for_no_library(tmp_path, command, named):
    """If this fails, --help takes seconds: it waits for MXNet or Matplotlib."""
    code = (
        "import sys; from gluonbook_ch7.cli import main\n"
        "try: main()\n"
        "finally: assert not {'mxnet', 'matplotlib', 'requests', 'rich'} & set(sys.modules)"
    )
    result = run(*command, "--help", cwd=tmp_path, command=[sys.executable, "-c", code])
    assert result.returncode == 0, result.stderr
    assert all(name in result.stdout for name in named)


def test_the_installed_command_is_there():
    """If this fails, the command of the README does not exist after installing."""
    command = Path(sys.executable).with_name("gluonbook-ch7")
    if not command.exists():
        pytest.skip("the package is not installed in this environment")
    result = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0
    assert "0.1.0" in result.stdout
