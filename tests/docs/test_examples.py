"""The Python examples of the README and of the site's pages, run as a reader would."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["README.md", "docs/start.md", "docs/runs.md", "docs/yours.md"])
def test_the_examples_run(page, tmp_path):
    """If this fails, a reader who copies the examples of a page in order gets an error."""
    text = (ROOT / page).read_text(encoding="utf-8")
    example = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    assert "import gluonbook_ch7 as gb" in example
    run = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", example],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
