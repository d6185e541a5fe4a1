"""The built site: links, files from elsewhere, pages on a desk and on a phone, accessibility."""

import ast
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browser import browser, site

import gluonbook_ch7

LESSONS = (
    "gd_sgd",
    "minibatch_sgd",
    "momentum",
    "adagrad",
    "rmsprop",
    "adadelta",
    "adam",
    "states",
)


class Page(HTMLParser):
    """Collects a page's anchors, what it links to, and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.loaded, self.images = set(), [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors.update(filter(None, (values.get("id"), values.get("name"))))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in ("script", "img", "source", "iframe") and values.get("src"):
            self.loaded.append(values["src"])
        if tag == "link" and values.get("rel") in ("stylesheet", "preload", "icon"):
            self.loaded.append(values["href"])
        if tag == "img":
            self.images.append(values)


@pytest.fixture(scope="module")
def pages():
    """Return every page of the site by its path."""
    return {
        path: Page(path) for path in sorted(site().rglob("*.html")) if "webpack" not in path.name
    }


def test_every_internal_link_arrives(pages):
    """If this fails, a reader clicks and gets nowhere."""
    followed = 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path.parent / unquote(parts.path) if parts.path else path
            target = Path(os.path.normpath(target))
            assert target.is_file(), f"{path.name} links to {link}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].anchors, f"{path.name}: {link}"
            followed += 1
    assert followed > 300


def test_nothing_comes_from_elsewhere(pages):
    """If this fails, a page is incomplete in a train, or tells someone that it is being read."""
    for path, page in pages.items():
        for address in page.loaded:
            parts = urlsplit(address)
            assert not parts.scheme and not parts.netloc, f"{path.name} loads {address}"
            assert (path.parent / unquote(parts.path)).is_file(), f"{path.name} loads {address}"
    for style in (site() / "_static").rglob("*.css"):
        assert "url(http" not in style.read_text(encoding="utf-8").replace('"', ""), style


def test_every_figure_says_what_it_shows(pages):
    """If this fails, a reader who cannot see a figure learns nothing about it."""
    for lesson in LESSONS:
        images = pages[site() / "sections" / f"{lesson}.html"].images
        assert images
        assert all(len(image["alt"]) > 15 for image in images), lesson


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_can_be_downloaded(lesson, pages):
    """If this fails, the button gives no notebook, or one that asks for more than the package."""
    path = site() / "sections" / f"{lesson}.html"
    (link,) = (link for link in pages[path].links if link.endswith(f"{lesson}.ipynb"))
    notebook = json.loads((path.parent / link).read_text(encoding="utf-8"))
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(code) >= 4 and not any(cell.startswith("%") for cell in code)
    assert all(ast.parse(cell) for cell in code)


def test_a_downloaded_notebook_runs_in_an_empty_folder(tmp_path):
    """If this fails, what a reader downloads stops at its first cell."""
    pytest.importorskip("nbclient")
    source = site() / "_sources" / "sections" / "rmsprop.ipynb"
    (tmp_path / "rmsprop.ipynb").write_bytes(source.read_bytes())
    command = [sys.executable, "-m", "jupyter", "execute", "rmsprop.ipynb", "--inplace"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "module://matplotlib_inline.backend_inline"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "rmsprop.ipynb").read_text(encoding="utf-8")
    assert "epoch 20, x1 -0.010599, x2 0.000000" in text
    assert text.count('"image/svg+xml"') == 5


def test_the_api_page_has_every_public_name(pages):
    """If this fails, a function of the package is nowhere described."""
    anchors = pages[site() / "api.html"].anchors
    documented = {anchor.rsplit(".", 1)[-1] for anchor in anchors}
    assert set(gluonbook_ch7.__all__) <= documented


@pytest.fixture(scope="module")
def chromium():
    with browser() as started:
        yield started


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_a_desk_and_a_phone(width, pages, chromium):
    """If this fails, a page has to be moved sideways to be read."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, offline=True)
    tab = context.new_page()
    problems = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("requestfailed", lambda request: problems.append(request.url))
    for path in pages:
        tab.goto(path.as_uri())
        widths = tab.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert widths == [width, width], path.name
    context.close()
    assert problems == []


def test_formulas_are_set(chromium):
    """If this fails, a reader sees LaTeX where a formula should be."""
    tab = chromium.new_page()
    tab.goto((site() / "sections" / "rmsprop.html").as_uri())
    tab.wait_for_selector("mjx-container svg", state="attached")
    assert tab.locator("mjx-container").count() > 30
    assert tab.locator("mjx-merror").count() == 0
    tab.close()


@pytest.mark.parametrize(
    ("scheme", "rules"),
    [("light", {}), ("dark", {"runOnly": ["color-contrast"]})],
)
def test_the_accessibility_checker_finds_nothing_serious(scheme, rules, pages, chromium):
    """If this fails, some readers cannot use a page: contrast, names, order, keyboard."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = chromium.new_context(color_scheme=scheme)
    tab = context.new_page()
    found = []
    for path in pages:
        if scheme == "dark" and path.stem not in ("index", "explorer", "rmsprop", "api"):
            continue
        tab.goto(path.as_uri())
        for fault in axe.run(tab, options={"resultTypes": ["violations"], **rules}).response[
            "violations"
        ]:
            if fault["impact"] in ("serious", "critical"):
                nodes = [node["html"][:120] for node in fault["nodes"][:3]]
                found.append(f"{path.name}: {fault['id']}: {nodes}")
    context.close()
    assert found == []
