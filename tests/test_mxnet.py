"""The door to MXNet: it opens quietly, and says what to do when it can't."""

import subprocess
import sys

import numpy as np
import pytest

from gluonbook_ch7 import _mxnet

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


def test_import_is_silent_and_trains(tmp_path):
    """If this fails, every program and notebook begins with a warning, or does not run."""
    code = (
        "from gluonbook_ch7._mxnet import autograd, nd\n"
        "x = nd.ones((2, 1)); x.attach_grad()\n"
        "with autograd.record(): y = (x * x).sum()\n"
        "y.backward(); print(x.grad.asnumpy().ravel())"
    )
    result = run(code, cwd=tmp_path)
    assert (result.stdout, result.stderr) == ("[2. 2.]\n", "")


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_removed_name_is_there(name):
    """If this fails, `import mxnet` fails on a NumPy that lacks this name."""
    assert name in vars(np)


def test_nothing_that_numpy_defines_is_changed():
    """If this fails, importing us changes NumPy for everybody else in the process."""
    code = (
        "import numpy as np; before = dict(vars(np))\n"
        "from gluonbook_ch7 import _mxnet\n"
        "assert all(vars(np)[name] is value for name, value in before.items())\n"
        "added = set(vars(np)) - set(before)\n"
        "print(*sorted(name for name in added if type(vars(np)[name]) is not type(np)))"
    )
    result = run(code)
    assert result.returncode == 0, result.stderr
    added = set(result.stdout.split())
    assert "bool" in added
    assert added <= NAMES


def test_what_is_put_back_means_what_it_meant():
    """If this fails, a name that is put back into NumPy lies about what it does."""
    names = _mxnet._names_mxnet_expects()
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
    result = run("import sys; sys.modules['mxnet'] = None; import gluonbook_ch7._mxnet")
    error = result.stderr.splitlines()[-1]
    assert "DependencyError: MXNet 1.9.1 cannot be imported" in error
    assert f"{sys.executable} -m pip install" in error
    assert "mxnet==1.9.1" in error


@pytest.mark.parametrize("library", ["libgomp.so.1", "libquadmath.so.0"])
def test_without_a_system_library_the_error_names_the_package(tmp_path, library):
    """If this fails, the loader's message leaves the reader to search for the package."""
    # The dynamic loader's own error, from a package in MXNet's place that asks for a library.
    (tmp_path / "mxnet.py").write_text(f"import ctypes\nctypes.CDLL('{library}.missing')\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import gluonbook_ch7._mxnet"
    error = run(code).stderr.splitlines()[-1]
    assert f"{library}.missing: cannot open shared object file" in error
    assert "apt-get install -y libgomp1 libquadmath0" in error


def test_on_another_platform_the_error_says_where_it_runs():
    """If this fails, a reader on a Mac is told to install a wheel that does not exist."""
    code = (
        "import platform, sys; sys.modules['mxnet'] = None\n"
        "platform.system = lambda: 'Darwin'; platform.machine = lambda: 'arm64'\n"
        "import gluonbook_ch7._mxnet"
    )
    error = run(code).stderr.splitlines()[-1]
    assert "Linux x86-64 only, and this is Darwin arm64" in error
    assert "docker run --platform linux/amd64" in error
