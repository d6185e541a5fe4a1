"""A browser for the tests of the site: the system's Chromium, without a network."""

import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
DOCS = Path(__file__).resolve().parents[2] / "docs"
SITE = DOCS / "_build" / "html"


@contextmanager
def browser():
    """Start Chromium; skip the test where it or its driver is missing."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("the browser chromium is not here")
    with playwright.sync_playwright() as session:
        started = session.chromium.launch(executable_path=CHROMIUM)
        yield started
        started.close()


def site():
    """Return the folder of the built site; skip the test if there is none."""
    if not (SITE / "index.html").is_file():
        pytest.skip("the site is not built: nox -s docs")
    return SITE
