"""Sweeps: right in every cell, wherever they are computed, and whatever dies on the way."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from commands import run_here

import gluonbook_ch7 as gb
from gluonbook_ch7._mxnet import nd
from gluonbook_ch7.cli.sweep import parse_range
from gluonbook_ch7.errors import ArgumentError, WorkerError, WorkerWarning
from gluonbook_ch7.experiments import ensemble as ensemble_module
from gluonbook_ch7.experiments.blocks import Store, dask_cluster, local_processes, run_blocks
from gluonbook_ch7.experiments.charts import figure_bytes
from gluonbook_ch7.experiments.sweep import sweep

GRID = {"lr": [0.01, 0.1, 0.3], "gamma": [0.5, 0.9]}


def small_sweep(data, **options):
    states = gb.init_rmsprop_states(data[0])
    return sweep(gb.rmsprop, states, GRID, *data, num_epochs=1, seeds=(3, 4), **options)


def test_every_cell_is_what_single_runs_give(data):
    """If this fails, a cell of the heat map shows another cell's loss."""
    found = small_sweep(data)
    assert found.losses.shape == (3, 2, 2)
    for i, lr in enumerate(GRID["lr"]):
        for j, gamma in enumerate(GRID["gamma"]):
            for k, seed in enumerate((3, 4)):
                states = gb.init_rmsprop_states(data[0])
                hyperparams = {"lr": lr, "gamma": gamma}
                curve = gb.fit_scratch(
                    gb.rmsprop, states, hyperparams, *data, num_epochs=1, seed=seed
                )
                assert found.losses[i, j, k] == pytest.approx(curve.losses[-1], rel=1e-5)


def test_without_a_checkpoint_the_losses_are_those_after_the_last_step(data):
    """With fewer than 100 examples, say, every cell would show the loss before training."""
    few = data[0][:60], data[1][:60]
    found = sweep("sgd", None, {"learning_rate": [0.01, 0.1]}, *few, seeds=2)
    for losses, rate in zip(found.losses, (0.01, 0.1)):
        for loss, seed in zip(losses, (0, 1)):
            run = gb.fit_gluon("sgd", {"learning_rate": rate}, *few, seed=seed)
            predicted = few[0].asnumpy() @ run.weights + run.bias
            expected = np.mean((predicted - few[1].asnumpy()) ** 2) / 2
            assert loss == pytest.approx(expected, rel=1e-5)


def test_cells_come_best_first_and_diverged_runs_are_counted(data):
    """If this fails, the table's best is not the best, or a diverged cell looks like a good one."""
    grid = {"learning_rate": [0.05, 100.0, 0.1]}
    found = sweep("sgd", None, grid, *data, num_epochs=1, seeds=range(3))
    assert found.diverged.tolist() == [0, 3, 0]
    assert not np.isfinite(found.median[1])
    assert not np.isfinite(found.spread[1])
    rows = found.cells()
    assert [row["learning_rate"] for row in rows][2] == 100.0
    assert rows[0]["median"] == found.median.min() < rows[1]["median"]
    for row in rows[:2]:
        losses = found.losses[grid["learning_rate"].index(row["learning_rate"])]
        assert (row["median"], row["spread"]) == (np.median(losses), np.ptp(losses))


@pytest.mark.parametrize("values", [[], [[0.1]], ["a"]])
def test_a_grid_that_is_none_is_refused(data, values):
    """If this fails, an empty or senseless grid ends deep inside NumPy."""
    with pytest.raises(ArgumentError, match="the grid's lr must be a number or a sequence"):
        sweep(gb.rmsprop, None, {"lr": values, "gamma": 0.9}, *data)


# --- Elsewhere ----------------------------------------------------------------------------------


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(ensemble_module, "RUNS_PER_BLOCK", 2)


def test_two_processes_give_the_same_numbers(data, small_blocks):
    """If this fails, a result depends on how many processes computed it."""
    with local_processes(2) as executor:
        there = small_sweep(data, executor=executor)
    np.testing.assert_array_equal(there.losses, small_sweep(data).losses)


class Sleep:
    """A block that lets the test kill its worker in the meantime."""

    def __init__(self, number, seconds=0.0, pid_file=None):
        self.number, self.seconds, self.pid_file = number, seconds, pid_file

    def run(self):
        if self.pid_file:
            Path(self.pid_file).write_text(str(os.getpid()))
        time.sleep(self.seconds)
        return np.array([self.number])


def wait_for(path, seconds=30):
    end = time.monotonic() + seconds
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)
    return int(path.read_text())


