"""Explain why MXNet cannot be imported, and how to fix it.

Both the import error and ``gluonbook-ch7 doctor`` ask this module, so they agree. It imports
neither MXNet nor NumPy.
"""

import importlib.util
import os
import platform
import re
import shlex
import shutil
import sys
import traceback
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Optional

if TYPE_CHECKING:  # packaging is imported only where something is wrong
    from packaging.specifiers import SpecifierSet


__all__ = [
    "PACKAGE",
    "VERSION",
    "Remedy",
    "crash_remedy",
    "import_remedy",
    "install_extra",
    "installed_version",
    "missing_packages",
    "numpy_conflict",
    "numpy_remedy",
    "pip_install",
    "put_aside",
]

PACKAGE = "gluonbook_ch7"
VERSION = "1.9.1"
# MXNet's wheel needs these two libraries of the system.
LIBRARIES = ("libgomp.so.1", "libquadmath.so.0")
CONTAINER = "docker run --platform linux/amd64 -it python:3.12 bash"
# The releases of NumPy that MXNet was tried with, and what to ask pip for.
TRIED_NUMPYS = [f"1.{minor}" for minor in range(21, 27)] + [f"2.{minor}" for minor in range(6)]
NUMPY = "numpy<2.6"


class Remedy(NamedTuple):
    """What is wrong, and the command that fixes it (empty if there is none)."""

    fault: str
    command: str

    def __str__(self) -> str:
        return f"{self.fault}. To fix it: {self.command}" if self.command else self.fault


def import_remedy(error: BaseException) -> Remedy:
    """Return why the import of MXNet raised an error, and how to fix it."""
    said = " ".join(str(error).split())
    missing = error.name or "" if isinstance(error, ModuleNotFoundError) else ""
    missing_library = re.search(r"(\S+): cannot open shared object file", said)
    missing_in_numpy = re.search(r"'numpy[\w.]*' has no attribute '(\w+)'", said)
    # The order matters: the first explanation that applies is the cause of those after it.
    remedy = _platform_remedy()
    if remedy:
        return remedy
    if missing_library:
        return _library_remedy(missing_library[1], said)
    if missing == "mxnet":
        again = "--force-reinstall --no-deps" if _installed_mxnet() else "--no-deps"
        return Remedy(f"MXNet {VERSION} is not installed", _install_mxnet(again))
    if missing.split(".")[0] == "distutils":
        again = "--force-reinstall" if installed_version("setuptools") else ""
        return Remedy(
            "MXNet imports distutils, which setuptools provides on this Python",
            pip_install("setuptools", options=again),
        )
    remedy = _wrong_mxnet()
    if remedy:
        return remedy
    if missing and not missing.startswith(("mxnet.", "numpy.")):
        return Remedy(f"MXNet imports {missing}, which is not installed", pip_install(missing))
    library = _failing_library(error)
    if library != "mxnet":
        conflict = numpy_conflict()
        if conflict:
            return Remedy(f"MXNet imports {library}, and {conflict.fault}", conflict.command)
        return Remedy(
            f"MXNet imports {library} {installed_version(library)}, which cannot be imported "
            f"({type(error).__name__}: {said})",
            pip_install(library, options="--force-reinstall --no-deps"),
        )
    if missing_in_numpy:
        remedy = numpy_remedy()
        name = f"numpy.{missing_in_numpy[1]}"
        fault = f"MXNet {VERSION} needs {name}, which NumPy {installed_version('numpy')} lacks"
        return Remedy(fault, remedy.command)
    return Remedy(
        f"MXNet {VERSION} cannot be imported ({type(error).__name__}: {said})",
        _install_mxnet("--force-reinstall --no-deps"),
    )


def crash_remedy(when: str, ended: str) -> Remedy:
    """Return how to fix an MXNet that ended its process; `ended` says how."""
    fault = f"{when}, {ended}"
    if "SIGILL" in ended:
        return Remedy(
            f"{fault} (this processor, or its emulator, lacks an instruction)",
            "use another machine with an x86-64 processor",
        )
    # A damaged copy crashes; any other failure would survive a new installation.
    crashed = "ended the process by" in ended
    return Remedy(fault, _install_mxnet("--force-reinstall --no-deps") if crashed else "")


