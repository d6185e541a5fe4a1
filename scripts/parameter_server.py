"""One run on several workers, held together by MXNet's parameter server, all on this machine."""

# %% [markdown]
# # A parameter server
#
# Minibatch SGD can be shared out. The gradient of a minibatch is a sum over its examples,
#
# $$g = \frac{1}{|\mathcal{B}|} \sum_{i \in \mathcal{B}} \nabla f_i(x)
#     = \frac{1}{|\mathcal{B}|} \sum_{\text{workers } r} \sum_{i \in \mathcal{B}_r} \nabla f_i(x),$$
#
# so each worker can sum over its own share $\mathcal{B}_r$, if somebody adds up the sums. That is
# the parameter server. Three kinds of processes take part:
#
# - the *scheduler* knows who is there: every other process reports to it first;
# - a *server* keeps the parameters and the update rule with its states. It waits until all workers
#   have pushed their gradients, adds them up, divides by the size of the minibatch, and updates;
# - a *worker* has the examples. Step by step it computes a gradient, pushes it, and pulls the new
#   parameters.
#
# Few numbers travel: at the start, the first worker's weights and the update rule; then, in each
# step, one gradient from each worker and the new parameters back to it. With the section's four
# features that is five float32 numbers, 20 bytes, each way. No example leaves its worker, and
# RMSProp's moving average never leaves the server.

# %%
import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Optional

import numpy as np

from gluonbook_ch7 import fit_gluon
from gluonbook_ch7._files import write_whole
from gluonbook_ch7._validation import check_seeds
from gluonbook_ch7.data import load_data_ch7
from gluonbook_ch7.errors import GluonbookError, WorkerError

HYPERPARAMS = {
    "rmsprop": {"learning_rate": 0.01, "gamma1": 0.9},
    "adam": {"learning_rate": 0.01},
    "sgd": {"learning_rate": 0.05},
}
# The same numbers are added up in another order, so the last digits may differ.
TOLERANCE = 1e-5

# %% [markdown]
# ## The worker's program
#
# It is the single machine's, with a store for the Trainer. Each worker must be given the same seed:
# all shuffle alike and cut the same minibatches, of which each then takes its share. The losses at
# the checkpoints are computed from the parameters pulled, by each worker for itself.

# %%
WORKER = """
import json, sys
import numpy as np
from gluonbook_ch7 import fit_gluon
from gluonbook_ch7._mxnet import mx, nd

folder, call = sys.argv[1], json.loads(sys.argv[2])
data = np.load(folder + "/data.npz")
store = mx.kv.create("dist_sync")
curve = fit_gluon(**call, **{name: nd.array(data[name]) for name in data}, kvstore=store)
result = {"losses": curve.losses.tolist(), "seconds_per_epoch": curve.seconds_per_epoch}
with open(f"{folder}/rank{store.rank}.json", "w") as file:
    json.dump(result, file)
"""

# %% [markdown]
# The other two kinds need no program of their own. MXNet looks at `DMLC_ROLE` when it is imported;
# if the role is not the worker's, the import becomes the scheduler or the server, and ends when the
# workers have ended.

# %%
SERVER = "import gluonbook_ch7._mxnet.library"

# With this, Linux kills a process when the one that started it ends, for whatever reason.
PR_SET_PDEATHSIG = 1
GUARD = f"import ctypes; ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, {signal.SIGKILL.value})\n"

# %% [markdown]
# ## Starting and ending them
#
# Environment variables tell each process its role. `DMLC_NODE_HOST` keeps everybody on the loopback
# interface: without it, ps-lite takes the first network card that it finds.