def test_a_killed_local_worker_is_an_error_that_loses_nothing(tmp_path):
    """If this fails, a worker's death loses the finished blocks, or is passed over in silence."""
    store = Store(tmp_path / "blocks")
    blocks = [Sleep(0), Sleep(1), Sleep(2, 60, str(tmp_path / "pid"))]

    def kill_the_sleeper(finished, total):
        if finished == 2:
            os.kill(wait_for(tmp_path / "pid"), signal.SIGKILL)

    with (
        pytest.raises(WorkerError, match="a worker process died"),
        local_processes(2) as executor,
    ):
        run_blocks(blocks, executor, store, kill_the_sleeper)
    assert [store.find(block) is not None for block in blocks] == [True, True, False]
    # To go on means to compute the missing block alone.
    counted = []
    blocks[2].seconds = 0
    store.keep(blocks[2], np.array([2]))
    results = run_blocks(blocks, store=store, on_block=lambda *count: counted.append(count))
    assert [int(result[0]) for result in results] == [0, 1, 2]
    assert counted == [(3, 3)]


def test_a_folder_with_other_files_in_it_is_left(tmp_path):
    """If this fails, a sweep that wrote everything ends with an error: Directory not empty."""
    (tmp_path / "note.txt").write_text("mine")
    store = Store(tmp_path)
    store.keep(Sleep(3), np.array([1]))
    store.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_an_array_of_mxnets_is_a_sequence_of_values(data):
    """If this fails, a grid of NDArrays, which fit_ensemble takes, ends in an error of NumPy."""
    grid = {"learning_rate": nd.array([0.01, 0.1])}
    found = sweep("sgd", None, grid, data[0][:100], data[1][:100], num_epochs=1, seeds=1)
    np.testing.assert_allclose(found.grid["learning_rate"], [0.01, 0.1])


def test_the_curve_of_a_single_seed_is_drawn_without_a_warning(data):
    """If this fails, --seeds 1 prints that its data cannot be log-scaled."""
    grid = {"learning_rate": [0.01, 0.1]}
    found = sweep("sgd", None, grid, data[0][:100], data[1][:100], num_epochs=1, seeds=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = found.plot()[0].figure
        assert b"<svg" in figure_bytes(figure, "svg")


def test_a_damaged_block_is_computed_again(tmp_path):
    """If this fails, a file cut short by a full disk becomes a wrong number."""
    store = Store(tmp_path)
    store.keep(Sleep(7), np.array([7]))
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:-4])
    assert run_blocks([Sleep(7)], store=store)[0].tolist() == [7]
    assert store.find(Sleep(7)).tolist() == [7]
    store.clear()
    assert not tmp_path.exists()


class Fails:
    def run(self):
        raise ArgumentError("the work's own error")


def test_an_error_of_the_work_itself_comes_through(tmp_path):
    """If this fails, a mistake in a rule looks like a dead machine."""
    with pytest.raises(ArgumentError, match="own error"), local_processes(2) as executor:
        run_blocks([Fails()], executor)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster


def test_a_dask_cluster_gives_the_same_numbers(data, small_blocks, cluster):
    """If this fails, a result depends on whether a cluster computed it."""
    with dask_cluster(cluster.scheduler_address) as executor:
        there = small_sweep(data, executor=executor)
    np.testing.assert_array_equal(there.losses, small_sweep(data).losses)


def test_a_killed_dask_worker_costs_only_time_and_is_told(tmp_path, cluster):
    """If this fails, a dead machine loses blocks, or they are computed twice without a word."""
    pid_file = tmp_path / "pid"
    blocks = [Sleep(i, 0.05) for i in range(6)] + [Sleep(6, 3, str(pid_file))]
    killed = []

    def kill_the_sleeper(finished, total):
        if finished == 6 and not killed:
            killed.append(wait_for(pid_file))
            os.kill(killed[0], signal.SIGKILL)

    with (
        pytest.warns(WorkerWarning, match="1 of the cluster's 2 workers left"),
        dask_cluster(cluster.scheduler_address) as executor,
    ):
        results = run_blocks(blocks, executor, on_block=kill_the_sleeper)
    assert [int(result[0]) for result in results] == list(range(7))
    assert killed != [wait_for(pid_file)]