def numpy_conflict() -> Optional[Remedy]:
    """Return how to fix a NumPy that installed libraries do not accept, or None.

    MXNet is left out: its metadata excludes NumPy 2, on which it runs nevertheless.
    """
    installed = installed_version("numpy")
    if installed is None:
        return None
    wanted = _numpy_requirements()
    unmet = {name: spec for name, spec in wanted.items() if not spec.contains(installed, True)}
    if not unmet:
        return None
    listed = " and ".join(
        f"{name} {installed_version(name)} requires numpy{spec}" for name, spec in unmet.items()
    )
    fault = f"{listed}, but NumPy {installed} is installed"
    # A release is accepted if its series is: .99 stands for the newest release of the series.
    accepted = [
        series
        for series in TRIED_NUMPYS
        if all(spec.contains(f"{series}.99", True) for spec in wanted.values())
    ]
    if not accepted:
        return Remedy(fault, "use a new virtual environment, because no NumPy suits all of them")
    bounds = [bound for spec in unmet.values() for bound in spec]
    releases = [installed, *(f"{series}.99" for series in TRIED_NUMPYS)]
    needed = {
        str(bound)
        for bound in bounds
        if not all(bound.contains(release, True) for release in releases)
    }
    return Remedy(fault, pip_install(",".join([NUMPY, *sorted(needed)])))


def numpy_remedy() -> Remedy:
    """Return how to get a NumPy that can be imported and that MXNet was tried with."""
    installed = installed_version("numpy")
    if installed is None:
        return Remedy("NumPy is not installed", pip_install(NUMPY))
    from packaging.requirements import Requirement

    if Requirement(NUMPY).specifier.contains(installed, True):
        again = pip_install(f"numpy=={installed}", options="--force-reinstall --no-deps")
        return Remedy(f"NumPy {installed} is damaged", again)
    return Remedy(f"MXNet was never tried with NumPy {installed}", pip_install(NUMPY))


def pip_install(*packages: str, options: str = "") -> str:
    """Return the command that installs packages for this interpreter."""
    python = shlex.quote(sys.executable)
    wanted = " ".join(filter(None, [options, *map(shlex.quote, packages)]))
    # By its metadata: looking for its module lets setuptools remove distutils from this process.
    if installed_version("pip"):
        return f"{python} -m pip install {wanted}"
    if shutil.which("uv"):  # its virtual environments have no pip
        wanted = wanted.replace("--force-reinstall", "--reinstall")
        return f"uv pip install --python {python} {wanted}"
    return f"{python} -m ensurepip && {python} -m pip install {wanted}"


def missing_packages(extra: str = "") -> list[str]:
    """Return what this package, or one of its extras, requires and is not installed.

    MXNet is left out. Raises `PackageNotFoundError` if this package itself is not installed.
    """
    from packaging.requirements import Requirement

    missing = []
    for line in metadata.requires(PACKAGE) or []:
        requirement = Requirement(line)
        name, specifier, marker = requirement.name, requirement.specifier, requirement.marker
        of_extra = "extra" in str(marker)
        applies = marker is None or marker.evaluate({"extra": extra})
        # An extra may include another one of ours.
        if applies and of_extra == bool(extra) and name not in ("mxnet", PACKAGE):
            version = installed_version(name)
            if version is None or not specifier.contains(version, prereleases=True):
                missing.append(f"{name}{specifier}")
    return missing


def install_extra(extra: str) -> str:
    """Return the command that installs what is missing of an extra.

    It names the packages: asked for the extra itself, pip would also replace NumPy 2.
    """
    try:
        missing = missing_packages(extra)
    except metadata.PackageNotFoundError:
        missing = []
    return pip_install(*(missing or [f"{PACKAGE}[{extra}]"]))


def put_aside(path: str) -> str:
    """Return the command that renames a file or folder which is in the way."""
    return f"mv {shlex.quote(path)} {shlex.quote(f'{path}.aside')}"


