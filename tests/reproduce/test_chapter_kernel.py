"""What the chapter's kernel notices and repeats, in processes of their own."""

import json
import os
import subprocess
import sys

import pytest

START = """
import json, sys
from gluonbook_ch7.reproduce import kernel
claims = {"first_losses": FIRST, "printed": PRINTED, "edition": "auto", "shift": 0}
print(kernel.set_up(json.dumps(claims)))
import gluonbook as gb, d2lzh, numpy as np
from mxnet import nd
"""


def python(code, cwd, *arguments, first=(), printed=(), data=""):
    """Run code after the kernel's set-up; return what it printed, each line from JSON."""
    script = cwd / "script.py"
    start = START.replace("FIRST", repr(list(first))).replace("PRINTED", repr(list(printed)))
    script.write_text(start + code)
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=cwd,
        env={**os.environ, "GLUONBOOK_CH7_DATA": str(data), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line[:1] in "[{"]


SHAPES = "print(json.dumps([list(m.get_data_ch7()[0].shape) for m in (gb, d2lzh)]))"


@pytest.mark.parametrize(
    ("first", "printed", "edition", "columns"),
    [
        ([0.51118642], [], "0.7", [4, 4]),
        ([0.9, 0.51724970], [0.2588], "1.0", [5, 5]),
        ([0.49322045], [], "1.0", [5, 5]),  # the fourth draw on macOS
        ([], [0.2588, 0.2434], "1.0", [5, 5]),
        ([], [0.2588], "", [4, 5]),
        ([], [], "", [4, 5]),
    ],
)
def test_the_edition_is_found_in_the_record(tmp_path, first, printed, edition, columns):
    """A chapter that was recorded with the other edition of the data would be called different."""
    chosen, shapes = python(SHAPES, tmp_path, first=first, printed=printed)
    assert chosen["edition"] == edition
    assert bool(chosen["reason"]) == bool(edition)
    assert shapes == [[1503, count] for count in columns]


GENERATORS = """
features, labels = gb.get_data_ch7()
gb.train_gluon_ch7("rmsprop", {"learning_rate": 0.01, "gamma1": 0.9}, features, labels)

def train_ch7(rule, states, hyperparams, features, labels, batch_size=10, num_epochs=2):
    curve = gb.fit_scratch(rule, states, hyperparams, features, labels, batch_size, num_epochs)
    gb.plt.plot(curve.epochs, curve.losses)

def train_2d(rule):
    return [(x, np.random.normal() + nd.random.normal().asscalar()) for x in range(5)]

kernel.watched(train_ch7)(gb.sgd, None, {"lr": 0.05}, features, labels)
kernel.watched(train_2d)(None)
gb.train_2d(lambda x1, x2, s1, s2: (x1 / 2, x2 / 2, 0, 0))
if sys.argv[1] == "judge":
    report = json.loads(kernel.report())
    assert report["trainings"] == 2 and report["descents"] == 1
    claim = {"losses": None, "printed": 0.25}
    found = json.loads(kernel.judge(json.dumps({
        "trainings": [claim, claim], "descent": {"trace": [[0, 0]] * 5, "end": [4, 0]},
    })))
    assert all(0 < each["printed"]["numbers"]["p"] < 1 for each in found["trainings"])
    assert all(0 < each["numbers"]["p"] <= 1 for each in found["descent"])
print(json.dumps([nd.random.normal(shape=(3,)).asnumpy().tolist(), np.random.rand(3).tolist()]))
"""


def test_judging_leaves_the_cells_generators_alone(tmp_path):
    """Judging a cell would change the random numbers of the cells after it."""
    (_, alone), (_, judged) = (python(GENERATORS, tmp_path, how) for how in ("not", "judge"))
    assert alone == judged
