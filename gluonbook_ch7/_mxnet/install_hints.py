"""The remedies: what MXNet needs here, what can be wrong with it, and the command that mends it.

A failed import and ``gluonbook-ch7 doctor`` both ask here, so they never disagree. Nothing in this
room imports MXNet or NumPy.
"""

import ctypes
import importlib.util
import os
import platform
import re
import shlex
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, Optional

__all__ = [
    "CONTAINER",
    "LIBRARIES",
    "NUMPY",
    "VERSION",
    "Remedy",
    "crash_remedy",
    "distutils_remedy",
    "import_remedy",
    "libraries_remedy",
    "missing_libraries",
    "pip_install",
    "platform_remedy",
    "put_aside",
]

VERSION = "1.9.1"
# The wheel holds a Fortran runtime and OpenBLAS, which ask for these two of the system's libraries.
LIBRARIES = ("libgomp.so.1", "libquadmath.so.0")
CONTAINER = "docker run --platform linux/amd64 -it python:3.12 bash"
# The newest NumPy that was tried is a 2.5.
NUMPY = "numpy<2.6"


class Remedy(NamedTuple):
    """What is wrong, without a full stop, and the command or the step that mends it."""

    fault: str
    command: str

    def __str__(self) -> str:
        return f"{self.fault}. To mend it: {self.command}"


def pip_install(*packages: str, options: str = "") -> str:
    """Return the command that installs packages for this interpreter."""
    python = shlex.quote(sys.executable)
    wanted = " ".join(filter(None, [options, *map(shlex.quote, packages)]))
    # Not find_spec, in which setuptools has a hook that takes distutils away from this process.
    if _version("pip"):
        return f"{python} -m pip install {wanted}"
    if shutil.which("uv"):  # whose virtual environments have no pip
        return f"uv pip install --python {python} {wanted}"
    return f"{python} -m ensurepip && {python} -m pip install {wanted}"


def put_aside(path: str) -> str:
    """Return the command that moves a file or a folder out of the way, and loses nothing."""
    return f"mv {shlex.quote(path)} {shlex.quote(f'{path}.aside')}"


def _install_mxnet(options: str = "") -> str:
    # MXNet's metadata asks for a NumPy below 2, and none of these has a wheel for CPython 3.13.
    alone = options or ("--no-deps" if sys.version_info >= (3, 13) else "")
    return pip_install(f"mxnet=={VERSION}", options=alone)


def platform_remedy() -> Optional[Remedy]:
    """Return what is wrong if MXNet has no wheel that works on this machine."""
    machine = f"{platform.system()} {platform.machine()}"
    if machine == "Darwin x86_64":
        return None
    if machine != "Linux x86_64":
        return Remedy(
            # There is one for Linux aarch64 too, which asks for Arm's own libraries and lacks them.
            f"MXNet {VERSION} has wheels that work for Linux x86-64 and Intel Macs only, and this "
            f"is {machine}",
            CONTAINER,
        )
    if platform.libc_ver()[0] != "glibc":
        return Remedy(
            f"MXNet {VERSION} is built for glibc, and this Linux has another C library (Alpine's "
            "is musl)",
            CONTAINER,
        )
    return None


def missing_libraries() -> list[str]:
    """Return those of `LIBRARIES` that the system's loader does not find."""
    missing = []
    for library in LIBRARIES:
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(library)
    return missing


def libraries_remedy(missing: str) -> Remedy:
    """Return how to get the system's libraries; `missing` says what is not there, or why not."""
    sudo = "" if getattr(os, "geteuid", lambda: 0)() == 0 else "sudo "
    if shutil.which("apt-get"):
        command = f"{sudo}apt-get update && {sudo}apt-get install -y libgomp1 libquadmath0"
    elif shutil.which("dnf"):
        command = f"{sudo}dnf install -y libgomp libquadmath"
    else:
        command = (
            f"install the packages of your system that hold {' and '.join(LIBRARIES)} (Debian: "
            "libgomp1 and libquadmath0; Fedora: libgomp and libquadmath)"
        )
    return Remedy(
        f"MXNet needs the system libraries {' and '.join(LIBRARIES)}, and one cannot be loaded "
        f"({missing})",
        command,
    )