# %%
def settings(workers: int, servers: int) -> dict[str, str]:
    """Return the environment of all processes, except for each one's DMLC_ROLE."""
    inherited = {
        name: value for name, value in os.environ.items() if name[:4] not in ("DMLC", "PS_V")
    }
    return {
        **inherited,
        "DMLC_PS_ROOT_URI": "127.0.0.1",
        "DMLC_PS_ROOT_PORT": str(free_port()),
        "DMLC_NODE_HOST": "127.0.0.1",
        "DMLC_NUM_WORKER": str(workers),
        "DMLC_NUM_SERVER": str(servers),
    }


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(name: str, program: list[str], environment: dict[str, str], folder: Path) -> Any:
    """Start one process; its output goes into a file, because ps-lite prints a lot."""
    role = name.split("-")[0]
    with open(folder / f"{name}.log", "w") as log:
        return subprocess.Popen(
            [sys.executable, "-c", GUARD + program[0], *program[1:]],
            env={**environment, "DMLC_ROLE": role},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def run_cluster(
    workers: int, servers: int, call: dict[str, Any], folder: Path, timeout: float
) -> list[dict[str, Any]]:
    """Make the call in each worker; return each one's result, in the order of their ranks."""
    environment = settings(workers, servers)
    names = ["scheduler"]
    names += [f"server-{i}" for i in range(servers)] + [f"worker-{i}" for i in range(workers)]
    processes: dict[str, Any] = {}
    try:
        for name in names:
            works = name.startswith("worker")
            program = [WORKER, str(folder), json.dumps(call)] if works else [SERVER]
            processes[name] = start(name, program, environment, folder)
        wait_for(processes, folder, timeout)
    finally:
        for process in processes.values():
            process.kill()
        for process in processes.values():
            process.wait()
    return [json.loads((folder / f"rank{i}.json").read_text()) for i in range(workers)]


def wait_for(processes: dict[str, Any], folder: Path, timeout: float) -> None:
    """Wait until all have ended well; without one of them, the others would wait for ever."""
    deadline = time.monotonic() + timeout
    while any(process.poll() is None for process in processes.values()):
        if time.monotonic() > deadline:
            running = [name for name, process in processes.items() if process.poll() is None]
            raise WorkerError(
                f"not done after {timeout:g} s, and stopped; still running: {', '.join(running)}. "
                "Give it longer with --timeout"
            )
        check_ends(processes, folder)
        time.sleep(0.02)
    check_ends(processes, folder)


def check_ends(processes: dict[str, Any], folder: Path) -> None:
    """Raise an error once a process has failed or was killed."""
    for name, process in processes.items():
        status = process.poll()
        if status:
            end = f"was ended by {signal.Signals(-status).name}" if status < 0 else "failed"
            words = (folder / f"{name}.log").read_text(errors="replace").split("\n")
            last = next((line.strip() for line in reversed(words) if line.strip()), "nothing")
            raise WorkerError(f"{name} {end}, so the others were stopped; it said last: {last}")


# %% [markdown]
# ## The run, compared with a single machine's


# %%
def train(options: argparse.Namespace, folder: Path) -> bool:
    """Train alone and shared, and print both; return whether all losses agree."""
    check_seeds([options.seed])
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)  # to fail now, not after the run
    data = load_data_ch7(source=options.data)
    print(f"Data: edition {data.edition}, {data.origin}.", flush=True)
    call = {
        "trainer_name": options.optimizer,
        "trainer_hyperparams": HYPERPARAMS[options.optimizer],
        "batch_size": options.batch_size,
        "num_epochs": options.epochs,
        "seed": options.seed,
    }
    np.savez(folder / "data.npz", features=data.features.asnumpy(), labels=data.labels.asnumpy())
    curve = fit_gluon(**call, features=data.features, labels=data.labels)
    single = {"losses": curve.losses.tolist(), "seconds_per_epoch": curve.seconds_per_epoch}
    print_line("single machine", single)
    results = run_cluster(options.workers, options.servers, call, folder, options.timeout)
    for rank, result in enumerate(results):
        print_line(f"worker {rank}", result)
    losses = np.array([result["losses"] for result in results])
    difference = float(np.max(np.abs(losses / curve.losses - 1)))
    agree = difference <= TOLERANCE
    print(f"largest relative difference of a loss: {difference:.1e}", end=" ")
    print(f"({'within' if agree else 'MORE THAN'} {TOLERANCE:g})")
    if options.out:
        content = {**call, "single": single, "workers": results, "difference": difference}
        write_whole(options.out / "distributed.json", json.dumps(content, indent=1) + "\n")
    return agree


def keep_logs(folder: Path, out: Optional[Path]) -> None:
    """Copy the output of the processes, also when one has failed."""
    for log in sorted(folder.glob("*.log")) if out else ():
        write_whole(out / log.name, log.read_bytes())


def print_line(name: str, result: dict[str, Any]) -> None:
    """Print the book's line after the name of the process."""
    loss, seconds = result["losses"][-1], result["seconds_per_epoch"]
    print(f"{name + ':':15} loss: {loss:f}, {seconds:f} sec per epoch", flush=True)


def whole(text: str) -> int:
    """Read a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def read_options() -> argparse.Namespace:
    """Read the options; in a notebook the arguments are the kernel's, and left alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--workers", type=whole, default=2, help="how many (default: 2)")
    add("--servers", type=whole, default=1, help="how many (default: 1)")
    add("--optimizer", choices=HYPERPARAMS, default="rmsprop", help="(default: rmsprop)")
    add("--batch-size", type=whole, default=10, help="of all workers together (default: 10)")
    add("--epochs", type=whole, default=2, help="(default: 2)")
    add("--seed", type=int, default=0, help="(default: 0)")
    add("--data", default="auto", help="auto, real, twin, or a file or folder (default: auto)")
    add("--out", type=Path, help="write the losses and the processes' output into this folder")
    add("--timeout", type=float, default=120, help="seconds for the shared run (default: 120)")
    return parser.parse_args([] if "ipykernel" in sys.modules else None)


def main() -> int:
    """Run it; return 0 if the losses agree, 1 if not, 2 if it failed, 130 if interrupted."""
    options = read_options()
    try:
        with tempfile.TemporaryDirectory(prefix="gluonbook-ch7-distributed-") as folder:
            try:
                return 0 if train(options, Path(folder)) else 1
            finally:
                keep_logs(Path(folder), options.out)
    except KeyboardInterrupt:
        print("Error: interrupted; all processes were stopped", file=sys.stderr)
        return 130
    except (GluonbookError, OSError) as error:
        print(f"Error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


# %% [markdown]
# Both take the same steps, so the losses agree up to float32's rounding. It is *not* faster here:
# a gradient of ten examples is computed in less time than a message takes. A parameter server pays
# where the examples do not fit on one machine, or a gradient takes much longer than sending it.

# %%
if __name__ == "__main__":
    if "ipykernel" in sys.modules:
        main()
    else:
        # SIGTERM must end the processes too, as Ctrl-C does.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        sys.exit(main())