def installed_version(package: str) -> Optional[str]:
    """Return the version of an installed package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _install_mxnet(options: str = "--no-deps") -> str:
    # Alone: what else it needs we require too, and pip would replace NumPy 2 by an older one.
    return pip_install(f"mxnet=={VERSION}", options=options)


def _platform_remedy() -> Optional[Remedy]:
    """Return how to run MXNet if it has no working wheel for this platform."""
    system = f"{platform.system()} {platform.machine()}"
    if system == "Linux x86_64" and platform.libc_ver()[0] != "glibc":
        return Remedy(f"MXNet {VERSION} needs glibc, and this Linux has another libc", CONTAINER)
    if system not in ("Linux x86_64", "Darwin x86_64"):
        return Remedy(
            f"MXNet {VERSION} runs on Linux x86-64 and Intel Macs only, and this is {system}",
            CONTAINER,
        )
    return None


def _library_remedy(library: str, said: str) -> Remedy:
    """Return how to get a library of the system that the loader does not find."""
    fault = f"MXNet needs a system library that is missing ({said})"
    if not library.startswith(("libgomp.", "libquadmath.")):
        return Remedy(fault, f"install the package of your system that has {library}")
    sudo = "" if getattr(os, "geteuid", lambda: 0)() == 0 else "sudo "
    if shutil.which("apt-get"):
        command = f"{sudo}apt-get update && {sudo}apt-get install -y libgomp1 libquadmath0"
    elif shutil.which("dnf"):
        command = f"{sudo}dnf install -y libgomp libquadmath"
    else:
        command = f"install the packages of your system that have {' and '.join(LIBRARIES)}"
    return Remedy(fault, command)


def _failing_library(error: BaseException) -> str:
    """Return the installed package in whose code the error was raised, NumPy left out."""
    package = "mxnet"
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name = frame.f_globals.get("__name__", "").split(".")[0]
        if name not in ("numpy", "gluonbook_ch7") and installed_version(name):
            package = name
    return package


def _numpy_requirements() -> "dict[str, SpecifierSet]":
    """Return which NumPy each installed package requires; MXNet is left out."""
    from packaging.requirements import Requirement

    found: dict[str, SpecifierSet] = {}
    for distribution in metadata.distributions():
        for line in distribution.requires or []:
            if not re.match(r"numpy\b(?!-)", line) or distribution.metadata["Name"] == "mxnet":
                continue
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                found[distribution.metadata["Name"]] = requirement.specifier
    return found


def _wrong_mxnet() -> Optional[Remedy]:
    """Return how to fix it if ``import mxnet`` finds something other than MXNet 1.9.1."""
    names = {str(each.metadata["Name"]).lower() for each in metadata.distributions()}
    builds = sorted(name for name in names if re.match(r"mxnet[-_](cu\d|mkl|native)", name))
    if builds:
        uninstall = f"{shlex.quote(sys.executable)} -m pip uninstall -y mxnet {' '.join(builds)}"
        return Remedy(
            f"another build of MXNet is installed over MXNet {VERSION}: {' and '.join(builds)}",
            f"{uninstall} && {_install_mxnet()}",
        )
    found = _found_mxnet()
    installed = _installed_mxnet()
    if found and found != installed:
        return Remedy(
            f"`import mxnet` finds {found}, which is not MXNet {VERSION}", put_aside(str(found))
        )
    version = installed_version("mxnet")
    if installed and version != VERSION:
        return Remedy(f"MXNet {version} is installed, not {VERSION}", _install_mxnet())
    return None


def _found_mxnet() -> Optional[Path]:
    """Return the file or folder that ``import mxnet`` imports."""
    try:
        spec = importlib.util.find_spec("mxnet")
    except ValueError:  # a module of this name is loaded that was not imported from a file
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    return Path(spec.origin).resolve() if spec.origin else None


def _installed_mxnet() -> Optional[Path]:
    """Return the folder into which MXNet was installed."""
    try:
        return Path(str(metadata.distribution("mxnet").locate_file("mxnet"))).resolve()
    except metadata.PackageNotFoundError:
        return None
