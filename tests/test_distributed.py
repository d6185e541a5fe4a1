"""One run on several workers: real ps-lite on 127.0.0.1, against the run on a single machine."""

import contextlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pytest

import gluonbook_ch7 as gb
from gluonbook_ch7._mxnet import mx
from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.errors import ArgumentError, WorkerError

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "parameter_server.py"
RMSPROP = {"learning_rate": 0.01, "gamma1": 0.9}

# A last minibatch of 3 and one of 5; two workers and one; fewer examples in a minibatch than
# workers, so that the last worker never has any. Adam's and RMSProp's states are the server's.
RUNS = {
    "rmsprop 10": ("rmsprop", RMSPROP, 10, 2, 2),
    "adam 7": ("adam", {"learning_rate": 0.01}, 7, 2, 2),
    "sgd 2": ("sgd", {"learning_rate": 0.05}, 2, 1, 3),
}


@pytest.fixture(scope="module")
def twin():
    data = load_data_ch7(source="twin")
    return {"features": data.features, "labels": data.labels}


class Program:
    """The script, running in the background, with all the processes that it starts."""

    def __init__(self, folder, *arguments):
        self.mark = f"GLUONBOOK_CH7_TEST={uuid.uuid4()}"
        self.scratch = folder / "scratch"
        self.scratch.mkdir(parents=True)
        name, value = self.mark.split("=")
        self.process = subprocess.Popen(
            [sys.executable, SCRIPT, "--data", "twin", *map(str, arguments)],
            env={**os.environ, name: value, "TMPDIR": str(self.scratch)},
            cwd=folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def end(self):
        """Wait for the script; return its status and what it printed."""
        out, err = self.process.communicate(timeout=600)
        return self.process.returncode, out, err

    def running(self, role=""):
        """Return the ids of its processes that still run, of one role or of any."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                environment = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
                if self.mark in environment and (not role or f"DMLC_ROLE={role}" in environment):
                    found.append(int(folder.name))
        return found

    def wait_until_joined(self):
        """Wait until a worker has found the others, which its sockets to them show."""
        deadline = time.monotonic() + 300
        while not any(len(sockets(worker)) > 3 for worker in self.running("worker")):
            assert self.process.poll() is None, self.end()
            assert time.monotonic() < deadline, "no worker has joined after five minutes"
            time.sleep(0.05)

    def is_gone(self):
        """Tell whether no process is left, after a moment for the system to clear them away."""
        deadline = time.monotonic() + 5
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.running()


def sockets(process):
    """Return the inodes of a process's sockets."""
    found = set()
    with contextlib.suppress(OSError):
        for file in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.update(re.findall(r"socket:\[(\d+)\]", os.readlink(file)))
    return found


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Run the script once for each of RUNS, all at a time; return what each gave."""
    programs = {}
    for key, (name, _, batch_size, epochs, workers) in RUNS.items():
        folder = tmp_path_factory.mktemp("shared")
        options = ["--optimizer", name, "--batch-size", batch_size, "--epochs", epochs]
        options += ["--workers", workers, "--seed", 3, "--out", "out", "--timeout", 500]
        programs[key] = Program(folder, *options), folder
    results = {}
    for key, (program, folder) in programs.items():
        status, out, err = program.end()
        assert status == 0, out + err
        content = json.loads((folder / "out" / "distributed.json").read_text())
        results[key] = content, out, err, program, folder
    return results


@pytest.mark.parametrize("key", RUNS)
def test_workers_that_share_a_run_get_the_single_machines_losses(twin, shared, key):
    """If this fails, a run on several machines is another run than the one on a single machine."""
    name, hyperparams, batch_size, epochs, workers = RUNS[key]
    sizes = {"batch_size": batch_size, "num_epochs": epochs}
    expected = gb.fit_gluon(name, hyperparams, **twin, **sizes, seed=3).losses
    content = shared[key][0]
    assert len(content["workers"]) == workers
    for worker in content["workers"]:
        np.testing.assert_allclose(worker["losses"], expected, rtol=1e-5)
        assert worker["losses"] == content["workers"][0]["losses"]
    assert content["difference"] <= 1e-5


def test_the_script_prints_a_line_for_each_and_leaves_nothing(shared):
    """If this fails, a reader cannot see that the runs agree, or has files and processes left."""
    _, out, err, program, folder = shared["rmsprop 10"]
    line = r"loss: (0\.\d{6}), \d+\.\d{6} sec per epoch\n"
    printed = re.search(f"single machine: {line}worker 0: +{line}worker 1: +{line}", out)
    assert len(set(printed.groups())) == 1
    assert "within 1e-05" in out
    assert err == ""
    assert program.is_gone()
    assert not list(program.scratch.iterdir())
    assert {path.name for path in folder.iterdir()} == {"out", "scratch"}


@pytest.mark.parametrize("kvstore", ["local", "device"])
def test_a_store_of_one_machine_changes_nothing(twin, kvstore):
    """If this fails, naming one of Gluon's own stores gives other losses than not naming one."""
    for sizes in ({"batch_size": 10}, {"batch_size": 7}):
        call = {**twin, **sizes, "num_epochs": 1, "seed": 0}
        expected = gb.fit_gluon("rmsprop", RMSPROP, **call, kvstore=None)
        curve = gb.fit_gluon("rmsprop", RMSPROP, **call, kvstore=kvstore)
        np.testing.assert_array_equal(curve.losses, expected.losses)


def test_a_store_that_updates_the_parameters_itself(twin):
    """If this fails, a store that one has made is not used, or is used for two runs at once."""
    store = mx.kv.create("local")
    expected = gb.fit_gluon("adam", {}, **twin, seed=0).losses
    curve = gb.fit_gluon("adam", {}, **twin, seed=0, kvstore=store)
    np.testing.assert_array_equal(curve.losses, expected)
    with pytest.raises(ArgumentError, match=r"has served a run .* a store serves one run"):
        gb.fit_gluon("adam", {}, **twin, seed=0, kvstore=store)


@pytest.mark.parametrize("name", ["dist_sink", "blub", "", "horovod", "LOCAL"])
def test_a_name_that_no_store_has(twin, name):
    """If this fails, a misspelt name trains without a store, or waits for ever."""
    known = "local, device, dist_sync, dist_device_sync, dist_async"
    with pytest.raises(ArgumentError, match=f"no kvstore {name!r}. There are: {known}"):
        gb.fit_gluon("sgd", {}, **twin, kvstore=name)


def test_what_is_no_store(twin):
    """If this fails, a wrong argument ends in an error from deep inside Gluon."""
    with pytest.raises(ArgumentError, match=r"kvstore is a int; .* mxnet\.kv\.create made"):
        gb.fit_gluon("sgd", {}, **twin, kvstore=2)


def test_a_distributed_store_that_nobody_started(twin, monkeypatch):
    """If this fails, a worker without a server gets MXNet's error, or waits for ever."""
    for variable in [name for name in os.environ if name.startswith("DMLC_")]:
        monkeypatch.delenv(variable)
    message = (
        r"needs a parameter server, .*DMLC_PS_ROOT_URI.* not set.*scripts/parameter_server\.py"
    )
    with pytest.raises(ArgumentError, match=message):
        gb.fit_gluon("sgd", {}, **twin, seed=0, kvstore="dist_sync")


@pytest.fixture(scope="module")
def script():
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("parameter_server", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        ("None", "2 workers share this run, so it needs a seed"),
        ("store.rank", "the 2 workers of this run were given different arguments"),
    ],
)
def test_workers_without_a_common_seed(twin, script, monkeypatch, tmp_path, seed, message):
    """If this fails, workers train on shares of different minibatches, and nobody notices."""
    np.savez(tmp_path / "data.npz", **{name: array.asnumpy() for name, array in twin.items()})
    program = script.WORKER.replace("**call,", f"**{{**call, 'seed': {seed}}},")
    assert program != script.WORKER
    monkeypatch.setattr(script, "WORKER", program)
    call = {"trainer_name": "rmsprop", "trainer_hyperparams": RMSPROP}
    with pytest.raises(WorkerError, match=f"worker-. failed.*{message}"):
        script.run_cluster(2, 1, call, tmp_path, timeout=500)


