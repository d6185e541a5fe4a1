"""What the chapter's kernel notices and repeats, in processes of their own."""

import io
import json
import os
import subprocess
import sys

from matplotlib.figure import Figure as Canvas

START = """
import json, sys
from gluonbook_ch7.reproduce import kernel
print(json.dumps(kernel.set_up([], "auto")))
import gluonbook as gb, d2lzh, numpy as np
from mxnet import nd
"""


def python(code, cwd, *arguments):
    """Run code after the kernel's set-up; return what it printed, each line from JSON."""
    script = cwd / "script.py"
    script.write_text(START + code)
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=cwd,
        env={**os.environ, "GLUONBOOK_CH7_DATA": "", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line[:1] in "[{"]


def printed_loss(loss):
    """Return what a training cell printed."""
    text = f"loss: {loss:f}, 0.1 sec per epoch\n"
    return {"output_type": "stream", "name": "stdout", "text": text}


def drawn_loss(first):
    """Return the figure of a loss curve."""
    canvas, written = Canvas(), io.StringIO()
    axes = canvas.subplots()
    axes.plot([0, 1], [first, 0.3])
    axes.set(xlabel="epoch", ylabel="loss")
    canvas.savefig(written, format="svg")
    return {"output_type": "display_data", "data": {"image/svg+xml": written.getvalue()}}


# The first losses that were drawn, the last ones that were printed; the edition, and the columns of
# each package's data. Those that tell no edition come first: they leave the packages as they are.
RECORDS = [
    ([], [], "", [4, 5]),
    ([], [0.2588], "", [4, 5]),
    ([0.51118642], [], "0.7", [4, 4]),
    ([0.9, 0.51724970], [0.2588], "1.0", [5, 5]),
    ([0.51118642], [], "0.7", [4, 4]),
    ([0.49322045], [], "1.0", [5, 5]),  # the fourth draw on macOS
    ([0.51118642], [], "0.7", [4, 4]),
    ([], [0.2588, 0.2434], "1.0", [5, 5]),
]
EDITIONS = """
for recorded in json.load(open(sys.argv[1])):
    print(json.dumps(kernel.set_up([recorded], "auto")))
    print(json.dumps([list(package.get_data_ch7()[0].shape) for package in (gb, d2lzh)]))
"""


def test_the_edition_is_found_in_the_record(tmp_path):
    """A chapter that was recorded with the other edition of the data would be called different."""
    records = [[*map(printed_loss, last), *map(drawn_loss, first)] for first, last, *_ in RECORDS]
    path = tmp_path / "records.json"
    path.write_text(json.dumps(records))
    _, *found = python(EDITIONS, tmp_path, str(path))
    assert len(found) == 2 * len(RECORDS)
    for record, (chosen, reason, runs), shapes in zip(RECORDS, found[::2], found[1::2]):
        first, last, edition, columns = record
        assert chosen == edition
        assert bool(reason) == bool(edition)
        assert runs == max(5000, 2000 * len(first + last))
        assert shapes == [[1503, count] for count in columns]


GENERATORS = """
def check_ps(count, *texts):
    if sys.argv[1] != "judge":
        return
    then, now = ([{"output_type": "stream", "name": "stdout", "text": each}] for each in texts)
    judgements = kernel.judge("cell", then, now, 5000)["judgements"]
    ps = [each["numbers"]["p"] for each in judgements if "p" in each["numbers"]]
    assert len(ps) == count and all(0 < p < 1 for p in ps), judgements

def train_2d(rule):
    return [(x, np.random.normal() + nd.random.normal().asscalar()) for x in range(5)]

kernel.watched(train_2d)(None)
gb.train_2d(lambda x1, x2, s1, s2: (x1 / 2, x2 / 2, 0, 0))
check_ps(1, "epoch 5, x1 4, x2 0.5", "epoch 5, x1 4, x2 0.6")  # it is repeated where it differs

def train_ch7(rule, states, hyperparams, features, labels, batch_size=10, num_epochs=2):
    curve = gb.fit_scratch(rule, states, hyperparams, features, labels, batch_size, num_epochs)
    gb.plt.plot(curve.epochs, curve.losses)

features, labels = gb.get_data_ch7()
gb.train_gluon_ch7("rmsprop", {"learning_rate": 0.01, "gamma1": 0.9}, features, labels)
kernel.watched(train_ch7)(gb.sgd, None, {"lr": 0.05}, features, labels)
lines = "loss: {:f}, 0.1 sec per epoch\\n" * 2
ends = [call.losses[-1] for call in kernel._calls if hasattr(call, "losses")]
check_ps(2, lines.format(0.26, 0.26), lines.format(*ends))
print(json.dumps([nd.random.normal(shape=(3,)).asnumpy().tolist(), np.random.rand(3).tolist()]))
"""


def test_judging_leaves_the_cells_generators_alone(tmp_path):
    """Judging a cell would change the random numbers of the cells after it."""
    (_, alone), (_, judged) = (python(GENERATORS, tmp_path, how) for how in ("not", "judge"))
    assert alone == judged
