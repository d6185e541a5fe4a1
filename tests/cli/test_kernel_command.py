"""The Jupyter kernel: installed, found, run on the book's first cell, and removed."""

import json
import sys

import nbclient
import nbformat
import pytest
from commands import run
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel


def call(*arguments):
    """Run a command of ours that succeeds, and return what it prints."""
    done = run("kernel", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def jupyter(monkeypatch, tmp_path):
    """Give Jupyter a folder of its own, as another user would have."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return tmp_path / "jupyter"


def test_a_notebook_of_the_books_runs_in_the_kernel(jupyter, tmp_path):
    """An original notebook would stop at its first line, or run in another Python."""
    assert f"Installed {jupyter}/kernels/gluonbook-ch7" in call("install")
    spec = KernelSpecManager().get_kernel_spec("gluonbook-ch7")
    assert spec.display_name == "gluonbook chapter 7"
    cells = [
        "%matplotlib inline\nimport gluonbook as gb\nfrom mxnet import nd\nimport d2lzh",
        "import sys\nprint(sys.executable, gb.get_data_ch7.__module__, nd.ones(2))",
    ]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    nbclient.NotebookClient(notebook, kernel_name="gluonbook-ch7", timeout=120).execute(
        cwd=str(tmp_path)
    )
    assert notebook.cells[0].outputs == []
    assert notebook.cells[1].outputs[0].text.startswith(f"{sys.executable} gluonbook_ch7.extension")
    # Once more would only write the same again.
    call("install")
    assert json.loads((jupyter / "kernels/gluonbook-ch7/kernel.json").read_text())["argv"]


def test_removing_it_leaves_nothing(jupyter):
    """Jupyter would offer a kernel whose Python is gone."""
    call("install")
    assert call("remove") == f"Removed {jupyter}/kernels/gluonbook-ch7\n"
    with pytest.raises(NoSuchKernel):
        KernelSpecManager().get_kernel_spec("gluonbook-ch7")
    assert call("remove") == "The kernel is not installed.\n"