LONG = ("--epochs", 30, "--out", "out", "--timeout", 500)


@pytest.mark.parametrize("victim", ["worker", "server"])
def test_a_process_that_dies_ends_the_run(tmp_path, victim):
    """If this fails, the others wait for ever for the one that died, or are left behind."""
    program = Program(tmp_path, *LONG)
    program.wait_until_joined()
    os.kill(program.running(victim)[0], signal.SIGKILL)
    status, out, err = program.end()
    assert status == 2, out
    assert re.fullmatch(f"Error: {victim}-. was ended by SIGKILL, so the others .*\n", err)
    assert program.is_gone()
    assert not list(program.scratch.iterdir())
    logs = {"scheduler.log", "server-0.log", "worker-0.log", "worker-1.log"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == logs


def check_addresses(processes):
    """If this fails, other machines can reach the server, which unpickles what it is sent."""
    ours = {inode for process in processes for inode in sockets(process)}
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    lines += Path("/proc/net/tcp6").read_text().splitlines()[1:]
    connections = [fields for fields in map(str.split, lines) if fields[9] in ours]
    listening = [fields for fields in connections if fields[3] == "0A"]
    assert listening
    assert {fields[1].split(":")[0] for fields in connections} == {"0100007F"}  # 127.0.0.1
    others = [fields for fields in connections if fields not in listening]
    assert {fields[2].split(":")[0] for fields in others} == {"0100007F"}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_script_that_is_stopped_leaves_no_process(tmp_path, how):
    """If this fails, Ctrl-C leaves a scheduler and a server behind that nobody will ever end."""
    program = Program(tmp_path, *LONG, "--workers", 1)
    program.wait_until_joined()
    check_addresses(program.running())
    os.kill(program.process.pid, how)
    status, _, err = program.end()
    assert program.is_gone()
    if how is not signal.SIGKILL:
        assert (status, err) == (130, "Error: interrupted; all processes were stopped\n")
        assert not list(program.scratch.iterdir())


def test_a_run_that_takes_too_long(tmp_path):
    """If this fails, a run that hangs hangs for ever."""
    program = Program(tmp_path, "--timeout", 0.2, "--workers", 1)
    status, _, err = program.end()
    assert status == 2
    assert re.fullmatch(r"Error: not done after 0\.2 s, .*still running: .*--timeout\n", err)
    assert program.is_gone()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--seed", -1), "Error: -1 is not a seed; .*"),
        (("--out", "file/out"), "Error: .*file/out.*"),
    ],
)
def test_wrong_use(tmp_path, options, message):
    """If this fails, a wrong option ends in a traceback, or only after the run."""
    (tmp_path / "file").touch()
    status, _, err = Program(tmp_path, *options).end()
    assert status == 2
    assert re.fullmatch(f"{message}\n", err)
