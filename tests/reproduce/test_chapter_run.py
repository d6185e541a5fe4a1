"""A chapter file, rerun in a real kernel, against what it recorded."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from gluonbook_ch7.reproduce.notebook import read_chapter, runs_command, why_unsupported
from gluonbook_ch7.reproduce.runner import rerun_chapter
from gluonbook_ch7.reproduce.verdict import Verdict

BOOK = Path(__file__).resolve().parents[3] / "shared" / "book" / "rmsprop.md"

TRAINING = {
    "printed loss": "consistent",
    "time": "not comparable",
    "axes": "identical",
    "first loss": "identical",
    "30 later losses": "consistent",
}
AS_RECORDED = {
    "cell 1 (n=1): stderr": "not comparable",
    "cell 2 (n=2): text": "identical",
    "cell 2 (n=2): figure": "identical",
    **{f"cell 4 (n=5): {output}": verdict for output, verdict in TRAINING.items()},
    **{f"cell 5 (n=5): {output}": verdict for output, verdict in TRAINING.items()},
}

# Sections in the style of the book's, with nothing recorded.
SECTION = """
# 梯度下降

```{.python .input n=1}
import sys
sys.path.insert(0, '..')

%matplotlib inline
import gluonbook as gb
import d2lzh as d2l
from mpl_toolkits import mplot3d
import numpy as np
from mxnet import nd, autograd

def gd(eta):
    x = 10
    results = [x]
    for i in range(10):
        x -= eta * 2 * x
        results.append(x)
    return results

res = gd(0.2)
gb.set_figsize()
f_line = np.arange(-10, 10, 0.1)
gb.plt.plot(f_line, [x * x for x in f_line])
gb.plt.plot(res, [x * x for x in res], '-o')
gb.plt.xlabel('x')
```

```{.python .input n=2}
def train_2d(trainer):
    x1, x2, s1, s2 = -5, -2, 0, 0
    results = [(x1, x2)]
    for i in range(20):
        x1, x2, s1, s2 = trainer(x1, x2, s1, s2)
        results.append((x1, x2))
    print('epoch %d, x1 %f, x2 %f' % (i + 1, x1, x2))
    return results

def sgd_2d(x1, x2, s1, s2):
    return (x1 - 0.1 * (2 * x1 + np.random.normal(0.1)),
            x2 - 0.1 * (4 * x2 + nd.random.normal().asscalar()), 0, 0)

d2l.show_trace_2d(lambda x1, x2: x1 ** 2 + 2 * x2 ** 2, train_2d(sgd_2d))
```

```{.python .input n=3}
x, y = np.mgrid[-1: 1: 31j, -1: 1: 31j]
z = x**2 - y**2
ax = gb.plt.figure().add_subplot(111, projection='3d')
ax.plot_wireframe(x, y, z, **{'rstride': 2, 'cstride': 2})
ax.plot([0], [0], [0], 'rx')
gb.plt.xticks([-1, 0, 1])
ax.set_zticks([-1, 0, 1])
```

```{.python .input n=4}
def get_data_ch7():
    data = np.genfromtxt('../data/airfoil_self_noise.dat', delimiter='\\t')
    data = (data - data.mean(axis=0)) / data.std(axis=0)
    return nd.array(data[:, :-1]), nd.array(data[:, -1])

features, labels = get_data_ch7()
assert features.shape == d2l.get_data_ch7()[0].shape == (1503, 5)
assert gb.get_data_ch7()[0].shape == (1503, 4)
assert nd.abs(features - d2l.get_data_ch7()[0]).max() < 1e-6
```

```{.python .input n=5}
def sgd(params, states, hyperparams):
    for p in params:
        p[:] -= hyperparams['lr'] * p.grad

gb.train_ch7(sgd, None, {'lr': 0.05}, features, labels, 10)
gb.train_gluon_ch7('sgd', {'learning_rate': 0.05}, features, labels, 10)
```
"""


def command(*arguments):
    return [sys.executable, "-m", "gluonbook_ch7", "rerun", *map(str, arguments)]


def call(*arguments, **options):
    """Run ``gluonbook-ch7 rerun``."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=600, check=False, **options
    )


