"""The scripts of the sections: each runs as a program and as a notebook."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"

# What a section prints whatever the order of the minibatches, and the figures it draws.
SECTIONS = {
    "gd_sgd": ("x1 -0.943467, x2 -0.000073", {"gd_1d", "gd_2d", "gd_2d_diverging", "sgd_2d"}),
    "minibatch_sgd": (
        "batch size 100, lr 0.4: loss",
        {"sgd_1500", "sgd_1", "sgd_10", "sgd_gluon", "sgd_batch_sizes"},
    ),
    "momentum": (
        "x1 -0.062843, x2 0.001202",
        {"momentum_2d", "momentum_2d_faster", "momentum", "momentum_0.9", "momentum_gluon"},
    ),
    "adagrad": (
        "x1 -2.382563, x2 -0.158591",
        {"adagrad_2d", "adagrad_2d_faster", "adagrad", "adagrad_gluon", "adagrad_learning_rates"},
    ),
    "rmsprop": (
        "x1 -0.010599, x2 0.000000",
        {"rmsprop_2d", "rmsprop", "rmsprop_gluon", "rmsprop_hyperparameters"},
    ),
    "adadelta": ("epsilon 1e-04: final loss", {"adadelta", "adadelta_gluon", "adadelta_rho"}),
    "adam": ("without: loss after 100 examples", {"adam", "adam_gluon", "adam_learning_rates"}),
}


def run(script, *arguments, cwd):
    command = [sys.executable, str(SCRIPTS / f"{script}.py"), "--data", "twin", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("script", SECTIONS)
def test_a_section_runs_as_a_program(script, tmp_path):
    """If this fails, a section's page does not run, or does not draw what it talks about."""
    said, figures = SECTIONS[script]
    done = run(script, "--out", str(tmp_path / "out"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout and "Warning" not in done.stderr
    assert script == "gd_sgd" or "moment twin" in done.stdout
    assert "nan" not in done.stdout
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {f"{name}.{kind}" for name in figures for kind in ("png", "svg")}
    assert all(path.stat().st_size < 500_000 for path in (tmp_path / "out").iterdir())


def test_without_out_nothing_is_written(tmp_path):
    """If this fails, trying a section leaves files behind."""
    folder = tmp_path / "empty"
    folder.mkdir()
    assert run("gd_sgd", cwd=folder).returncode == 0
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("script", SECTIONS)
def test_a_section_is_a_notebook_too(script):
    """If this fails, Jupyter and VS Code do not see cells, or a cell is not whole by itself."""
    text = (SCRIPTS / f"{script}.py").read_text(encoding="utf-8")
    marks = re.split(r"^# %%", text, flags=re.MULTILINE)
    prose = [cell for cell in marks[1:] if cell.startswith(" [markdown]")]
    code = [cell for cell in marks[1:] if not cell.startswith(" [markdown]")]
    assert len(prose) >= 4 and len(code) >= 4
    for cell in prose:
        assert all(line.startswith("#") for line in cell.strip().splitlines()[1:])
    for cell in code:
        ast.parse(cell)
    assert "## Exercise" in text and text.count("$$") % 2 == 0 and "$" in text


def test_a_section_runs_in_a_kernel(tmp_path):
    """If this fails, the kernel's own arguments break a section opened as a notebook."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    text = (SCRIPTS / "rmsprop.py").read_text(encoding="utf-8")
    cells = [
        nbformat.v4.new_code_cell(cell.lstrip())
        for cell in re.split(r"^# %%", text, flags=re.MULTILINE)[1:]
        if not cell.startswith(" [markdown]")
    ][:3]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = nbclient.NotebookClient(
        notebook, timeout=60, resources={"metadata": {"path": str(SCRIPTS)}}
    )
    client.execute(env={**os.environ, "MPLBACKEND": "module://matplotlib_inline.backend_inline"})
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    assert any("image/svg+xml" in output.get("data", {}) for output in outputs)
