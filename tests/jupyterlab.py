"""Run a chapter in a real JupyterLab, with the installed kernel, as a reader would.

    python tests/jupyterlab.py CHAPTER SCREENSHOT

It needs jupyterlab, playwright and Chromium; `nox -s lab` installs the first two. The chapter's
cells are run by "Restart Kernel and Run All Cells…", and a screenshot is taken at the end.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import nbformat
from playwright.sync_api import sync_playwright

from gluonbook_ch7.reproduce.notebook import read_chapter

PORT = 8931
ADDRESS = f"http://127.0.0.1:{PORT}"
SECONDS = 180


@contextmanager
def jupyterlab(folder):
    """Run a JupyterLab server for a folder."""
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    options = [f"--port={PORT}", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen([*command, *options], stdout=log, stderr=log)
    try:
        wait_for(lambda: urlopen(f"{ADDRESS}/api").status == 200)
        yield
    finally:
        server.terminate()
        server.wait(SECONDS)


def wait_for(condition):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise TimeoutError(f"not within {SECONDS} s")


def write_notebook(chapter, path):
    """Write a chapter as a notebook without outputs, for the kernel of gluonbook_ch7."""
    notebook = read_chapter(chapter).notebook
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata["kernelspec"] = {
        "name": "gluonbook-ch7",
        "display_name": "gluonbook chapter 7",
        "language": "python",
    }
    nbformat.write(notebook, path)


def run_all(page):
    """Restart the kernel and run all cells; return their prompts, texts and number of figures."""
    idle = page.get_by_text("gluonbook chapter 7 | Idle")
    idle.wait_for(timeout=SECONDS * 1000)
    page.get_by_text("Kernel", exact=True).first.click()
    page.get_by_text("Restart Kernel and Run All Cells…").click()
    page.locator(".jp-Dialog button.jp-mod-accept").click()
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    wait_for(lambda: all(re.search(r"\d", each) for each in prompts.all_inner_texts()))
    idle.wait_for(timeout=SECONDS * 1000)
    outputs = page.locator(".jp-OutputArea-output")
    return (
        prompts.all_inner_texts(),
        outputs.all_inner_texts(),
        outputs.locator("svg, img").count(),
    )


def main(chapter, screenshot):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variable in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
            os.environ[variable] = str(folder / variable)
        os.environ["IPYTHONDIR"] = str(folder / "ipython")
        subprocess.run(
            [sys.executable, "-m", "gluonbook_ch7", "kernel", "install"], check=True, timeout=60
        )
        write_notebook(chapter, folder / "chapter.ipynb")
        with jupyterlab(folder), sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 1700})
            page.goto(f"{ADDRESS}/lab/tree/chapter.ipynb", timeout=SECONDS * 1000)
            prompts, texts, figures = run_all(page)
            page.screenshot(path=screenshot)
            browser.close()
    print(prompts, texts, figures)
    losses = [float(loss) for loss in re.findall(r"loss: (\d+\.\d+)", " ".join(texts))]
    assert prompts == [f"[{i}]:" for i in range(1, len(prompts) + 1)], "not every cell has run"
    assert len(losses) == 2 and all(0.2577 < loss < 0.27 for loss in losses), losses
    assert figures == 3, figures


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