def chapter_of(*sources):
    """Return a chapter with these code cells and nothing recorded."""
    return "\n".join(f"```{{.python .input}}\n{source}\n```\n" for source in sources)


def verdicts(run):
    return {judgement.output: judgement.verdict.value for judgement in run.judgements}


@pytest.fixture(scope="module")
def book():
    """Return the section's file with its recorded outputs, or skip where it is not kept."""
    if not BOOK.is_file():
        pytest.skip(f"the recorded chapter is not here: no file {BOOK}")
    return BOOK.read_text(encoding="utf-8")


@pytest.fixture
def rerun(tmp_path, monkeypatch, real_data_path):
    """Return a function that reruns a chapter's text on the real data."""
    monkeypatch.setenv("GLUONBOOK_CH7_DATA", str(real_data_path))

    def rerun(text, name="chapter.md", **options):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return rerun_chapter(read_chapter(path), **options)

    return rerun


# --- The section, as it is and changed ----------------------------------------------------------


@pytest.fixture(scope="module")
def original(book, tmp_path_factory, real_data_path):
    """Rerun the book's file, byte for byte, with everything that the command writes."""
    folder = tmp_path_factory.mktemp("original")
    places = ("--out", folder, "--json", folder / "r.json", "--html", folder / "r.html")
    done = call(BOOK, *places, env={**os.environ, "GLUONBOOK_CH7_DATA": str(real_data_path)})
    return folder, done


def test_the_recorded_section_is_reproduced(original):
    """The main promise would be broken: the book's own file runs and says what it said."""
    folder, done = original
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    content = json.loads((folder / "r.json").read_text())
    outputs = [output for cell in content["cells"] for output in cell["outputs"]]
    assert {output["output"]: output["verdict"] for output in outputs} == AS_RECORDED
    assert [cell["status"] for cell in content["cells"]] == ["run"] * 5
    assert content["reproduced"] is True
    assert content["data"][0].startswith("edition 0.7, the real data set")
    assert "edition 0.7, the real data set" in done.stdout


def test_the_executed_notebook_holds_the_chapter_and_todays_outputs(original, book):
    """A reader who opens the notebook would miss prose, or count cells that are not the book's."""
    folder, _ = original
    notebook = nbformat.read(folder / "rmsprop.rerun.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert all(cell.source in book for cell in notebook.cells)
    coded = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in coded] == [1, 2, 3, 4, 5]
    assert coded[1].outputs[0].text == "epoch 20, x1 -0.010599, x2 0.000000\n"
    assert "image/svg+xml" in coded[1].outputs[1].data
    assert not coded[0].outputs


def test_changed_numbers_in_the_code_are_caught_where_they_act(book, rerun, tmp_path):
    """The evidence would call a chapter reproduced that computes something else.

    Or it would judge a chapter by another measure once it is a notebook.
    """
    path = tmp_path / "changed.md"
    changed = book.replace("eta, gamma = 0.4", "eta, gamma = 0.41")
    path.write_text(changed.replace("'gamma':0.9}", "'gamma':0.99}"), encoding="utf-8")
    run = rerun(nbformat.writes(read_chapter(path).notebook), "chapter.ipynb")
    assert not run.failure
    assert not run.is_reproduced
    different = ("cell 2 (n=2): text", "cell 2 (n=2): figure", "cell 4 (n=5): 30 later losses")
    assert verdicts(run) == {**AS_RECORDED, **dict.fromkeys(different, "different")}
    assert run.edition == "0.7"
    assert run.edition_reason == "4 features: the first loss 0.51118642 is edition 0.7's"


def test_another_edition_is_caught_where_it_is_asked_for(book, rerun):
    """The evidence would call a chapter reproduced that was run with other data."""
    up_to_gluon = book.partition("```{.python .input  n=5}\ngb.train_gluon_ch7")[0]
    assert up_to_gluon != book
    run = rerun(up_to_gluon, edition="1.0")
    losses = ("printed loss", "first loss", "30 later losses")
    expected = {output: v for output, v in AS_RECORDED.items() if not output.startswith("cell 5")}
    expected.update((f"cell 4 (n=5): {output}", "different") for output in losses)
    assert verdicts(run) == expected


