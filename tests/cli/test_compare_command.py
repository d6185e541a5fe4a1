"""The command compare: what it prints and writes, for the chapter's rules and for any other."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from terminal import on_terminal

from gluonbook_ch7._mxnet.install_hints import install_extra
from gluonbook_ch7.cli import main
from gluonbook_ch7.experiments import sides
from gluonbook_ch7.experiments.registry import RULES

MY_RULES = Path(__file__).parents[1] / "experiments" / "my_rules.py"
NESTEROV = [
    f"{MY_RULES}:nesterov", "--against", "nag", "--set", "lr=0.05", "--set", "mom=0.5",
    "--against-set", "learning_rate=0.05", "--against-set", "momentum=0.5",
]  # fmt: skip
QUICK = ["--data", "twin", "--epochs", "1", "--seeds", "2"]


def compare(*arguments):
    return CliRunner().invoke(main, ["compare", *arguments])


def test_the_command(tmp_path, monkeypatch):
    """If this fails, a person sees no table, no figure, no numbers, or not of which data."""
    monkeypatch.setattr(sides, "_can_be_imported", lambda module: False)
    out, numbers = tmp_path / "figures", tmp_path / "numbers.json"
    done = compare("adam", "rmsprop", *QUICK, "--out", str(out), "--json", str(numbers))
    assert done.exit_code == 0, done.output
    said = (
        "adam against Gluon's adam, lr 0.01, t 1", "folded bias correction", "ε = 1e-08",
        "divides by batch_size", "nothing known", "median and range of 2 seeds",
        "Verdict: the same but for epsilon and short minibatch", "Final losses: scratch 0.2",
        "Data: edition 0.7, the moment twin",
        f"To compare with PyTorch and optax: {install_extra('peers')}",
    )  # fmt: skip
    for words in said:
        assert words in done.output
    assert done.output.count("divides by batch_size") == 1
    assert sorted(path.name for path in out.iterdir()) == [
        f"compare_{rule}.{kind}" for rule in ("adam", "rmsprop") for kind in ("png", "svg")
    ]
    assert "1e-6: below, only rounding" in (out / "compare_adam.svg").read_text(encoding="utf-8")
    shown = json.loads(numbers.read_text())
    assert list(shown) == ["adam", "rmsprop"]
    for rule, entry in shown.items():
        assert entry["aligned"]["largest"] <= 1e-6 < entry["as_in_book"]["median"]
        assert set(entry["only"]) == {d.name for d in RULES[rule].differences}
        assert "twin" in entry["data"] and entry["seeds"] == [0, 1]
        assert "median" in entry["statistic"] and entry["verdict"] in done.output.replace(
            "\n    ", " "
        )


def test_a_rule_of_ones_own(tmp_path):
    """If this fails, a reader's rule cannot be compared from the command line."""
    numbers = tmp_path / "numbers.json"
    done = compare(*NESTEROV, *QUICK, "--json", str(numbers))
    assert done.exit_code == 0, done.output
    assert "nesterov against Gluon's nag, lr 0.05, mom 0.5" in done.output
    assert "Verdict: the same but for short minibatch" in done.output
    assert json.loads(numbers.read_text())["nesterov"]["against"] == "Gluon's nag"
    wrong = compare(f"{NESTEROV[0]}_without_decay", *NESTEROV[1:], *QUICK)
    assert "from step 2 on" in wrong.output


def test_set_changes_one_hyperparameter_of_a_chapters_rule():
    """If this fails, --set lr=0.02 loses what the chapter sets besides."""
    done = compare("rmsprop", "--set", "lr=0.02", *QUICK)
    assert "rmsprop against Gluon's rmsprop, lr 0.02, gamma 0.9" in done.output
    assert "the same but for epsilon and short minibatch" in done.output


def test_against_a_function_or_another_library():
    """If this fails, --against takes Gluon's names only."""
    torch = pytest.importorskip("torch")
    assert torch
    settings = ["--set", "lr=0.05", "--set", "mom=0.5", "--against-set", "lr=0.05"]
    done = compare(
        NESTEROV[0], "--against", "torch.optim.SGD", *settings, "--against-set", "momentum=0.5",
        "--against-set", "nesterov=true", *QUICK,
    )  # fmt: skip
    assert "nesterov against PyTorch's SGD" in done.output, done.output
    assert "Verdict: the same to rounding" in done.output
    same = compare(NESTEROV[0], "--against", NESTEROV[0], *settings, "--against-set", "mom=0.5",
                   *QUICK)  # fmt: skip
    assert "the same to rounding (0 at most" in same.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rmsprp"], "sgd, sgd_momentum, adagrad, rmsprop, adadelta, adam"),
        (["rmsprop", "--seeds", "0"], "seeds"),
        (["rmsprop", "--batch-size", "ten"], "batch-size"),
        (["rmsprop", "--data", "/nowhere"], "/nowhere"),
        (["sgd", "adam", "--set", "lr=0.1"], "need a single RULE"),
        (["rmsprop", "--set", "lr"], "--set lr: give NAME=VALUE"),
        (["rmsprop", "--set", "lr=fast"], "lr=fast: it must be a number"),
        (["rmsprop", "--set", "lr=1", "--set", "lr=2"], "lr is given twice"),
        (["rmsprop", "--set", "gama=0.5"], "did you mean gamma?"),
        (["rmsprop", "--against", "nagg"], "did you mean nag"),
        (["rmsprop", "--against", "rmsprop", "--against-set", "x=1"], "no hyperparameter 'x'"),
        (["rmsprop", "--against", "torch.optim.Nothing"], "torch.optim"),
        ([NESTEROV[0]], "Give --against"),
        ([f"{MY_RULES}:nestrov", "--against", "nag"], "has no function 'nestrov'; it has nesterov"),
        ([f"{MY_RULES}:not_a_rule", "--against", "nag"], "has no function 'not_a_rule'"),
        (["nothing.py:rule", "--against", "nag"], "there is no file nothing.py"),
    ],
)
def test_wrong_use_of_the_command(arguments, said):
    """If this fails, wrong use is not told from a result by the exit status, or not in a line."""
    done = compare(*arguments)
    assert done.exit_code == 2 and said in done.output
    assert "Traceback" not in done.output


