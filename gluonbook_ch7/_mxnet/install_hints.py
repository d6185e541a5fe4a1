"""Explain, without MXNet and NumPy, why MXNet cannot be imported and how to fix it."""

import importlib.util
import os
import platform
import re
import shlex
import shutil
import sys
import traceback
from contextlib import suppress
from importlib import metadata
from typing import NamedTuple, Optional

PACKAGE = "gluonbook_ch7"
VERSION = "1.9.1"
# MXNet's wheel needs two libraries of the system that a slim image does not have.
INSTALL_LIBRARIES = (
    "apt-get update && apt-get install -y libgomp1 libquadmath0"
    "  # on Fedora: dnf install -y libgomp libquadmath; both may need sudo"
)
# With the checkout in it. POSIX shells and PowerShell understand ${PWD}.
CONTAINER = 'docker run --platform linux/amd64 -it -v "${PWD}:/ch7" -w /ch7 python:3.12 bash'
# The first release of NumPy that MXNet was never tried with.
NUMPY_BOUND = (2, 6)
TRIED_NUMPYS = "numpy<{}.{}".format(*NUMPY_BOUND)


class Remedy(NamedTuple):
    """What is wrong, and the command that fixes it."""

    fault: str
    command: str

    def __str__(self) -> str:
        return f"{self.fault}. To fix it: {self.command}"


def import_remedy(error: BaseException) -> Remedy:
    """Return why the import of MXNet raised an error, and how to fix it."""
    # The order matters: the first explanation that applies is the cause of those after it.
    system = f"{platform.system()} {platform.machine()}"
    if system == "Linux x86_64" and platform.libc_ver()[0] != "glibc":
        system += " without glibc"
    if system not in ("Linux x86_64", "Darwin x86_64"):
        fault = f"MXNet {VERSION} runs on Linux x86-64 and Intel Macs only, and this is {system}"
        return Remedy(fault, CONTAINER)
    said = " ".join(str(error).split())
    library = re.search(r"(\S+): cannot open shared object file", said)
    if library:
        fault = f"MXNet needs a system library that is missing ({said})"
        if library[1].startswith(("libgomp.", "libquadmath.")):
            return Remedy(fault, INSTALL_LIBRARIES)
        return Remedy(fault, f"install the package of your system that has {library[1]}")
    missing = error.name or "" if isinstance(error, ModuleNotFoundError) else ""
    if missing == "mxnet":
        return Remedy(f"MXNet {VERSION} is not installed", reinstall_mxnet())
    other_file = _file_in_the_way()
    if other_file:
        fault = f"`import mxnet` finds {other_file}, which is not MXNet {VERSION}"
        return Remedy(fault, put_aside(other_file))
    if missing and not missing.startswith(("mxnet.", "numpy.")):
        # From CPython 3.12 on, setuptools provides distutils.
        package = "setuptools" if missing.startswith("distutils") else missing
        return Remedy(f"MXNet imports {missing}, which is not installed", pip_install(package))
    culprit = _failing_package(error)
    version, reason = installed_version(culprit), f"({type(error).__name__}: {said})"
    if culprit != "mxnet":
        fault = f"MXNet imports {culprit} {version}, which cannot be imported {reason}"
        # With NumPy, because a library that was built for another NumPy is the usual reason.
        return Remedy(fault, pip_install(TRIED_NUMPYS, culprit, options="--force-reinstall"))
    attribute = re.search(r"'numpy[\w.]*' has no attribute '(\w+)'", said)
    if attribute:
        numpy = f"NumPy {installed_version('numpy')}"
        fault = f"MXNet {VERSION} needs numpy.{attribute[1]}, which {numpy} lacks"
        return Remedy(fault, reinstall_numpy())
    return Remedy(f"MXNet {version} cannot be imported {reason}", reinstall_mxnet())


def reinstall_mxnet() -> str:
    """Return the command that installs MXNet alone, because pip would also replace NumPy 2."""
    return pip_install(f"mxnet=={VERSION}", options="--force-reinstall --no-deps")


def reinstall_numpy() -> str:
    """Return the command that installs a NumPy that MXNet was tried with, over what is there."""
    installed = installed_version("numpy")
    is_tried = installed and tuple(map(int, installed.split(".")[:2])) < NUMPY_BOUND
    wanted = f"numpy=={installed}" if is_tried else TRIED_NUMPYS  # the same again if damaged
    return pip_install(wanted, options="--force-reinstall --no-deps")


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
    """Return what this package, or one of its extras, requires and lacks, apart from MXNet.

    Raises `PackageNotFoundError` if this package itself is not installed.
    """
    from packaging.requirements import Requirement

    missing = []
    for requirement in map(Requirement, metadata.requires(PACKAGE) or []):
        name, wanted, marker = requirement.name, requirement.specifier, requirement.marker
        applies = marker is None or marker.evaluate({"extra": extra})
        of_extra = "extra" in str(marker)
        # An extra may include another one of ours.
        if applies and of_extra == bool(extra) and name not in ("mxnet", PACKAGE):
            version = installed_version(name)
            if version is None or not wanted.contains(version, prereleases=True):
                missing.append(f"{name}{wanted}")
    return missing


def install_extra(extra: str) -> str:
    """Return the command that installs what is missing of an extra."""
    missing = []
    with suppress(metadata.PackageNotFoundError):
        # By their names, because pip would also replace NumPy 2 if asked for the extra.
        missing = missing_packages(extra)
    return pip_install(*(missing or [f".[{extra}]"]))


def put_aside(path: str) -> str:
    """Return the command that renames a file or folder that is in the way."""
    return f"mv {shlex.quote(path)} {shlex.quote(f'{path}.aside')}"


def installed_version(package: str) -> Optional[str]:
    """Return the version of an installed package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _failing_package(error: BaseException) -> str:
    """Return the installed package in whose code the error was raised, NumPy left out."""
    package = "mxnet"
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name = frame.f_globals.get("__name__", "").split(".")[0]
        if name not in ("", "numpy", PACKAGE) and installed_version(name):
            package = name
    return package


def _file_in_the_way() -> str:
    """Return the file or folder that ``import mxnet`` finds if it is not the installed MXNet."""
    spec = importlib.util.find_spec("mxnet")
    if spec is None or spec.origin is None:
        return ""
    found = spec.origin.removesuffix("/__init__.py")
    try:
        installed = metadata.distribution("mxnet").locate_file("mxnet")
    except metadata.PackageNotFoundError:
        return found
    return "" if os.path.realpath(found) == os.path.realpath(str(installed)) else found