def test_a_changed_number_in_the_record_is_caught_where_it_stands(book, rerun):
    """The evidence would not read what was recorded, a line of text or a vertex of a figure."""
    changed = book.replace("loss: 0.258765,", "loss: 0.243000,")
    # With the package whose data are of another edition; the record's is taken.
    changed = changed.replace("import gluonbook as gb", "import d2lzh as gb")
    # The trace's sixth point, moved to the right by 0.01; 2 data units are from -4 to -2.
    per_unit = (149.425 - 88.39375) / 2
    trace = re.search(r'd=\\"(M [^"]*)\\" style=\\"fill:none;stroke:#ff7f0e', changed)[1]
    x = trace.split("L ")[5].split()[0]
    moved = trace.replace(f"L {x} ", f"L {float(x) + 0.01 * per_unit:.6f} ", 1)
    run = rerun(changed.replace(trace, moved))
    different = ("cell 2 (n=2): figure", "cell 4 (n=5): printed loss")
    assert verdicts(run) == {**AS_RECORDED, **dict.fromkeys(different, "different")}
    figure = run.cells[1].judgements[1]
    assert figure.numbers["largest_difference"] == pytest.approx(0.01, abs=1e-6)


# --- Other sections -----------------------------------------------------------------------------


def test_other_sections_run_and_are_reported_as_not_recorded(tmp_path):
    """A section in the style of 2018 would stop, or be called judged with nothing to judge."""
    folder = tmp_path / "chapter_optimization"
    folder.mkdir()
    # A copy of the book's package that cannot be imported today must not come first.
    broken = tmp_path / "gluonbook"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('the old package')")
    path = folder / "gd-sgd.md"
    path.write_text(SECTION, encoding="utf-8")
    environment = {**os.environ, "GLUONBOOK_CH7_DATA": ""}
    done = call(path, "--json", tmp_path / "r.json", env=environment)
    assert done.returncode == 2, done.stderr
    assert "recorded no output" in done.stdout
    assert "edition 1.0, the moment twin" in done.stdout
    assert "served as ../data/airfoil_self_noise.dat" in done.stdout
    content = json.loads((tmp_path / "r.json").read_text())
    assert [(cell["status"], cell["recorded"]) for cell in content["cells"]] == [("run", False)] * 5
    assert sorted(os.listdir(folder)) == ["gd-sgd.md"]


def test_outputs_without_a_rule_are_said_to_be_not_judged(tmp_path):
    """What nobody judged would pass for reproduced, or a random loss for different."""
    recorded = [
        {"output_type": "stream", "name": "stdout", "text": "loss: 0.250000, 0.1 sec per epoch\n"},
        {"output_type": "display_data", "data": {"text/html": "<b>bold</b>"}, "metadata": {}},
        {"output_type": "stream", "name": "stderr", "text": "DeprecationWarning: old\n"},
    ]
    times = [{"output_type": "stream", "name": "stdout", "text": ["took 0.31 sec, ", "3 steps\n"]}]
    path = tmp_path / "own.md"
    path.write_text(
        "```{.python .input n=7}\nprint('loss: 0.260000, 0.2 sec per epoch')\n```\n"
        f"```{{.json .output n=7}}\n{json.dumps(recorded)}\n```\n"
        "```{.python .input n=7}\nprint('took 0.2 sec, 3 steps')\n```\n"
        f"```{{.json .output n=7}}\n{json.dumps(times)}\n```\n"
    )
    run = rerun_chapter(read_chapter(path))
    assert verdicts(run) == {
        "cell 1 (n=7): text": "not judged",
        "cell 1 (n=7): stderr": "not comparable",
        "cell 1 (n=7): text/html": "not judged",
        "cell 2 (n=7): text": "identical",
        "cell 2 (n=7): time": "not comparable",
    }