def distutils_remedy() -> Remedy:
    """Return how to get distutils, which setuptools has had since CPython 3.12 has not."""
    return Remedy(
        "MXNet imports distutils, which this Python lacks and setuptools has",
        pip_install("setuptools"),
    )


def import_remedy(error: BaseException) -> Remedy:
    """Return why MXNet cannot be imported, from the error that the attempt ended with."""
    said = " ".join(str(error).split())
    module = error.name or "" if isinstance(error, ModuleNotFoundError) else ""
    library = re.search(r"(\S+): cannot open shared object file", said)
    of_the_system = re.search(r"\b(libgomp|libquadmath)\.so", said)
    unknown_to_numpy = re.search(r"module 'numpy[\w.]*' has no attribute '(\w+)'", said) or (
        re.search(r"cannot import name '(\w+)' from 'numpy[\w.]*'", said)
    )
    machine = platform_remedy()
    if machine:
        return machine
    if of_the_system:
        return libraries_remedy(said)
    if library:
        return Remedy(
            f"MXNet needs a system library that is missing ({said})",
            f"install the package of your system that holds {library[1]}",
        )
    if module == "mxnet":
        again = "--force-reinstall --no-deps" if _installed_mxnet() else ""
        return Remedy(f"MXNet {VERSION} is not installed", _install_mxnet(again))
    if module.split(".")[0] == "distutils":
        return distutils_remedy()
    another = _another_mxnet()
    if another:
        return another
    if unknown_to_numpy or module.startswith("numpy."):
        name = unknown_to_numpy[1] if unknown_to_numpy else module[len("numpy.") :]
        return Remedy(
            f"MXNet {VERSION} looks up numpy.{name}, which NumPy {_version('numpy')} does not have",
            pip_install(NUMPY),
        )
    if module and module.split(".")[0] != "mxnet":
        return Remedy(f"MXNet imports {module}, which is not installed", pip_install(module))
    return Remedy(
        f"MXNet {VERSION} cannot be imported ({type(error).__name__}: {said})",
        _install_mxnet("--force-reinstall --no-deps"),
    )


def crash_remedy(what: str, ended: str) -> Remedy:
    """Return what to do about a process that did not survive MXNet; `ended` says how it ended."""
    if "SIGILL" in ended:
        why = " (an instruction that this processor, or what emulates one, does not have)"
        return Remedy(f"{what}, {ended}{why}", "use another machine, whose processor is x86-64")
    # What was damaged on its way here crashes; whatever else it was, another copy is no help.
    again = _install_mxnet("--force-reinstall --no-deps") if "ended the process by" in ended else ""
    return Remedy(f"{what}, {ended}", again)


def _another_mxnet() -> Optional[Remedy]:
    """Return what is wrong if ``import mxnet`` finds something else than MXNet 1.9.1."""
    names = {
        str(found.metadata["Name"]).lower().replace("_", "-") for found in metadata.distributions()
    }
    rivals = sorted(name for name in names if re.match(r"mxnet-(cu\d|mkl|native)", name))
    if rivals:
        uninstall = f"{shlex.quote(sys.executable)} -m pip uninstall -y mxnet {' '.join(rivals)}"
        return Remedy(
            f"MXNet {VERSION} shares the folder mxnet with another build, {' and '.join(rivals)}",
            f"{uninstall} && {_install_mxnet()}",
        )
    found, installed = _found_mxnet(), _installed_mxnet()
    if found and found != installed:
        return Remedy(
            f"`import mxnet` finds {found}, which is not MXNet {VERSION}",
            put_aside(str(found)),
        )
    if installed and _version("mxnet") != VERSION:
        return Remedy(f"MXNet is {_version('mxnet')} and not {VERSION}", _install_mxnet())
    return None


def _found_mxnet() -> Optional[Path]:
    """Return the file or the folder that ``import mxnet`` takes."""
    try:
        spec = importlib.util.find_spec("mxnet")
    except ValueError:  # what is in sys.modules under this name was not imported
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    return Path(spec.origin).resolve() if spec.origin else None


def _installed_mxnet() -> Optional[Path]:
    """Return the folder that pip put MXNet into."""
    try:
        return Path(str(metadata.distribution("mxnet").locate_file("mxnet"))).resolve()
    except metadata.PackageNotFoundError:
        return None


def _version(package: str) -> Optional[str]:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
