"""Importing: it gives NumPy the names that it lacks, adds an importer, and changes nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gluonbook_ch7
from gluonbook_ch7._mxnet.numpy_compat import REMOVED_NAMES

IMPORTS = str(Path(__file__).with_name("imports.py"))


@pytest.fixture
def python(tmp_path):
    """Return what runs Python in an empty folder, with an empty home; give its output."""
    for name in ("home", "here"):
        (tmp_path / name).mkdir()
    env = {**os.environ, "HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*arguments):
        result = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path / "here",
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def test_each_name_changes_nothing(python):
    """If this fails, importing a name changes random numbers, warnings, figures or the like."""
    found = json.loads(python(IMPORTS))
    assert found == {name: {} for name in gluonbook_ch7.__all__}


def test_the_package_alone_imports_numpy_and_readies_it(python):
    """If this fails, `import gluonbook_ch7` waits for MXNet or Matplotlib, or changes something."""
    assert json.loads(python(IMPORTS, "-")) == {}
    heavy = "{'mxnet', 'matplotlib', 'requests'}"
    code = f"import sys, gluonbook_ch7; print({heavy} & set(sys.modules))"
    assert python("-c", code) == "set()\n"


@pytest.mark.parametrize(
    "line",
    [
        "import gluonbook_ch7",
        "import gluonbook_ch7 as gb; gb.plt",
        "import gluonbook_ch7 as gb; gb.f_2d(1, 2)",
        "import gluonbook_ch7 as gb; gb.train_2d(gb.rmsprop_2d)",
        "from gluonbook_ch7 import set_figsize",
        "from gluonbook_ch7 import *",
        "import gluonbook_ch7.errors",
    ],
)
def test_mxnet_can_be_imported_after_any_import_of_ours(python, line):
    """If this fails, the book's own import lines end in "numpy has no attribute 'bool'"."""
    code = f"{line}\nfrom mxnet import autograd, gluon, nd\nprint(nd.ones(2).sum().asscalar())"
    assert python("-c", code).endswith("2.0\n")


def test_all_names_change_no_more_than_their_libraries(python):
    """If this fails, importing us changes something that importing MXNet and the like does not."""
    # MXNet's import of distutils makes setuptools add a folder to the path; six adds an importer.
    found = json.loads(python(IMPORTS, *gluonbook_ch7.__all__))
    libraries = json.loads(python(IMPORTS, "libraries"))
    assert found == {name: libraries[name] for name in found}
    assert set(found) <= {"sys.path", "importers"}


def test_numpy_gets_the_names_that_it_lacks_and_nothing_else(python):
    """If this fails, importing us changes NumPy for everybody else in the process."""
    code = (
        "import json, warnings; warnings.simplefilter('ignore')\n"
        "import numpy as np; before = dict(vars(np))\n"
        # Some NumPys answer to names that are no longer there, with a warning.
        f"lacking = [name for name in {list(REMOVED_NAMES)} if not hasattr(np, name)]\n"
        "import gluonbook_ch7\n"
        "assert all(vars(np)[name] is value for name, value in before.items())\n"
        "added = {name: vars(np)[name] for name in vars(np) if name not in before}\n"
        "added = [name for name, value in added.items() if type(value) is not type(np)]\n"
        "print(json.dumps([sorted(added), sorted(lacking)]))"
    )
    added, lacking = json.loads(python("-c", code))
    assert added == lacking
