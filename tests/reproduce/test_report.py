"""The page of a rerun, in a real browser."""

import base64
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from html.parser import HTMLParser

import numpy as np
import pytest

from gluonbook_ch7.reproduce.notebook import read_chapter
from gluonbook_ch7.reproduce.report import formula_html, make_page, outcome
from gluonbook_ch7.reproduce.runner import prepare, rerun_chapter
from gluonbook_ch7.reproduce.verdict import Judgement, Verdict

CHROMIUM = shutil.which("chromium")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--virtual-time-budget=2000",
]

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'width="300" height="200" onload="document.title=\'figure\'">'
    "<script>document.title='figure'; fetch('{server}/figure')</script>"
    '<image xlink:href="{server}/image.png" width="9" height="9"/>'
    '<rect width="300" height="200"/></svg>'
)
PROSE = """# Evil <script>document.title='prose'</script> 动手学

<script>document.title='prose'</script>

<img src="{server}/prose.png" onerror="document.title='prose'"> ![alt]({server}/markdown.png)

[a link](javascript:document.title='link') and $x<script>document.title='formula'</script>_1$

<style>body {{ background: url({server}/style.png) }}</style>
"""
TEXT = "</pre><script>document.title='text'</script>"


class Counting(http.server.BaseHTTPRequestHandler):
    """A server that counts who comes."""

    def do_GET(self):
        self.server.paths.append(self.path)
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting) as server:
        server.paths = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def hostile(server, tmp_path_factory):
    """Rerun a chapter that tries to run scripts from everywhere; return the run and its page."""
    address = f"http://127.0.0.1:{server.server_port}"
    svg = SVG.format(server=address)
    recorded = [
        {"output_type": "stream", "name": "stdout", "text": TEXT},
        {"output_type": "display_data", "data": {"image/svg+xml": svg}, "metadata": {}},
        {"output_type": "display_data", "data": {"text/html": TEXT}, "metadata": {}},
        {"output_type": "stream", "name": "stderr", "text": TEXT},
    ]
    code = (
        f"# {TEXT}\nimport base64\nfrom IPython.display import HTML, SVG\n"
        f'print("{TEXT}")\n'
        f"display(SVG(base64.b64decode('{base64.b64encode(svg.encode()).decode()}').decode()))\n"
        f'display(HTML("{TEXT}"))'
    )
    wide = "x = " + " + ".join(["1"] * 200) + "\nprint('w' * 500)\nraise ValueError('<b>end</b>')"
    path = tmp_path_factory.mktemp("hostile") / "<b>hostile<b>.md"
    path.write_text(
        f"{PROSE.format(server=address)}\n"
        f"```{{.python .input n=1}}\n{code}\n```\n"
        f"```{{.json .output n=1}}\n{json.dumps(recorded)}\n```\n"
        "```{.python .input n=2}\nprint(3)\n```\n"
        '```{.json .output n=2}\n[{"output_type": "stream", "name": "stdout", "text": "4"}]\n```\n'
        "```{.python .input n=3}\nprint(5)\n```\n"
        '```{.json .output n=3}\n[{"output_type": "stream", "name": "stdout", "text": "5"}]\n```\n'
        f"```{{.python .input n=4}}\n{wide}\n```\n",
        encoding="utf-8",
    )
    run = rerun_chapter(read_chapter(path))
    page = path.with_name("page.html")
    page.write_text(make_page(run), encoding="utf-8")
    return run, page


def browse(page, profile, *options):
    """Open a page in a browser; return what it wrote to stdout and to its log."""
    if CHROMIUM is None:
        pytest.skip("the browser chromium is not here")
    done = subprocess.run(
        [CHROMIUM, *QUIET, f"--user-data-dir={profile}", *options, page.as_uri()],
        capture_output=True,
        timeout=60,
        check=True,
    )
    return done.stdout.decode(), done.stderr.decode(errors="replace")


