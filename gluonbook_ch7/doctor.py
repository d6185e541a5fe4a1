"""Diagnose an installation: what is installed, what is wrong, and the command that fixes it.

Nothing is changed or downloaded. A broken library can crash the process that loads it, so MXNet is
imported in another process.
"""

import json
import os
import platform
import signal
import subprocess
import sys
from importlib import metadata
from typing import NamedTuple

from ._files import check_folder
from ._mxnet import install_hints
from .errors import DependencyError, GluonbookError

FETCH = "gluonbook-ch7 data fetch"


class Finding(NamedTuple):
    """One thing that was examined; the command fixes it, and is empty if there is none."""

    name: str
    state: str  # "ok", "note", or "fault", with which the chapter does not run
    says: str
    command: str = ""


def diagnose(seconds: float = 120.0) -> list[Finding]:
    """Examine everything that the chapter needs; the check of MXNet may take `seconds`."""
    return [
        Finding("python", "ok", f"CPython {platform.python_version()}, {platform.platform()}"),
        *_check_packages(),
        *_check_libraries(seconds),
        *_check_data(),
    ]


def _check_packages() -> list[Finding]:
    """Compare what we require, and what each extra requires, with what is installed."""
    try:
        extras = metadata.metadata(install_hints.PACKAGE).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        return [Finding("packages", "note", "unknown, because gluonbook_ch7 is not installed")]
    findings = []
    for extra in ("", *extras):
        name = f"extra {extra}" if extra else "packages"
        missing = install_hints.missing_packages(extra)
        if missing:
            state = "note" if extra else "fault"
            says = f"not installed: {', '.join(missing)}"
            findings.append(Finding(name, state, says, install_hints.pip_install(*missing)))
        else:
            findings.append(Finding(name, "ok", "installed"))
    return findings


def _check_libraries(seconds: float) -> list[Finding]:
    """Import NumPy and MXNet and train with them, in another process."""
    findings, ended = probe(seconds)
    expected = (("numpy", ""), ("mxnet", "NumPy"), ("training", "MXNet"))
    for name, needed in expected[len(findings) :]:
        if all(finding.state == "ok" for finding in findings):
            findings.append(_stopped_at(name, ended))
        else:
            findings.append(Finding(name, "fault", f"not tried, because it needs {needed}"))
    return findings


def _stopped_at(name: str, ended: str) -> Finding:
    """Return a finding that says what ended the other process."""
    says = f"while it {'trained' if name == 'training' else 'was imported'}, {ended}"
    command = ""
    if "SIGILL" in ended:
        says += " (this processor, or its emulator, lacks an instruction)"
        command = "use another machine with an x86-64 processor"
    elif name == "numpy":
        command = install_hints.reinstall_numpy()
    elif "by SIG" in ended:  # a damaged copy; any other failure would survive a new installation
        command = install_hints.reinstall_mxnet()
    return Finding(name, "fault", says, command)


def _check_data() -> list[Finding]:
    """Check the data file that would be used, and the folder for downloads."""
    try:
        from .dataset.locate import VARIABLE, cache_folder, local_file
        from .dataset.parse import inspect_file
    except ImportError as error:
        return [Finding("data", "fault", f"not examined: {error}")]
    folder = cache_folder()
    cache = Finding("cache", "ok", str(folder))
    try:
        if not folder.is_absolute():
            raise FileNotFoundError("no home folder")
        check_folder(folder)
    except OSError:
        other = "export XDG_CACHE_HOME=FOLDER (the full path of a folder of yours)"
        cache = Finding("cache", "note", f"{folder} cannot be written to", other)
    unset = f"unset {VARIABLE}" if os.environ.get(VARIABLE) else ""
    try:
        path = local_file()
        if path is None:
            says = "no file yet; it would be downloaded, or else the moment twin would be used"
            return [Finding("data", "note", says, FETCH), cache]
        inspected = inspect_file(path)
    except (GluonbookError, OSError) as error:
        return [Finding("data", "fault", str(error), unset), cache]
    state = {"real": "ok", "other": "note", "damaged": "fault"}[inspected.kind]
    place = os.path.abspath(path)
    command = "" if state == "ok" else f"{unset or install_hints.put_aside(place)} && {FETCH}"
    return [Finding("data", state, f"{place} is {inspected.words}", command), cache]


# --- The other process --------------------------------------------------------------------------


def probe(seconds: float = 120.0) -> tuple[list[Finding], str]:
    """Import MXNet and train with it in another process, which may end in any way.

    Return what it reported on NumPy, MXNet and training before it ended, and how it ended.
    """
    # With the same path, so that both find the same packages.
    code = f"import sys; sys.path[:] = sys.argv[1:]; from {__name__} import _report; _report()"
    command = [sys.executable, "-B", "-c", code, *sys.path]
    try:
        process = subprocess.run(command, input=b"", capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired as expired:
        output, ended = expired.stdout or b"", f"the process did not end within {seconds:g} s"
    else:
        output, status = process.stdout, process.returncode
        message = process.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        ended = f"the process ended with status {status}: {message or 'without a message'}"
        if status < 0:
            ended = f"the system ended the process by {signal.Signals(-status).name}"
    # Libraries may print lines of their own.
    reports = [line for line in output.splitlines() if line.startswith(b'{"')]
    return [Finding(**json.loads(line)) for line in reports], ended


def _report() -> None:
    """Import NumPy and MXNet, and train; print each finding at once, as a line of JSON."""

    def say(*finding: str) -> None:
        print(json.dumps(Finding(*finding)._asdict()), flush=True)

    import numpy as np

    say("numpy", "ok", np.__version__)
    try:
        from ._mxnet import mx
    except DependencyError as error:
        say("mxnet", "fault", *install_hints.import_remedy(error.__cause__ or error))
        return
    say("mxnet", "ok", mx.__version__)
    first, last = _train()
    says = f"RMSProp on the moment twin: from {first:.6f} to {last:.6f} in 100 full-batch steps"
    # The loss that the book recorded first, and the smallest that the model can reach, 0.257713.
    if abs(first - 0.51118642) < 1e-6 and 0.2577 < last < 0.2582:
        say("training", "ok", f"{says}, starting at the recorded loss")
    else:
        say("training", "fault", f"{says}; the book starts at 0.511186 and reaches 0.258")


def _train() -> tuple[float, float]:
    """Train with RMSProp on the moment twin; return the losses before and after 100 steps."""
    # Not with `training`: it imports Matplotlib, which writes to the user's cache.
    from ._mxnet import autograd
    from ._sampling import draw_start, seed_generators
    from .data import load_data_ch7
    from .model import linreg, squared_loss
    from .rules import init_rmsprop_states, rmsprop

    data = load_data_ch7(source="twin")
    states = init_rmsprop_states(data.features)
    seed_generators(0)
    w, b = draw_start(data.features.shape[1])
    w.attach_grad()
    b.attach_grad()
    losses = []
    for _ in range(101):
        with autograd.record():
            loss = squared_loss(linreg(data.features, w, b), data.labels).mean()
        loss.backward()
        losses.append(float(loss.asscalar()))
        rmsprop([w, b], states, {"lr": 0.01, "gamma": 0.9})
    return losses[0], losses[-1]