OWN_FUNCTIONS = """
import random, numpy as np
from mxnet import autograd, gluon, nd

def train_ch7(trainer_fn, states, hyperparams, features, labels, batch_size=10, num_epochs=2):
    w, b = nd.random.normal(scale=0.01, shape=(features.shape[1], 1)), nd.zeros(1)
    w.attach_grad()
    b.attach_grad()
    def eval_loss():
        return gb.squared_loss(gb.linreg(features, w, b), labels).mean().asscalar()
    ls = [eval_loss()]
    data_iter = gluon.data.DataLoader(
        gluon.data.ArrayDataset(features, labels), batch_size, shuffle=True)
    for _ in range(num_epochs):
        for batch_i, (X, y) in enumerate(data_iter):
            with autograd.record():
                l = gb.squared_loss(gb.linreg(X, w, b), y).mean()
            l.backward()
            trainer_fn([w, b], states, hyperparams)
            if (batch_i + 1) * batch_size % 100 == 0:
                ls.append(eval_loss())
    print('loss: %f, %f sec per epoch' % (ls[-1], 0.1))
    gb.set_figsize()
    gb.plt.plot(np.linspace(0, num_epochs, len(ls)), ls)
    gb.plt.xlabel('epoch')
    gb.plt.ylabel('loss')

def train_2d(trainer):
    x1, x2, s1, s2 = -5, -2, 0, 0
    results = [(x1, x2)]
    for i in range(20):
        x1, x2, s1, s2 = trainer(x1, x2, s1, s2)
        results.append((x1, x2))
    print('epoch %d, x1 %f, x2 %f' % (i + 1, x1, x2))
    return results

def sgd_2d(x1, x2, s1, s2):
    noise = np.random.normal(0.1), np.random.normal(0.1)
    return x1 - 0.1 * (2 * x1 + noise[0]), x2 - 0.1 * (4 * x2 + noise[1]), 0, 0
"""

CELLS = (
    "%matplotlib inline\nimport gluonbook as gb\nfeatures, labels = gb.get_data_ch7()\n"
    "gb.plt.plot([0, 1], [0, 2])\nfeatures.shape",
    OWN_FUNCTIONS,
    "np.random.seed(7)",
    "train_ch7(gb.sgd, None, {'lr': 1}, features, labels, 1503, 6)",
    "train_ch7(gb.sgd, None, {'lr': 0.05}, features, labels, 10)",
    "gb.show_trace_2d(gb.f_2d, train_2d(sgd_2d))",
    "print(random.random(), np.random.rand())",
    "for eta in (0.05, 0.01):\n    gb.train_ch7(gb.sgd, None, {'lr': eta}, features, labels, 50)",
    "def picky(params, states, hyperparams):\n"
    "    assert params[0].shape == (4, 1)\n"
    "    for p in params:\n"
    "        p -= hyperparams['lr'] * p.grad.clip(-9, 9)\n\n"
    "gb.train_ch7(picky, None, {'lr': 0.05}, features, labels, 50)",
    "def normed(params, states, hyperparams):\n"
    "    for p in params:\n"
    "        p -= hyperparams['lr'] * p.grad / p.grad.norm()\n\n"
    "gb.train_ch7(normed, None, {'lr': 0.05}, features, labels, 50)",
    "gb.train_ch7(gb.sgd, None, {'lr': 0.05}, features, labels)\ngb.plt.ylim(0.2, 0.3);",
)


def test_what_a_rerun_records_is_reproduced_by_the_next(tmp_path, monkeypatch):
    """A reader's own rules and loops would get no verdict, or a false one for their noise."""
    monkeypatch.setenv("GLUONBOOK_CH7_DATA", "")
    path = tmp_path / "own.md"
    path.write_text(chapter_of(*CELLS))
    first = rerun_chapter(read_chapter(path))
    assert first.is_reproduced, first.failure
    assert first.judgements == []
    notebook = first.notebook
    notebook.cells[2].source = "pass"  # so that what follows it is random
    path = tmp_path / "own.ipynb"
    nbformat.write(notebook, path)
    second = rerun_chapter(read_chapter(path))
    assert not second.failure
    plot = {"time": "not comparable", "axes": "identical", "first loss": "identical"}
    drawn = {**plot, **dict.fromkeys(("printed loss", "30 later losses"), "consistent")}
    unknown = {**plot, **dict.fromkeys(("printed loss", "30 later losses"), "not judged")}
    expected = {
        "cell 1 (n=1)": {
            "figure": "identical",
            "value": "identical",
            "stderr": "not comparable",
        },
        "cell 4 (n=4)": {**plot, "printed loss": "identical"},
        "cell 5 (n=5)": drawn,
        "cell 6 (n=6)": {
            "printed end": "consistent",
            "trace": "consistent",
            "figure": "identical",
        },
        "cell 7 (n=7)": {"text": "not judged"},
        "cell 8 (n=8), call 1": drawn,
        "cell 8 (n=8), call 2": drawn,
        "cell 9 (n=9)": unknown,
        "cell 10 (n=10)": unknown,
        # The limits of the axis cut the curve.
        "cell 11 (n=11)": {
            "printed loss": "consistent",
            "time": "not comparable",
            "figure": "not judged",
        },
    }
    assert verdicts(second) == {
        f"{cell}: {output}": verdict
        for cell, outputs in expected.items()
        for output, verdict in outputs.items()
    }
    reasons = {j.output: j.basis for j in second.judgements if j.verdict is Verdict.NOT_JUDGED}
    assert "AssertionError" in reasons["cell 9 (n=9): printed loss"]
    assert "a run depends on the others" in reasons["cell 10 (n=10): printed loss"]
    assert "another seed" in reasons["cell 7 (n=7): text"]


