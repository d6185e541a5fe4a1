"""The lessons in scripts/: each runs as a program and as a notebook."""

import ast
import os
import re
import runpy
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

from gluonbook_ch7.errors import DataWarning

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"

# What a lesson prints whatever the order of the minibatches, and how many figures it draws.
LESSONS = {
    "gd_sgd": ("x1 -0.943467, x2 -0.000073", 4),
    "minibatch_sgd": ("batch size 100, lr = 0.4: loss", 5),
    "momentum": ("x1 -0.062843, x2 0.001202", 4),
    "adagrad": ("x1 -2.382563, x2 -0.158591", 5),
    "rmsprop": ("x1 -0.010599, x2 0.000000", 5),
    "adadelta": ("epsilon = 1e-04: final loss", 3),
    "adam": ("without it: loss", 3),
    "states": ("RMSProp: final loss", 3),
}


def run(*arguments, cwd, script="section"):
    command = [sys.executable, str(SCRIPTS / f"{script}.py"), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def cells(lesson):
    """Return a lesson's cells: for each whether it is prose, and its lines."""
    text = (SCRIPTS / f"{lesson}.py").read_text(encoding="utf-8")
    parts = re.split(r"^# %%", text, flags=re.MULTILINE)
    assert parts[0] == "", "something stands before the first cell"
    return [(part.startswith(" [markdown]"), part.split("\n", 1)[1]) for part in parts[1:]]


# states.py takes as long as several others together; the build of the site runs it.
@pytest.mark.parametrize("lesson", [lesson for lesson in LESSONS if lesson != "states"])
def test_a_lesson_runs(lesson, tmp_path, bare_desk, monkeypatch, capsys):
    """If this fails, a lesson does not run, or does not draw what it talks about."""
    said, figures = LESSONS[lesson]
    monkeypatch.setattr(sys, "argv", ["section.py", lesson, "--out", str(tmp_path / "out")])
    monkeypatch.setattr(plt, "show", plt.show)  # the program replaces it
    with pytest.warns(DataWarning) if lesson != "gd_sgd" else nullcontext():
        runpy.run_path(str(SCRIPTS / "section.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert said in printed
    assert "nan" not in printed and not re.search(r"\d{20}", printed)
    if lesson != "gd_sgd":
        assert "moment twin" in printed
    written = {path.name for path in (tmp_path / "out").iterdir()}
    names = {f"{lesson}_{number + 1}" for number in range(figures)}
    assert written == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}
    assert f"{figures} figures written" in printed
    assert all(path.stat().st_size < 500_000 for path in (tmp_path / "out").iterdir())


def test_without_out_nothing_is_written(tmp_path):
    """If this fails, trying a lesson leaves files behind."""
    folder = tmp_path / "empty"
    folder.mkdir()
    done = run("gd_sgd", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "--out FOLDER writes them" in done.stdout
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("section", ["gd_sgd", "--out"]),
        ("benchmark", ["--json"]),
        ("power", ["--json"]),
        ("mutation", ["--json"]),
    ],
)
def test_a_place_that_cannot_be_written_is_found_at_once(tmp_path, script, arguments):
    """If this fails, an hour's measurement is lost when it ends."""
    if script == "mutation":
        pytest.importorskip("cosmic_ray")
    (tmp_path / "file").touch()
    done = run(*arguments, "file/below", cwd=tmp_path, script=script)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"{arguments[-1]} file/below: Not a directory\n")


def test_a_sample_of_no_mutants_is_refused(tmp_path):
    """If this fails, a mistyped --only ends in a division by zero."""
    pytest.importorskip("cosmic_ray")
    done = run("--only", "trainin.py", cwd=tmp_path, script="mutation")
    assert done.returncode == 2
    assert "no module's path contains trainin.py" in done.stderr


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_is_a_notebook_too(lesson):
    """If this fails, Jupyter and VS Code do not see cells, or a cell is not whole by itself."""
    found = cells(lesson)
    prose = [text for is_prose, text in found if is_prose]
    code = [text for is_prose, text in found if not is_prose]
    assert len(prose) >= 4 and len(code) >= 4
    for text in prose:
        assert all(line.startswith("#") for line in text.strip().splitlines())
    for text in code:
        ast.parse(text)
    together = "\n".join(prose)
    assert "**Remember.**" in prose[0] and "## 中文小结" in together
    assert together.count("$$") % 2 == 0 and "$" in together


@pytest.mark.parametrize("lesson", sorted(set(LESSONS) - {"states"}))
def test_a_lesson_answers_what_a_lesson_must(lesson):
    """If this fails, a reader looks in vain for the formula, the exercises or the difference."""
    headings = [line for is_prose, text in cells(lesson) if is_prose for line in text.splitlines()]
    for heading in ("# ## The idea", "# ## The formula", "# ## The rule", "# ## Two "):
        assert any(line.startswith(heading) for line in headings), heading
    assert any(line.startswith("# ## What differs") for line in headings)
    assert any(line.startswith("# ## Exercise") for line in headings)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_needs_nothing_beside_it(lesson):
    """If this fails, a downloaded notebook asks for a module that only the checkout has."""
    text = "".join(text for is_prose, text in cells(lesson) if not is_prose)
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert "gluonbook_ch7" in imported
    assert imported <= {"functools", "math", "gluonbook_ch7", "mxnet", "numpy"}


def test_a_lesson_runs_in_a_kernel(tmp_path):
    """If this fails, a lesson that is downloaded as a notebook does not run in an empty folder."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    code = [text for is_prose, text in cells("rmsprop") if not is_prose][:3]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in code])
    client = nbclient.NotebookClient(
        notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute(env={**os.environ, "MPLBACKEND": "module://matplotlib_inline.backend_inline"})
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    assert any("image/svg+xml" in output.get("data", {}) for output in outputs)
