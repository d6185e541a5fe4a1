"""Importing MXNet: silent where it works, with an error that says what to do where it fails."""

import os
import platform
import re
import subprocess
import sys

import numpy as np
import pytest

from gluonbook_ch7._mxnet import install_hints
from gluonbook_ch7._mxnet.numpy_compat import REMOVED_NAMES

# What MXNet 1.9.1 looks up and NumPy 2 no longer has.
NAMES = set(
    """bool PZERO NZERO NINF PINF Inf NaN NAN float_ alltrue sometrue product cumproduct in1d msort
    trapz row_stack round_ mirr npv pmt ppmt pv rate""".split()  # noqa: SIM905
)


def run(code, **options):
    return subprocess.run(
        [sys.executable, *options.pop("flags", ()), "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )


def error_of(code, **options):
    """Return the last line of what a process says that fails."""
    result = run(code, **options)
    assert result.returncode == 1, result.stderr
    return result.stderr.splitlines()[-1]


def with_package(folder, content):
    """Put a module in MXNet's place; return the code that imports it through us."""
    (folder / "mxnet.py").write_text(content)
    return f"import sys; sys.path.insert(0, {str(folder)!r}); import gluonbook_ch7._mxnet.library"


def test_import_is_silent_and_trains(tmp_path):
    """If this fails, every program and notebook begins with a warning, or does not run."""
    code = (
        "from gluonbook_ch7._mxnet import autograd, nd\n"
        "x = nd.ones((2, 1)); x.attach_grad()\n"
        "with autograd.record(): y = (x * x).sum()\n"
        "y.backward(); print(x.grad.asnumpy().ravel())"
    )
    result = run(code, cwd=tmp_path, flags=("-W", "error"))
    assert (result.stdout, result.stderr) == ("[2. 2.]\n", "")


@pytest.mark.filterwarnings("ignore:In accordance with NEP 32:DeprecationWarning")
def test_every_removed_name_is_there():
    """If this fails, `import mxnet` fails on a NumPy that lacks one of them."""
    import gluonbook_ch7._mxnet.library  # noqa: F401

    assert set(REMOVED_NAMES) == NAMES
    assert all(hasattr(np, name) for name in NAMES)


def test_what_is_put_back_means_what_it_meant():
    """If this fails, a name that is put back into NumPy lies about what it does."""
    names = REMOVED_NAMES
    a = np.array([[3, 1], [2, 5]])
    assert names["in1d"](a, [1, 5]).tolist() == [False, True, False, True]
    assert names["msort"](a).tolist() == [[2, 1], [3, 5]]
    assert names["product"](a) == 30
    assert names["alltrue"](a)
    assert names["bool"] is np.bool_
    with pytest.raises(NotImplementedError, match="numpy_financial"):
        names["npv"](0.1, [1, 2])


def test_without_mxnet_the_error_names_the_command():
    """If this fails, someone without MXNet is not told how to get it."""
    error = error_of("import sys; sys.modules['mxnet'] = None; import gluonbook_ch7._mxnet.library")
    assert "DependencyError: MXNet 1.9.1 is not installed" in error
    options = "--force-reinstall --no-deps"  # because pip believes that it is there
    assert error.endswith(f"{sys.executable} -m pip install {options} mxnet==1.9.1")


@pytest.mark.parametrize("library", ["libgomp.so.1", "libquadmath.so.0"])
def test_without_a_system_library_the_error_names_the_package(tmp_path, library):
    """If this fails, the loader's message leaves the reader to search for the package."""
    # The dynamic loader's own error, from a package in MXNet's place that asks for a library.
    error = error_of(with_package(tmp_path, f"import ctypes\nctypes.CDLL('{library}.missing')\n"))
    assert f"{library}.missing: cannot open shared object file" in error
    assert "libgomp1 libquadmath0" in error.split("To fix it: ")[1]


def test_another_system_library_is_named(tmp_path):
    """If this fails, someone is told to install libraries that are there already."""
    error = error_of(with_package(tmp_path, "import ctypes\nctypes.CDLL('libmissing.so.7')\n"))
    assert error.endswith("the package of your system that has libmissing.so.7")


@pytest.mark.parametrize(
    ("system", "machine", "words"),
    [
        ("Darwin", "arm64", "on Linux x86-64 and Intel Macs only, and this is Darwin arm64"),
        ("Windows", "AMD64", "and this is Windows AMD64"),
        ("Linux", "aarch64", "and this is Linux aarch64"),
    ],
)
def test_on_another_platform_the_error_says_where_it_runs(monkeypatch, system, machine, words):
    """If this fails, a reader on a Mac is told to install a wheel that does not exist."""
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    error = str(install_hints.import_remedy(ModuleNotFoundError(name="mxnet")))
    assert words in error
    assert error.endswith('-it -v "${PWD}:/ch7" -w /ch7 python:3.12 bash')


def test_on_musl_the_error_says_so(monkeypatch):
    """If this fails, a reader on Alpine tries to install a wheel that cannot be loaded there."""
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    error = str(install_hints.import_remedy(ModuleNotFoundError(name="mxnet")))
    assert "and this is Linux x86_64 without glibc" in error


def test_without_distutils_the_error_names_setuptools():
    """If this fails, someone on CPython 3.12 without setuptools reinstalls MXNet for nothing."""
    error = error_of(
        "import sys; sys.modules['distutils'] = None; import gluonbook_ch7._mxnet.library"
    )
    assert re.search(rf"{sys.executable} -m pip install (--force-reinstall )?setuptools$", error)


def test_without_a_package_that_mxnet_imports_the_error_names_it():
    """If this fails, someone who installed MXNet without its requirements is left alone."""
    error = error_of(
        "import sys; sys.modules['requests'] = None; import gluonbook_ch7._mxnet.library"
    )
    assert error.endswith(f"{sys.executable} -m pip install requests")


def test_a_file_called_mxnet_is_named(tmp_path):
    """If this fails, a reader's own mxnet.py or a folder mxnet hides MXNet, and nobody says so."""
    error = error_of(with_package(tmp_path, ""))
    file = str(tmp_path / "mxnet.py")
    assert f"`import mxnet` finds {file}, which is not MXNet 1.9.1" in error
    assert error.endswith(f"mv {file} {file}.aside")


def test_a_numpy_that_removes_more_is_named():
    """If this fails, a NumPy to come ends in an AttributeError of MXNet's, or in useless advice."""
    # Without SciPy, which MXNet imports before it looks up this name, and which needs it too.
    code = "import numpy, sys; sys.modules['scipy'] = None; del numpy.e; {}"
    code += "import gluonbook_ch7._mxnet.library"
    damaged = error_of(code.format(""))
    assert f"MXNet 1.9.1 needs numpy.e, which NumPy {np.__version__} lacks" in damaged
    # NumPy is one of those that are known to work, so another one would change nothing.
    assert damaged.endswith(f" --force-reinstall --no-deps numpy=={np.__version__}")
    newer = "from importlib import metadata as m; old = m.version\n"
    newer += "m.version = lambda name: '3.0' if name == 'numpy' else old(name)\n"
    assert error_of(code.format("\n" + newer)).endswith(" --no-deps 'numpy<2.6'")


def test_any_other_failure_is_told_in_one_line(tmp_path):
    """If this fails, what goes wrong in MXNet in a new way is not one of our errors."""
    code = "import sys; sys.modules['mxnet.base'] = object(); import gluonbook_ch7._mxnet.library"
    error = error_of(code)
    assert "DependencyError: MXNet 1.9.1 cannot be imported (" in error
    assert error.endswith("-m pip install --force-reinstall --no-deps mxnet==1.9.1")


def installed(folder, name, version, code):
    """Install a package into a folder, as pip would; return the code that imports MXNet there."""
    metadata = folder / f"{name}-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(code)
    return f"import sys; sys.path.insert(0, {str(folder)!r}); import gluonbook_ch7._mxnet.library"


def test_a_library_that_was_built_for_another_numpy_is_named(tmp_path):
    """If this fails, who has SciPy or pandas for NumPy 2 is sent to reinstall MXNet for nothing."""
    code = "import numpy\nexec('numpy.gone', {'numpy': numpy})\n"  # as SciPy does, in no module
    error = error_of(installed(tmp_path, "scipy", "9.1", code))
    assert "MXNet imports scipy 9.1, which cannot be imported (AttributeError: " in error
    assert error.endswith(" -m pip install --force-reinstall 'numpy<2.6' scipy")


def test_an_older_mxnet_is_named(tmp_path):
    """If this fails, someone with an older MXNet is not told which one it has to be."""
    error = error_of(installed(tmp_path, "mxnet", "1.6.0", "raise ImportError('too old')"))
    assert "DependencyError: MXNet 1.6.0 cannot be imported (ImportError: too old)" in error
    assert error.endswith(" --force-reinstall --no-deps mxnet==1.9.1")


def test_after_a_failure_mxnet_can_be_imported_in_the_same_process(tmp_path):
    """If this fails, whoever mends it in a notebook has to restart the kernel, and is not told."""
    code = (
        "import sys; sys.modules['requests'] = None\n"
        "try: import gluonbook_ch7._mxnet.library\n"
        "except ImportError as error: print('install requests' in str(error))\n"
        "del sys.modules['requests']\n"
        "from gluonbook_ch7._mxnet import nd; print(nd.ones(2).sum().asscalar())"
    )
    result = run(code, cwd=tmp_path)
    assert (result.stdout, result.stderr) == ("True\n2.0\n", "")


@pytest.mark.parametrize("uv", [True, False])
def test_where_pip_is_missing_the_command_does_without(tmp_path, uv):
    """If this fails, in an environment that uv made the command that mends is itself broken."""
    if uv:
        (tmp_path / "uv").write_text("#!/bin/sh\n")
        (tmp_path / "uv").chmod(0o755)
    code = (
        # What is installed is read from the path, which has no pip now.
        "import sys; from gluonbook_ch7._mxnet.install_hints import pip_install\n"
        "sys.path.clear(); print(pip_install('numpy<2'))"
    )
    said = run(code, env={**os.environ, "PATH": str(tmp_path)}).stdout.strip()
    if uv:
        assert said == f"uv pip install --python {sys.executable} 'numpy<2'"
    else:
        assert said.startswith(f"{sys.executable} -m ensurepip && {sys.executable} -m pip install")