class Visible(HTMLParser):
    """Collects what a page shows, and which elements and attributes it has."""

    def __init__(self, page):
        super().__init__()
        self.text, self.elements, self.attributes = "", [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        self.attributes += attributes

    def handle_data(self, text):
        if self.elements[-1:] != ["style"]:
            self.text += text


def test_only_the_kernel_waits_for_mxnet():
    """If this fails, every rerun takes as much longer as importing MXNet a second time."""
    program = "import sys, gluonbook_ch7.reproduce.report; sys.exit('mxnet' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_nothing_from_the_chapter_runs_in_a_browser(hostile, server, tmp_path):
    """A chapter from a stranger could run its scripts in the reader's browser, or call home."""
    _, page = hostile
    dom, log = browse(page, tmp_path / "profile", "--dump-dom")
    shown = Visible(dom)
    title = re.search(r"<title>(.*?)</title>", dom)[1]
    assert title.startswith("Evil &lt;script&gt;document.title='prose'&lt;/script&gt; 动手学")
    assert server.paths == []
    assert "CONSOLE" not in log
    assert "script" not in shown.elements
    loaded = [value for name, value in shown.attributes if name in ("src", "data", "srcset")]
    assert len(loaded) == 2
    assert all(value.startswith("data:image/") for value in loaded)
    assert not any(name.startswith("on") for name, _ in shown.attributes)
    assert not any((value or "").startswith("javascript:") for _, value in shown.attributes)


def test_the_page_shows_every_cell_and_every_verdict(hostile, tmp_path):
    """A reader would miss an output, or the verdict on it."""
    run, page = hostile
    dom, _ = browse(page, tmp_path / "profile", "--dump-dom")
    words = " ".join(Visible(dom).text.split())
    for cell in run.cells:
        assert cell.name in words
        for judgement in cell.judgements:
            output = judgement.output[len(cell.name) :].lstrip(":, ")
            row = f"{judgement.verdict.value} {output} "
            assert row in words
            assert judgement.basis in words
    assert {judgement.verdict.value for judgement in run.judgements} == {
        "identical",
        "different",
        "not comparable",
        "not judged",
    }
    assert " ".join(outcome(run)[1].split()) in words
    assert "raised ValueError: <b>end</b>" in words
    assert "1 numbers differ: 4 → 3" in words or "1 of 1 numbers differ: 4 → 3" in words
    assert TEXT in words


def test_the_page_guards_itself(hostile):
    """If an escape were ever missed, nothing would stop the script."""
    _, page = hostile
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page.read_text())
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert rules["style-src"].startswith("'sha256-")
    assert "script-src" not in rules


CHINESE = """# RMSProp

我们在[“Adagrad”](adagrad.md)一节里提到，见[讨论区](https://discuss.gluon.ai/t/topic/2277)与[上面](#top)。

* 学习率

```{.python .input n=1}
1
```
"""


def test_a_page_of_the_books_reads_as_the_book_does(tmp_path):
    """A title would stand twice, a voice read Chinese as English, a link lead nowhere."""
    path = tmp_path / "rmsprop.md"
    path.write_text(CHINESE, encoding="utf-8")
    chapter = read_chapter(path)
    losses = np.linspace(0.5, 0.26, 31)
    fan = {
        "epochs": np.linspace(0, 2, 31).tolist(),
        "losses": [(losses + shift).tolist() for shift in np.linspace(-0.01, 0.01, 21)],
        "recorded": (losses + 0.001).tolist(),
        "rerun": losses.tolist(),
    }
    numbers = {"p": 0.5, "fan": fan}
    judgement = Judgement("cell 1: losses", "", "", Verdict.CONSISTENT, "p = 0.5", numbers)
    run = prepare(chapter)
    plain = make_page(run)
    run.cells[0].judgements = [judgement]
    page = make_page(run)
    shown = Visible(page)
    assert page.count(">RMSProp<") == 1 and "<title>RMSProp" in page
    assert '<html lang="zh">' in page and '<section class="cell" lang="en"' in page
    assert [value for name, value in shown.attributes if name == "href"] == [
        "https://discuss.gluon.ai/t/topic/2277"
    ]
    assert "我们在“Adagrad”一节里提到" in shown.text and "与上面。" in shown.text
    (picture,) = [value for name, value in shown.attributes if name == "src"]
    svg = base64.b64decode(picture.partition("base64,")[2]).decode()
    # Matplotlib writes words as text, or as outlines with a comment.
    assert re.search(r"recorded( -->|<)", svg) and re.search(r"5 % to 95 %( -->|<)", svg)
    assert plain.count("<img") == 0