def test_the_kernel_is_this_python_and_leaves_the_home_alone(tmp_path):
    """A rerun would run another Python, with a reader's settings, and litter the home folder.

    And a reader would think that the chapter had been tried with other data.
    """
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    wrong = {"argv": ["/bin/false"], "display_name": "wrong", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(wrong))
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "own.py").write_text("leftover = 1")
    home = tmp_path / "home"
    home.mkdir()
    path = tmp_path / "chapter.md"
    path.write_text(
        chapter_of(
            "import os, sys\nassert 'leftover' not in globals()\n"
            "assert not [name for name in globals() if name in ('path', 'kernel')]\n"
            f"assert os.getcwd() == {str(tmp_path)!r}\nprint(sys.executable)"
        )
    )
    environment = {
        **os.environ,
        "HOME": str(home),
        "JUPYTER_PATH": str(tmp_path / "jupyter"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    done = call(path, "--edition", "1.0", "--out", tmp_path / "out", env=environment)
    assert done.returncode == 2, done.stderr  # nothing was recorded
    assert "--edition 1.0 had no effect: the chapter loads its data itself." in done.stdout
    notebook = nbformat.read(tmp_path / "out" / "chapter.rerun.ipynb", as_version=4)
    assert notebook.cells[0].outputs[0].text == f"{sys.executable}\n"
    assert list(home.iterdir()) == []


# --- Cells that do not come to their end --------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("print('so far'); 1 / 0", r"cell 2 raised ZeroDivisionError: division by zero"),
        (
            "print('so far', flush=True)\nwhile True: pass",
            r"cell 2 did not end within 3 s.* --timeout",
        ),
        ("import os\nprint('so far', flush=True)\nos._exit(3)", r"cell 2 ended the kernel"),
    ],
    ids=["raises", "hangs", "dies"],
)
def test_a_failing_cell_stops_the_run_and_shows_it(tmp_path, source, said):
    """A reader would wait forever, or not learn which cell it was and how far the run came."""
    path = tmp_path / "chapter.md"
    path.write_text(chapter_of("print('before')", source, "print('never')"))
    out = tmp_path / "out"
    done = call(path, "--timeout", "3", "--out", out, "--html", out / "page.html")
    assert done.returncode == 1
    assert re.fullmatch(rf"Error: The run stopped: {path}:5: {said}.*\n", done.stderr)
    cells = nbformat.read(out / "chapter.rerun.ipynb", as_version=4).cells
    assert cells[0].outputs[0].text == "before\n"
    assert not cells[2].outputs
    page = (out / "page.html").read_text()
    assert "before" in page
    assert "The run stopped" in page
    assert "not run" in page
    if "os._exit" not in source:
        assert cells[1].outputs[0].text.startswith("so far")


