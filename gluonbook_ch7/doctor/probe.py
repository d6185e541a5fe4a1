"""The probe: a process of its own that imports MXNet, trains with it, and says how far it got.

A broken library can end the process that loads it, or never come back, so whoever only asks how
things are does not load it in its own.
"""

import json
import signal
import subprocess
import sys
from typing import Any

from .._mxnet.install_hints import import_remedy
from ..errors import DependencyError

__all__ = ["RECORDED_FIRST_LOSS", "main", "probe"]

# What the book recorded before the first step of training from scratch.
RECORDED_FIRST_LOSS = 0.51118642
STEPS = 100


def probe(seconds: float = 120.0) -> dict[str, Any]:
    """Import MXNet and train with it in another process, which may end in any way.

    Parameters
    ----------
    seconds : float
        How long it may take.

    Returns
    -------
    dict
        What the process said before it ended, as far as it came: "numpy" and "numpy_file", the
        version and its file; "put_back", the names that NumPy was given; "mxnet" and "mxnet_file";
        "first_loss" and "last_loss" of the training. "fault" and "command" if an import failed,
        as the import error says it. "ended", always there, says in words how the process ended.
    """
    # The path as it is here, so that both find the same packages.
    code = f"import sys; sys.path[:] = sys.argv[1:]; from {__name__} import main; main()"
    command = [sys.executable, "-B", "-c", code, *sys.path]
    try:
        process = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds
        )
        output, ended = process.stdout, _how_it_ended(process.returncode, process.stderr)
    except OSError as error:
        output, ended = b"", f"the process could not be started ({error.strerror})"
    except subprocess.TimeoutExpired as error:
        output, ended = error.stdout or b"", f"the process did not end within {seconds:g} s"
    found: dict[str, Any] = {"ended": ended}
    for line in output.splitlines():
        found.update(_object(line))
    return found


def _how_it_ended(status: int, errors: bytes) -> str:
    """Say in words how a process ended."""
    if status < 0:
        return f"the system ended the process by {signal.Signals(-status).name}"
    lines = errors.decode(errors="replace").strip().splitlines()
    return f"the process ended with status {status}: {lines[-1] if lines else 'it said nothing'}"


def _object(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line; libraries print lines of their own."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def main() -> None:
    """Import MXNet and train with it; after each step print a line of JSON."""
    import numpy as np

    from .._mxnet.numpy_compat import missing_names

    _say(numpy=np.__version__, numpy_file=np.__file__, put_back=missing_names())
    try:
        from .._mxnet import mx
    except DependencyError as error:
        _say(**import_remedy(error.__cause__ or error)._asdict())
        return
    _say(mxnet=mx.__version__, mxnet_file=mx.__file__)
    first, last = _train()
    _say(first_loss=first, last_loss=last)


def _train() -> tuple[float, float]:
    """Train with RMSProp on the moment twin, full batch; return the first and the last loss.

    Without `training`, which imports Matplotlib, and that writes into the user's cache.
    """
    from .._mxnet import autograd, mx, nd
    from ..data import load_data_ch7
    from ..model import linreg, squared_loss
    from ..rules import init_rmsprop_states, rmsprop

    data = load_data_ch7(source="twin")
    mx.random.seed(0)
    w, b = nd.random.normal(scale=0.01, shape=(4, 1)), nd.zeros(1)
    states = init_rmsprop_states(data.features)
    losses = []
    for parameter in (w, b):
        parameter.attach_grad()
    for _ in range(STEPS + 1):
        with autograd.record():
            loss = squared_loss(linreg(data.features, w, b), data.labels).mean()
        loss.backward()
        losses.append(float(loss.asscalar()))
        rmsprop([w, b], states, {"lr": 0.01, "gamma": 0.9})
    return losses[0], losses[-1]


def _say(**found: Any) -> None:
    print(json.dumps(found), flush=True)