def test_an_english_page_that_quotes_chinese_is_english(tmp_path):
    """A voice would read an English page in Chinese, because of one name in it."""
    path = tmp_path / "quoting.md"
    path.write_text("# On 动手学\n\nAn English text about a book.\n\n```{.python .input}\n1\n```\n")
    assert '<html lang="en">' in make_page(prepare(read_chapter(path)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_readers_colours(hostile, tmp_path, scheme):
    """At night the page would glare, or black figures vanish on black."""
    _, page = hostile
    shot = tmp_path / "page.png"
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    browse(page, tmp_path / "profile", f"--screenshot={shot}", "--window-size=1280,900", *dark)
    from matplotlib.image import imread

    corner = imread(shot)[2, 2, :3].mean()
    assert corner < 0.2 if scheme == "dark" else corner > 0.9


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_a_desk_and_a_phone(hostile, tmp_path, width):
    """Long lines would push the page wider than the screen, and the reader would have to scroll."""
    _, page = hostile
    # A browser's window has a smallest width, and a frame has none.
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe src="{page.as_uri()}" style="width:{width}px;height:800px;border:0"></iframe>'
        "<script>onload = () => { const inner = frames[0].document.documentElement;"
        "document.title = `${inner.clientWidth} ${inner.scrollWidth}` }</script>"
    )
    options = ("--dump-dom", "--allow-file-access-from-files", "--window-size=1400,900")
    dom, _ = browse(frame, tmp_path / "profile", *options)
    assert re.search(r"<title>(.*?)</title>", dom)[1] == f"{width} {width}"


def test_the_figures_are_really_drawn(hostile, tmp_path):
    """The page's own policy could keep its pictures and its style from being shown."""
    _, page = hostile
    shot = tmp_path / "page.png"
    options = (f"--screenshot={shot}", "--window-size=1280,2400")
    browse(page, tmp_path / "profile", *options)
    from matplotlib.image import imread

    black = (imread(shot)[..., :3].max(axis=-1) < 0.02).sum()
    # Two black rectangles of 300 by 200, recorded and rerun.
    assert black >= 2 * 300 * 200


def test_a_page_of_half_characters_can_be_written(tmp_path):
    """One odd character in an output would cost the reader the whole page."""
    path = tmp_path / "chapter.md"
    path.write_text("```{.python .input}\nprint('\\x00 \\x1b[31mred\\x1b[0m \\udcff')\n```\n")
    page, places = tmp_path / "page.html", "--html page.html --out . --json r.json"
    done = subprocess.run(
        [sys.executable, "-m", "gluonbook_ch7", "rerun", "chapter.md", *places.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr  # nothing was recorded
    assert "red" in page.read_text(encoding="utf-8")
    assert "\x1b" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("$x_t$", "<msub><mi>x</mi><mi>t</mi></msub>"),
        (r"$$\frac{a}{b}$$", 'display="block"'),
        ("$x^$", '<span class="formula">$x^$</span>'),
        (r"$\text{<img src=x onerror=alert(1)>}$", r"\lt&#x000A0;img"),
        ("$a < b$", "<mo>&#x0003C;</mo>"),
    ],
)
def test_formulas_are_set_and_nothing_else(source, html):
    """If this fails, a formula is unreadable, or a chapter's formula brings in other HTML."""
    assert html in formula_html(source)