def test_a_scheduler_that_is_not_there_is_named_in_time():
    """If this fails, a wrong address hangs, or the error does not say which address it was."""
    pytest.importorskip("distributed")
    began = time.monotonic()
    with (
        pytest.raises(WorkerError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9 "),
        dask_cluster("tcp://127.0.0.1:9"),
    ):
        pass
    assert time.monotonic() - began < 10
    with (
        pytest.raises(WorkerError, match="no Dask scheduler answers at nonsense://x"),
        dask_cluster("nonsense://x"),
    ):
        pass


# --- The command --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.01", 0.01),
        ("0.1:0.3:3", [0.1, 0.2, 0.3]),
        ("0.01:1:3log", [0.01, 0.1, 1]),
    ],
)
def test_ranges(text, values):
    """If this fails, the command trains with other values than it was asked to."""
    np.testing.assert_allclose(parse_range("lr", text), values)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("lr", "fast", "give a number, or FIRST:LAST:COUNT"),
        ("lr", "0.1:0.2", "give a number, or FIRST:LAST:COUNT"),
        ("lr", "0.1:0.2:3lin", "give a number, or FIRST:LAST:COUNT"),
        ("lr", "0.1:0.2:0", "the range is empty"),
        ("lr", "0.1:0.2:1", "the range holds one value"),
        ("lr", "0.2:0.2:4", "the range holds one value"),
        ("lr", "0.2:0.1:4", "FIRST must be below LAST"),
        ("lr", "-1:1:4", "lr must be a finite positive number"),
        ("lr", "nan", "lr must be a finite positive number"),
        ("gamma", "0:1.5:4", r"gamma must be a number in \[0, 1\]"),
        ("gamma", "0:1:4log", "must begin above 0"),
    ],
)
def test_bad_ranges_are_told(name, text, message):
    """If this fails, a mistyped range becomes another sweep, or a traceback."""
    with pytest.raises(ArgumentError, match=message):
        parse_range(name, text)


def command(*arguments):
    return [sys.executable, "-m", "gluonbook_ch7", "sweep", "--data", "twin", *arguments]


def run(*arguments, cwd):
    return run_here("sweep", "--data", "twin", *arguments, cwd=cwd)