def test_one_column_of_data_is_told_in_one_line(tmp_path):
    """If this fails, a file without features ends in a traceback."""
    (tmp_path / "one.csv").write_text("y\n1\n2\n4\n")
    done = compare("sgd", "--data", str(tmp_path / "one.csv"))
    assert done.exit_code == 2 and "one.csv has one column" in done.output


def test_a_rule_that_raises_shows_its_own_line(tmp_path):
    """If this fails, a mistake in a reader's file is buried in this package's traceback."""
    done = compare(f"{MY_RULES}:raises", "--against", "sgd", "--set", "lr=0.1", *QUICK)
    assert done.exit_code == 2
    assert 'hyperparams["lr"] * p.gradient' in done.output
    assert "AttributeError" in done.output and "site-packages" not in done.output
    assert "experiments/sides.py" not in done.output and "trajectory.py" not in done.output
    broken = tmp_path / "broken_rules.py"
    broken.write_text("def rule(params, states, hyperparams)\n    pass\n")
    done = compare(f"{broken}:rule", "--against", "sgd")
    assert done.exit_code == 2 and "SyntaxError" in done.output
    assert "def rule(params, states, hyperparams)" in done.output
    assert "importlib" not in done.output


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("my.rules.py", "def rule(params, states, hyperparams): pass", "rename it"),
        (
            "one_argument.py",
            "def rule(params): pass",
            "does not take (params, states, hyperparams)",
        ),
    ],
)
def test_what_is_no_rule_is_told_in_one_line(tmp_path, file, line, said):
    """If this fails, Python's own error comes with our frames, and with the status of a result."""
    (tmp_path / file).write_text(line + "\n")
    done = compare(f"{tmp_path / file}:rule", "--against", "sgd")
    assert done.exit_code == 2 and said in done.output
    assert "Traceback" not in done.output


def test_a_rule_without_a_name_is_compared(tmp_path):
    """If this fails, what functools.partial made of a rule ends in an AttributeError."""
    partial = "import functools, gluonbook_ch7\nrule = functools.partial(gluonbook_ch7.sgd)\n"
    (tmp_path / "with_partial.py").write_text(partial)
    sizes = ("--set", "lr=0.05", "--seeds", "1", "--batch-size", "100", "--epochs", "1")
    data = ("--data", "twin", "--against-set", "learning_rate=0.05")
    done = compare(f"{tmp_path / 'with_partial.py'}:rule", "--against", "sgd", *sizes, *data)
    assert done.exit_code == 0, done.output
    assert "Verdict: the same" in done.output


def test_a_file_named_like_a_module_is_refused(tmp_path):
    """If this fails, a file called random.py is passed over for Python's own module."""
    (tmp_path / "random.py").write_text("def rule(params, states, hyperparams): pass\n")
    done = compare(f"{tmp_path / 'random.py'}:rule", "--against", "sgd")
    assert done.exit_code == 2 and "another module is called random; rename" in done.output


def test_ctrl_c_keeps_what_is_finished(tmp_path):
    """If this fails, an interrupted comparison has nothing to show, not even in --json."""
    numbers = tmp_path / "numbers.json"
    arguments = ["compare", "sgd", "adadelta", "--data", "twin", "--seeds", "40"]
    with subprocess.Popen(
        [sys.executable, "-m", "gluonbook_ch7", *arguments, "--json", str(numbers)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as comparing:
        end = time.monotonic() + 120
        while not numbers.exists():
            assert time.monotonic() < end and comparing.poll() is None
            time.sleep(0.02)
        comparing.send_signal(signal.SIGINT)
        output, errors = comparing.communicate(timeout=60)
    assert comparing.returncode == 130, errors
    assert "sgd against Gluon's sgd" in output and "Verdict: the same but for" in output
    assert "Interrupted. 1 of 2 rules were compared." in errors and "Traceback" not in errors
    assert list(json.loads(numbers.read_text())) == ["sgd"]


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits_a_terminal(columns):
    """If this fails, a line of the table is broken on a terminal of 80 or 120 columns."""
    command = [sys.executable, "-m", "gluonbook_ch7", "compare", "adam", *QUICK]
    status, shown, _ = on_terminal(command, columns)
    assert status == 0
    lines = shown.splitlines()
    # The last lines name the data file, and how to install what is missing.
    table = [line for line in lines if not line.startswith(("Data:", "To compare with"))]
    assert max(map(len, table)) <= columns
    (row,) = [line for line in table if line.startswith("  folded bias correction   ")]
    assert len(row.split()) == 10