def test_a_cell_that_failed_when_it_was_recorded_may_fail_again(tmp_path):
    """A rerun would stop at a mistake that its author left in, and judge nothing after it."""
    cells = [v4.new_code_cell("1 / 0"), v4.new_code_cell("print('after')")]
    for prompt, cell in enumerate(cells, start=1):
        cell.execution_count = prompt
    error = {"ename": "ZeroDivisionError", "evalue": "division by zero", "traceback": []}
    cells[0].outputs = [v4.new_output("error", **error)]
    cells[1].outputs = [v4.new_output("stream", name="stdout", text="after\n")]
    path = tmp_path / "chapter.ipynb"
    nbformat.write(v4.new_notebook(cells=cells), path)
    run = rerun_chapter(read_chapter(path))
    assert run.is_reproduced, run.failure
    expected = {"cell 1 (n=1): error": "identical", "cell 2 (n=2): text": "identical"}
    assert verdicts(run) == expected


def test_windows_are_not_opened_and_one_random_value_excuses_no_other(tmp_path):
    """A notebook that asks for a window would stop; or a false value would pass for random."""
    cell = v4.new_code_cell(
        "%pylab qt\nmatplotlib.use('tkagg')\nplt.switch_backend('TkAgg')\n"
        "display(rand(), 2)\nplot([0, 1])\n"
        "import os\nos.path.exists(os.getcwd())"
    )
    values = "0.1", "3", "True"
    cell.outputs = [v4.new_output("display_data", {"text/plain": value}) for value in values]
    path = tmp_path / "chapter.ipynb"
    nbformat.write(v4.new_notebook(cells=[cell]), path)
    run = rerun_chapter(read_chapter(path))
    assert not run.failure
    found = {(each.recorded, each.verdict.value) for each in run.judgements}
    assert found >= {("0.1", "not judged"), ("3", "different"), ("True", "identical")}


def test_a_chapter_that_asks_its_reader_is_not_called_different(tmp_path):
    """A chapter that waits for input would fail as if it were at fault."""
    path = tmp_path / "chapter.md"
    path.write_text(chapter_of("rate = float(input('rate: '))"))
    done = call(path)
    assert done.returncode == 2
    assert "Error: The chapter needs a module, or an answer, that is not here: " in done.stderr


def test_a_chapter_may_print_when_it_likes(tmp_path):
    """A rerun would end in an error of ours where a hook, a thread or a new stdout prints."""
    source = (
        "import sys\nhook = lambda *_: print('took 1 s')\n"
        "get_ipython().events.register('post_run_cell', hook)\nsys.stdout = open('log', 'w')"
    )
    path = tmp_path / "chapter.md"
    path.write_text(chapter_of(source, "1 + 1"))
    run = rerun_chapter(read_chapter(path))
    assert not run.failure
    assert run.cells[1].today.outputs[-1]["data"]["text/plain"] == "2"


def test_ctrl_c_leaves_no_kernel_and_no_file(tmp_path):
    """A reader's machine would keep a kernel, or a child of it, that nobody knows of."""
    path = tmp_path / "chapter.md"
    path.write_text(
        chapter_of(
            "import os, subprocess, time\n"
            "child = subprocess.Popen(['sleep', '300'])\n"
            "open('pids.part', 'w').write(f'{os.getpid()} {child.pid}')\n"
            "os.rename('pids.part', 'pids')\n"
            "time.sleep(300)"
        )
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    running = subprocess.Popen(
        command(path, "--out", tmp_path / "out"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    pids = tmp_path / "pids"
    deadline = time.monotonic() + 60
    while not pids.exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=20)
    assert running.returncode == 130
    assert stderr.startswith("Interrupted.") and len(stderr.splitlines()) == 1
    assert not any(is_alive(int(pid)) for pid in pids.read_text().split())
    assert not (tmp_path / "out").exists()
    assert not list(scratch.glob("gluonbook-ch7-*"))


def is_alive(pid):
    """Tell whether a process runs; one that ended and waits for its parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_data_that_cannot_be_had_are_named(tmp_path):
    """A reader would be told that the kernel did not start, and look for the fault in Jupyter."""
    path = tmp_path / "chapter.md"
    path.write_text(chapter_of("1"))
    done = call(path, env={**os.environ, "GLUONBOOK_CH7_DATA": "nowhere.dat"})
    assert done.returncode == 2
    assert "DataNotFoundError: the environment variable GLUONBOOK_CH7_DATA is" in done.stderr
    assert "did not start" not in done.stderr
    assert done.stderr.count("\n") == 1


STRANGERS = {
    "from d2l import mxnet as d2l": "second edition",
    "from mxnet import autograd, np, npx": "second edition",
    "import gluonbook as gb\nfor X, y in gb.data_iter(10, 1, 2): pass": "before 0.7.8",
    "import gluonbook as gb\nimport no_such_module": "No module named 'no_such_module'",
}


@pytest.mark.parametrize("source", STRANGERS)
def test_a_chapter_that_is_not_ours_is_named(tmp_path, source):
    """A reader would be told that a chapter is different which this package cannot run."""
    path = tmp_path / "chapter.md"
    output = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    path.write_text(
        f"{chapter_of('%matplotlib inline', source, 'print(1)')}"
        f"```{{.json .output}}\n{json.dumps(output)}\n```\n"
    )
    done = call(path)
    assert done.returncode == 2
    assert STRANGERS[source] in done.stderr
    assert done.stderr.count("\n") == 1


# --- Reading, and wrong use ------------------------------------------------------------------


def test_notebooks_of_format_3_are_upgraded(tmp_path):
    """The book's older notebooks could not be read."""
    cell = {
        "cell_type": "code",
        "language": "python",
        "input": ["print(1)"],
        "prompt_number": 4,
        "metadata": {},
        "outputs": [{"output_type": "stream", "stream": "stdout", "text": ["1\n"]}],
    }
    sheet = {"cells": [cell], "metadata": {}}
    notebook = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [sheet]}
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps(notebook))
    (read,) = read_chapter(path).notebook.cells
    assert (read.source, read.execution_count) == ("print(1)", 4)
    assert read.outputs[0]["text"] == "1\n"


