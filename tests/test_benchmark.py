"""The benchmark: that its contenders do the same work, and that it says what it measured."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gluonbook_ch7._mxnet.install_hints import install_extra
from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.experiments.sides import PEERS, installed

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"

OURS = [
    ("from scratch", "the book's loop, literally"),
    ("from scratch", "this package, literal"),
    ("from scratch", "this package, literal, rule as printed"),
    ("from scratch", "this package, traced"),
    ("from scratch", "this package, traced, compiled anew"),
    ("from scratch", "this package, traced, rule as printed"),
    ("from scratch", "NumPy, gradients by hand"),
    ("Gluon", "the book's loop, literally"),
    ("Gluon", "this package, literal"),
    ("Gluon", "this package, traced"),
    ("Gluon", "NumPy, gradients by hand"),
    ("ensemble", "this package, from scratch"),
    ("ensemble", "this package, Gluon"),
]
PEERS_ROWS = {
    "PyTorch": [
        ("from scratch", "PyTorch eager, rule by hand"),
        ("Gluon", "PyTorch eager, torch.optim"),
    ],
    "optax": [
        ("from scratch", "optax, jit and scan"),
        ("from scratch", "optax, jit and scan, compiled anew"),
        ("ensemble", "optax, jit and vmap"),
        ("ensemble", "optax, jit and vmap, compiled anew"),
    ],
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run the benchmark once; return what it printed and what it wrote."""
    file = tmp_path_factory.mktemp("benchmark") / "benchmark.json"
    process = subprocess.run(
        [sys.executable, SCRIPTS / "benchmark.py", "--quick", "--json", file],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout, json.loads(file.read_text())


def test_every_contender_is_there_and_did_the_same_work(ran):
    """If this fails, a ratio is missing, or compares different work."""
    rows = {(row["group"], row["name"]): row for row in ran[1]["rows"]}
    expected = OURS + [row for peer in installed() for row in PEERS_ROWS[peer]]
    assert sorted(rows) == sorted(expected)
    for (group, name), row in rows.items():
        identical = group != "ensemble" and name.startswith(("this package", "the book's"))
        assert row["largest_difference"] <= (0 if identical else 1e-4)
        assert row["seconds_per_epoch"] > 0
        assert np.isfinite([row["ratio"], *row["ratio_range"]]).all()


def test_the_literal_loops_are_what_ratios_are_to(ran):
    """If this fails, ratios are to something else than the book's loop."""
    literal = [row for row in ran[1]["rows"] if row["name"] == "the book's loop, literally"]
    assert [row["ratio"] for row in literal] == [1, 1]


@pytest.mark.filterwarnings("ignore::gluonbook_ch7.errors.DataWarning")
def test_it_says_what_it_measured(ran):
    """If this fails, a reader cannot tell on which data, machine and versions it ran."""
    text, result = ran
    assert result["data"] == load_data_ch7().origin
    assert result["versions"]["mxnet"] == "1.9.1"
    for said in (result["machine"], *result["versions"].values(), "identical", "per run"):
        assert said in text
    assert result["missing"] == [peer for peer in PEERS if peer not in installed()]
    assert (install_extra("peers") in text) == bool(result["missing"])


def test_different_work_is_refused():
    """If this fails, the benchmark times a contender that trains something else."""
    code = (
        "import numpy as np, benchmark, contenders\n"
        "field = contenders.Contender('from scratch', 'a cheat', lambda: np.ones(31),"
        " np.linspace(1, 2, 31), 1e-4)\n"
        "benchmark.check(field)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=SCRIPTS, timeout=60
    )
    assert process.returncode != 0
    assert "a cheat: its losses are off by 0.5" in process.stderr
