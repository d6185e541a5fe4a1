"""The book's import names and data path, in processes of their own."""

import json
import os
import subprocess
import sys

import pytest

NAMES = """
import gluonbook as gb, d2lzh as d2l
from gluonbook import *
import gluonbook_ch7, json
print(json.dumps({
    "gluonbook": gb.get_data_ch7()[0].shape, "d2lzh": d2l.get_data_ch7()[0].shape,
    "asked": d2l.get_data_ch7("0.7")[0].shape, "named": gb.get_data_ch7(edition="1.0")[0].shape,
    "own": gluonbook_ch7.get_data_ch7()[0].shape,
    "same": gb.train_ch7 is d2l.train_ch7 is gluonbook_ch7.train_ch7 is train_ch7,
    "plt": gb.plt.__name__,
}))
"""
LOAD = "import gluonbook_ch7; gluonbook_ch7.load_ipython_extension(None)\n"


def python(code, cwd, *command, **env):
    """Run code, and return what it printed last as JSON holds it."""
    done = subprocess.run(
        [sys.executable, *(command or ("-c",)), code],
        cwd=cwd,
        env={**os.environ, "GLUONBOOK_CH7_DATA": "", "PYTHONWARNINGS": "ignore", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def broken(tmp_path):
    """Return a path with copies of the book's packages that cannot be imported today."""
    for name in ("gluonbook", "d2lzh"):
        (tmp_path / "old" / name).mkdir(parents=True)
        (tmp_path / "old" / name / "__init__.py").write_text("raise ImportError('too old')")
    path = filter(None, [str(tmp_path / "old"), os.environ.get("PYTHONPATH")])
    return os.pathsep.join(path)


def test_both_names_of_the_books_package_are_ours(tmp_path, broken):
    """The chapter's first cell would fail, or take the other edition's features."""
    found = python(LOAD + NAMES, tmp_path, PYTHONPATH=broken)
    assert found == {
        "gluonbook": [1503, 4],
        "d2lzh": [1503, 5],
        "asked": [1503, 4],
        "named": [1503, 5],
        "own": [1503, 4],
        "same": True,
        "plt": "matplotlib.pyplot",
    }


def test_load_ext_does_it_in_a_readers_own_ipython(tmp_path, broken):
    """A reader's own notebook could not run the chapter's cells."""
    code = "%load_ext gluonbook_ch7\n%load_ext gluonbook_ch7\nfrom mxnet import nd\n" + NAMES
    ipython = ("-m", "IPython", "--no-banner", "--colors=NoColor", "-c")
    found = python(
        code, tmp_path, *ipython, PYTHONPATH=broken, IPYTHONDIR=str(tmp_path / "ipython")
    )
    assert found["gluonbook"] == [1503, 4]
    assert found["d2lzh"] == [1503, 5]


def test_without_the_extension_the_error_says_what_to_do(tmp_path, broken):
    """A reader who forgot %load_ext would look for a package that cannot be imported today."""
    code = """
import json, gluonbook_ch7
try: import gluonbook
except ModuleNotFoundError as error: print(json.dumps([str(error), error.name]))
"""
    said, name = python(code, tmp_path)
    assert said.startswith("No module named 'gluonbook'") and name == "gluonbook"
    assert "%load_ext gluonbook_ch7" in said and "gluonbook-ch7 kernel install" in said
    # Where there is one, it is imported, or says itself why it cannot be.
    code = code.replace("ModuleNotFoundError", "ImportError")
    assert python(code, tmp_path, PYTHONPATH=broken) == ["too old", None]


def test_unloading_undoes_what_loading_did(tmp_path):
    """%unload_ext would leave NumPy's readers replaced, or the book's names in the way."""
    code = """
import json, sys, numpy as np, gluonbook_ch7
from IPython import display
def state():
    return [np.loadtxt, np.genfromtxt, list(sys.meta_path), "d2lzh" in sys.modules,
            hasattr(display, "set_matplotlib_formats")]
import IPython.core.interactiveshell
before = state()
for _ in range(2):
    gluonbook_ch7.load_ipython_extension(None)
    assert state() != before
    import d2lzh
    gluonbook_ch7.unload_ipython_extension(None)
    assert state() == before
gluonbook_ch7.unload_ipython_extension(None)
assert state() == before
try: import d2lzh
except ImportError: print(json.dumps("gone"))
"""
    assert python(code, tmp_path) == "gone"


@pytest.mark.parametrize("module", ["gluonbook_ch7", "gluonbook"])
def test_a_misspelt_name_gets_a_suggestion(tmp_path, module):
    """A typing error would send a reader to the list of thirty names."""
    code = (
        LOAD
        + f"""
import json, {module} as gb
try: gb.tran_ch7
except AttributeError as error: print(json.dumps([str(error), "train_ch7" in dir(gb)]))
"""
    )
    said = "module 'gluonbook_ch7' has no attribute 'tran_ch7'. Did you mean: 'train_ch7'?"
    assert python(code, tmp_path) == [said, True]


READ = (
    LOAD
    + """
import json, warnings
import numpy as np
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    table = np.{reader}("../data/airfoil_self_noise.dat", delimiter="\\t")
said = [(type(w.message).__name__, w.filename) for w in caught]
print(json.dumps([table.shape, float(table[0, -1]), said]))
"""
)


@pytest.mark.parametrize("reader", ["genfromtxt", "loadtxt"])
def test_the_books_path_is_served_where_it_leads_nowhere(tmp_path, reader, real_data_path):
    """In-cell copies of get_data_ch7 would stop at a file that is not there."""
    code = READ.format(reader=reader)
    shape, value, said = python(code, tmp_path, GLUONBOOK_CH7_DATA=str(real_data_path))
    assert (shape, value, said) == ([1503, 6], 126.201, [])


@pytest.mark.parametrize("reader", ["genfromtxt", "loadtxt"])
def test_lines_in_an_array_are_still_read(tmp_path, reader):
    """NumPy's readers would fail, wherever the extension is loaded, on what is not a path."""
    lines = "np.array(['1 2', '3 4'])"
    code = f"{LOAD}import json, numpy as np\nprint(json.dumps(np.{reader}({lines}).tolist()))"
    assert python(code, tmp_path) == [[1, 2], [3, 4]]


def test_without_the_real_data_the_path_gives_the_twin_and_warns(tmp_path):
    """A reader would take made-up rows for the book's."""
    shape, _, said = python(READ.format(reader="genfromtxt"), tmp_path)
    assert shape == [1503, 6]
    assert said == [["DataWarning", "<string>"]]


def test_a_file_that_is_there_is_the_readers_own(tmp_path):
    """Another file than the one beside the chapter would be read in its place."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "airfoil_self_noise.dat").write_text("1\t2\n3\t4\n")
    (tmp_path / "chapter").mkdir()
    shape, value, said = python(READ.format(reader="genfromtxt"), tmp_path / "chapter")
    assert (shape, value, said) == ([2, 2], 2.0, [])


def test_other_paths_are_left_to_numpy(tmp_path):
    """A wrong path of the reader's own would silently give the book's data."""
    code = LOAD + (
        "import json, numpy as np\n"
        "try:\n    np.genfromtxt('data/airfoil_self_noise.dat')\n"
        "except FileNotFoundError as error:\n    print(json.dumps('not found'))\n"
    )
    assert python(code, tmp_path) == "not found"