def test_properties_that_the_format_does_not_have_are_ignored(tmp_path):
    """A notebook with ids before format 4.5, as JupyterLab left many, would be called damaged."""
    notebook = nbformat.v4.new_notebook(nbformat_minor=4)
    notebook.cells = [nbformat.v4.new_markdown_cell("x"), nbformat.v4.new_code_cell("1")]
    notebook.cells[0].outputs = []
    path = tmp_path / "chapter.ipynb"
    path.write_text(json.dumps(notebook))
    assert [cell.source for cell in read_chapter(path).notebook.cells] == ["x", "1"]


def test_properties_that_a_tool_left_out_are_filled_in(tmp_path):
    """A notebook that was written by hand, which Jupyter opens, would be called damaged."""
    cell = {"cell_type": "code", "metadata": {}, "source": "1"}
    metadata = {"kernelspec": {"name": "python3"}}
    notebook = {"nbformat": 4, "nbformat_minor": 2, "metadata": metadata, "cells": [cell]}
    path = tmp_path / "chapter.ipynb"
    path.write_text(json.dumps(notebook))
    (read,) = read_chapter(path).notebook.cells
    assert (read.source, read.outputs, read.execution_count) == ("1", [], None)


def test_other_libraries_names_do_not_make_an_early_chapter(tmp_path):
    """A chapter that plots with plt.semilogy would be refused as one of gluonbook before 0.7.8."""
    path = tmp_path / "chapter.md"
    path.write_text(chapter_of("import gluonbook as gb\ngb.plt.semilogy([1, 2])"))
    assert why_unsupported(read_chapter(path).notebook) == ""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("!pip install d2lzh", True),
        ("x = 1\n%pip list", True),
        ("%%bash\nls", True),
        ("%ls ..", True),
        ("import os\nos.listdir('..')", True),
        ("os.lists()", False),
    ],
)
def test_commands_of_the_system_are_recognised(code, expected):
    """What pip printed on another machine, or what a folder held, would be an accusation."""
    assert runs_command(code) is expected


def test_without_the_extra_the_command_that_installs_it_is_named(tmp_path):
    """A reader without the notebook libraries would see an import error from deep inside."""
    (tmp_path / "good.md").write_text(chapter_of("1"))
    code = (
        "import sys; sys.modules['nbclient'] = None\n"
        "from gluonbook_ch7.cli import main; main(['rerun', 'good.md'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "-m pip install '.[notebook]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_verdict_words_are_those_of_the_documents():
    """Programs that read the JSON would meet words that no document explains."""
    words = ["identical", "consistent", "different", "not comparable", "not judged"]
    assert [verdict.value for verdict in Verdict] == words
