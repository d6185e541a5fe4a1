"""The examination: everything that the chapter needs, one finding after the other.

Nothing is changed or downloaded, and MXNet is imported in a process of its own only, so it works
where MXNet does not, and on every platform.
"""

import platform
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from .._mxnet import install_hints as remedies
from . import packages
from .finding import Finding
from .probe import RECORDED_FIRST_LOSS, probe

__all__ = ["examine", "runs_here"]


def runs_here(findings: Sequence[Finding]) -> bool:
    """Tell whether the chapter would run: no finding is a fault."""
    return all(finding.state != "fault" for finding in findings)


def examine(seconds: float = 120.0) -> list[Finding]:
    """Look at everything that the chapter needs.

    Parameters
    ----------
    seconds : float
        How long the process that imports MXNet and trains may take.

    Returns
    -------
    list of Finding
    """
    found = probe(seconds)
    trained = "last_loss" in found
    return [
        _platform(trained),
        _python(),
        _packages(),
        *_libraries(trained),
        _distutils(trained),
        _numpy(found),
        _mxnet(found),
        _training(found),
        *(_storage() if "numpy" in found else []),
        *_extras(),
    ]


def _platform(trained: bool) -> Finding:
    machine = f"{platform.system()} {platform.machine()}"
    libc = " ".join(filter(None, platform.libc_ver())) if platform.system() == "Linux" else ""
    facts = {"system": platform.system(), "machine": platform.machine(), "libc": libc}
    remedy = None if trained else remedies.platform_remedy()
    if remedy:
        return Finding("platform", "fault", remedy.fault, remedy.command, facts)
    if not trained and platform.system() == "Darwin":
        return Finding("platform", "note", f"{machine}; MXNet was never tried here", "", facts)
    return Finding("platform", "ok", ", ".join(filter(None, [machine, libc])), "", facts)


def _python() -> Finding:
    name, version = platform.python_implementation(), platform.python_version()
    facts = {"implementation": name, "version": version, "executable": sys.executable}
    return Finding("python", "ok", f"{name} {version}, {sys.executable}", "", facts)


def _packages() -> Finding:
    """Look at what we ask for by name, but for MXNet, which is a case of its own."""
    try:
        asked = [package for package in packages.wanted() if package.name != "mxnet"]
    except metadata.PackageNotFoundError:
        return Finding("packages", "note", "unknown: gluonbook_ch7 is not installed, only found")
    facts = {package.name: package.version for package in asked}
    lacking = [package for package in asked if not package.fits]
    if lacking:
        command = remedies.pip_install(*(f"{p.name}{p.specifier}" for p in lacking))
        says = f"missing or of another version: {_list(lacking)}"
        return Finding("packages", "fault", says, command, facts)
    return Finding("packages", "ok", _list(asked), "", facts)


def _libraries(trained: bool) -> list[Finding]:
    """Look for the libraries that MXNet's wheel for Linux needs."""
    if remedies.platform_remedy() or platform.system() != "Linux":
        return []
    missing = remedies.missing_libraries()
    facts = {library: library not in missing for library in remedies.LIBRARIES}
    if missing and not trained:
        remedy = remedies.libraries_remedy(", ".join(missing))
        return [Finding("libraries", "fault", remedy.fault, remedy.command, facts)]
    here = [library for library in remedies.LIBRARIES if library not in missing]
    says = ", ".join(here) or "none, and MXNet does without"
    return [Finding("libraries", "ok", says, "", facts)]


def _distutils(trained: bool) -> Finding:
    """Look for the distutils that MXNet imports."""
    try:
        setuptools = metadata.version("setuptools")
    except metadata.PackageNotFoundError:
        setuptools = None
    facts = {"setuptools": setuptools}
    if sys.version_info < (3, 12):
        return Finding("distutils", "ok", "Python's own", "", facts)
    if setuptools or trained:
        return Finding("distutils", "ok", f"setuptools {setuptools} has it", "", facts)
    remedy = remedies.distutils_remedy()
    return Finding("distutils", "fault", remedy.fault, remedy.command, facts)


def _numpy(found: Mapping[str, Any]) -> Finding:
    if "numpy" not in found:
        says = f"cannot be imported: {found['ended']}"
        return Finding("numpy", "fault", says, remedies.pip_install(remedies.NUMPY))
    facts = {"version": found["numpy"], "file": found["numpy_file"], "put_back": found["put_back"]}
    names = ", ".join(found["put_back"])
    put_back = f"; put back for MXNet, in its process only: {names}" if names else ""
    return Finding("numpy", "ok", f"{found['numpy']}{put_back}", "", facts)


def _mxnet(found: Mapping[str, Any]) -> Finding:
    if "mxnet" in found:
        facts = {"version": found["mxnet"], "file": found["mxnet_file"]}
        where = Path(found["mxnet_file"]).parent
        return Finding("mxnet", "ok", f"{found['mxnet']}, {where}", "", facts)
    if "fault" in found:
        return Finding("mxnet", "fault", found["fault"], found["command"])
    if "numpy" not in found:
        return Finding("mxnet", "fault", "not tried, because it needs NumPy")
    remedy = remedies.crash_remedy("while it was imported", found["ended"])
    return Finding("mxnet", "fault", remedy.fault, remedy.command)


def _training(found: Mapping[str, Any]) -> Finding:
    if "mxnet" not in found:
        return Finding("training", "fault", "not tried, because it needs MXNet")
    if "last_loss" not in found:
        remedy = remedies.crash_remedy("while it trained", found["ended"])
        return Finding("training", "fault", remedy.fault, remedy.command)
    first, last = found["first_loss"], found["last_loss"]
    facts = {"first_loss": first, "last_loss": last, "recorded_first_loss": RECORDED_FIRST_LOSS}
    says = f"RMSProp on the moment twin: from {first:.6f} to {last:.6f} in 100 full-batch steps"
    # The smallest loss that the model can reach is 0.257713.
    if abs(first - RECORDED_FIRST_LOSS) < 1e-6 and 0.2577 < last < 0.2582:
        return Finding("training", "ok", f"{says}; the first is the recorded loss", "", facts)
    says = f"{says}, but the book begins at {RECORDED_FIRST_LOSS:.6f} and comes to 0.258"
    return Finding("training", "fault", says, "", facts)


def _storage() -> list[Finding]:
    try:
        # Its room needs NumPy and more of what may be missing.
        from .storage import find_cache, find_data
    except ImportError as error:
        return [Finding("data", "fault", f"not looked for: {error}")]
    return [find_data(), find_cache()]


def _extras() -> list[Finding]:
    """Look at the packages of each extra."""
    findings = []
    try:
        names = packages.extras()
    except metadata.PackageNotFoundError:
        names = []
    for extra in names:
        asked = packages.wanted(extra)
        facts = {package.name: package.version for package in asked}
        lacking = [package for package in asked if not package.fits]
        name = f"extra {extra}"
        if lacking:
            command = remedies.pip_install(f"{packages.OURS}[{extra}]")
            findings.append(Finding(name, "note", f"without {_list(lacking)}", command, facts))
        else:
            findings.append(Finding(name, "ok", _list(asked), "", facts))
    return findings


def _list(found: Sequence[packages.Package]) -> str:
    return ", ".join(map(str, found))