def test_the_command_prints_the_best_and_writes_all(tmp_path):
    """If this fails, a person sees no table, no figure, or a file that programs cannot read."""
    places = ("--out", "out", "--json", "s.json", "--csv", "s.csv")
    ranges = ("--lr", "0.001:0.1:3log", "--gamma", "0.5:0.9:2")
    result = run("rmsprop", *ranges, "--seeds", "2", *places, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "rmsprop: the best of 6 cells, 12 runs" in result.stdout
    assert "Data: edition 0.7, the moment twin" in result.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "sweep_rmsprop.svg",
        "sweep_rmsprop.png",
    }
    cells = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))["cells"]
    with open(tmp_path / "s.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["median"]) for row in rows] == [cell["median"] for cell in cells]
    assert len(rows) == 6
    assert 0.25 < cells[0]["median"] < 0.27


def test_a_single_run_is_told_in_the_singular(tmp_path):
    """If this fails, a sweep with one run says "1 cells, 1 runs"."""
    result = run("sgd", "--seeds", "1", cwd=tmp_path)
    for words in ("the best of 1 cell, 1 run\n", "over 1 seed.", "In 0 of 1 cell a run diverged."):
        assert words in result.stdout


MY_RULE = f"{Path(__file__).with_name('my_rules.py')}:nesterov"


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_rule_of_ones_own(tmp_path, data, processes):
    """If this fails, a reader cannot sweep their own rule, or not in several processes."""
    settings = ("--set", "lr=0.01:0.1:3log", "--set", "mom=0.5", "--seeds", "2", "--epochs", "1")
    result = run(MY_RULE, *settings, "--processes", processes, "--json", "s.json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "nesterov: the best of 3 cells, 6 runs" in result.stdout
    content = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert content["rule"] == "nesterov" and len(content["cells"]) == 3
    grid = {"learning_rate": np.geomspace(0.01, 0.1, 3), "momentum": 0.5}
    found = sweep("nag", None, grid, *data, 10, 1, seeds=2)
    best = found.cells()[0]
    # Gluon divides the short last minibatch by ten, but no checkpoint comes after it.
    assert content["cells"][0]["median"] == pytest.approx(best["median"], rel=1e-5)


def test_a_rule_that_no_other_process_could_find_is_refused_at_once(tmp_path):
    """If this fails, a lambda ends in a PicklingError, and with the status of a result."""
    (tmp_path / "with_lambda.py").write_text("rule = lambda params, states, hyperparams: None\n")
    done = run_here("sweep", "with_lambda.py:rule", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "with_lambda.py:rule must be a def at the top level" in done.stderr


def test_blocks_of_a_rule_that_was_changed_are_not_taken_up(tmp_path):
    """If this fails, --resume shows the losses of the rule before it was corrected."""
    block = Sleep(3)
    Store(tmp_path, code=b"lr * g").keep(block, np.array([1]))
    assert Store(tmp_path, code=b"lr * g").find(block).tolist() == [1]
    assert Store(tmp_path, code=b"lr * g / 2").find(block) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((f"{MY_RULE}x",), "has no function 'nesterovx'; it has nesterov"),
        ((MY_RULE, "--scheduler", "tcp://127.0.0.1:9"), "cluster cannot import a file"),
        (("rmsprop", "--set", "lr=fast"), "lr=fast: give a number, or FIRST:LAST:COUNT"),
        (("rmsprop", "--set", "lr"), "give NAME=VALUE"),
        (("rmsprop", "--lr", "0.1", "--set", "lr=0.2"), "lr is given twice"),
        (("rmspropp",), "There are: sgd, sgd_momentum, adagrad, rmsprop, adadelta, adam"),
        (("sgd", "--gamma", "0.9"), "sgd has no hyperparameter gamma; it takes --lr"),
        (("rmsprop", "--lr", "1:2:0"), "the range is empty"),
        (("rmsprop", "--resume"), "--resume needs --out"),
        (("sgd", "--scheduler", "tcp://127.0.0.1:9"), "no Dask scheduler answers at tcp://127"),
        (("rmsprop", "--max-memory", "0.00000001"), "one run takes about"),
    ],
)
def test_wrong_use_is_told_in_one_line(tmp_path, arguments, message):
    """If this fails, a mistake on the command line ends in a traceback or in silence."""
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def children_of(pid):
    """Return the processes that this one has started and that are still there."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize("processes", ["1", "2"])
def test_ctrl_c_keeps_what_is_done_and_resume_goes_on(tmp_path, processes):
    """If this fails, an interrupted sweep is lost, goes on in the background, or starts anew."""
    arguments = ("rmsprop", "--lr", "0.01:0.1:200", "--gamma", "0.1:0.9:50", "--out", "out")
    kept = tmp_path / "out" / "blocks"
    with subprocess.Popen(
        command(*arguments, "--processes", processes),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as sweeping:
        end = time.monotonic() + 60
        while len(list(kept.glob("[!.]*.npy"))) < 2:
            assert time.monotonic() < end and sweeping.poll() is None
            time.sleep(0.05)
        children = children_of(sweeping.pid)
        began = time.monotonic()
        sweeping.send_signal(signal.SIGINT)
        _, errors = sweeping.communicate(timeout=20)
        stopped_after = time.monotonic() - began
    assert sweeping.returncode == 130, errors
    # Two seconds on a machine of one's own; here other tests may run beside it.
    assert stopped_after < 6
    assert "finished blocks are kept in out/blocks; continue with --resume" in errors
    assert "Traceback" not in errors
    end = time.monotonic() + 2  # the one that tracks shared resources goes after its parent
    while [child for child in children if Path(f"/proc/{child}").exists()]:
        assert time.monotonic() < end
        time.sleep(0.05)
    finished = len(list(kept.glob("*.npy")))
    assert 2 <= finished < 160
    again = run(*arguments, cwd=tmp_path)
    assert again.returncode == 2
    assert "finished blocks of an interrupted sweep" in again.stderr
    # What is kept is told; one block of another sweep stays as it is.
    smaller = ("rmsprop", "--lr", "0.01:0.1:2", "--seeds", "2", "--out", "out", "--resume")
    resumed = run(*smaller, cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr


def test_processes_end_while_a_block_is_sent_to_one():
    """If this fails, Ctrl-C makes a sweep in several processes hang, but only now and then."""
    program = (
        "import time\n"
        "from gluonbook_ch7.experiments.blocks import local_processes\n"
        "with local_processes(1) as pool:\n"
        "    pool.submit(time.sleep, 600)\n"
        "    pool.submit(len, bytes(10**7))  # more than a pipe holds\n"
        "    time.sleep(0.5)\n"
        "    raise SystemExit(3)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 3


def test_processes_that_die_leave_no_traceback_of_a_thread():
    """If this fails, two threads close one pipe, which may by then be another file's."""
    program = (
        "import os\n"
        "from concurrent.futures import BrokenExecutor\n"
        "from contextlib import suppress\n"
        "from gluonbook_ch7.experiments.blocks import local_processes\n"
        "for _ in range(10):\n"
        "    with suppress(BrokenExecutor), local_processes(2) as pool:\n"
        "        pool.submit(os._exit, 1).result()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_resume_computes_only_what_is_missing(tmp_path):
    """If this fails, --resume computes again what is there, or gives other numbers."""
    arguments = ("rmsprop", "--lr", "0.01:0.1:70", "--gamma", "0.9", "--out", "out", "--json")
    whole = run(*arguments, "a.json", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    script = (
        "import os, sys, signal\n"
        "from gluonbook_ch7.experiments import blocks\n"
        "keep = blocks.Store.keep\n"
        "def keep_and_die(self, block, result):\n"
        "    keep(self, block, result); os.kill(os.getpid(), signal.SIGKILL)\n"
        "blocks.Store.keep = keep_and_die\n"
        "from gluonbook_ch7.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, "sweep", "--data", "twin", *arguments, "b.json"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL
    resumed = run(*arguments, "b.json", "--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert "1 of 2 blocks were finished before." in resumed.stderr
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()
    assert not (tmp_path / "out" / "blocks").exists()
