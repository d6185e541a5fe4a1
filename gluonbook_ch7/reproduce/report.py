"""The page that shows a rerun: every cell, its recorded output beside today's, and the verdicts.

Everything that comes from the chapter is text or a picture here: text is escaped, a figure is an
``<img>``, in which no script runs, and the page's own policy lets it load and run nothing.
"""

import base64
import hashlib
import re
from collections import Counter
from contextlib import suppress
from datetime import datetime, timezone
from importlib import metadata, resources
from platform import platform, python_version
from typing import Any, Optional

import jinja2
import numpy as np
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markupsafe import Markup

from .. import __version__
from ..experiments.charts import Fan, fan_figure, figure_bytes
from .formulas import formula_html
from .interval_chart import likelihood_figure
from .runner import CellRun, ChapterRun
from .verdict import Judgement, Verdict

__all__ = ["SYMBOLS", "make_page", "summarise", "versions"]

# Verdicts are told apart by a word and a sign, not by colour.
SYMBOLS = {
    Verdict.IDENTICAL: "=",
    Verdict.CONSISTENT: "≈",
    Verdict.DIFFERENT: "≠",
    Verdict.NOT_COMPARABLE: "–",
    Verdict.NOT_JUDGED: "?",
}
PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif")

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CONTROL = re.compile(r"[^\t\n\x20-\x7e\x85\xa0-\U0010ffff]")
_MATH = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.DOTALL)
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")
_HEADING = re.compile(r"#\s+(.+)\n*")
# Other addresses are relative to where the chapter once was.
_OUTSIDE = ("http:", "https:", "mailto:")


def make_page(run: ChapterRun) -> str:
    """Return the page as one self-contained HTML document.

    Parameters
    ----------
    run : ChapterRun
        What `rerun_chapter` returned.
    """
    style = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gluonbook_ch7", "reproduce"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    heading = _heading(run)
    prose, coded = _prose_renderer(), iter(run.cells)
    return environment.get_template("report.html").render(
        run=run,
        title=heading[1] if heading else run.chapter.path.name,
        language=_language(
            "\n".join(cell.source for cell in run.chapter.cells if cell.kind != "code")
        ),
        headline=summarise(run),
        style=Markup(style),
        style_hash=digest,
        counts=_counts(run),
        cells=[
            _code(next(coded)) if cell.kind == "code" else _prose(cell.source, heading, prose)
            for cell in run.chapter.cells
        ],
        versions=versions(),
        now=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        symbols=SYMBOLS,
        Verdict=Verdict,
    )


def summarise(run: ChapterRun) -> str:
    """Return in one sentence how the rerun ended."""
    different = _counts(run)[Verdict.DIFFERENT]
    if run.missing:
        return f"A chapter that needs what is not installed here ({run.missing}): {run.failure}"
    if run.failure:
        return f"The run stopped: {run.failure}"
    if different:
        return f"NOT reproduced: {different} of {len(run.judgements)} outputs differ."
    if not run.is_judged:
        return "Every cell ran to its end; the chapter recorded no output that could be judged."
    unjudged = _counts(run)[Verdict.NOT_JUDGED]
    but = f" ({unjudged} not judged)" if unjudged else ""
    return f"Reproduced: every cell ran to its end and nothing is different{but}."


def versions() -> dict[str, str]:
    """Return the versions of what a rerun depends on."""
    found = {"gluonbook_ch7": __version__}
    for name in ("mxnet", "numpy", "matplotlib"):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return {**found, "Python": python_version(), "platform": platform()}


def _counts(run: ChapterRun) -> dict[Verdict, int]:
    """Count the verdicts, those that did not occur included."""
    counted = Counter(judgement.verdict for judgement in run.judgements)
    return {verdict: counted[verdict] for verdict in Verdict}


def _heading(run: ChapterRun) -> Optional[re.Match[str]]:
    """Return the first heading with which a cell begins."""
    headings = (_HEADING.match(cell.source) for cell in run.chapter.cells if cell.kind != "code")
    return next(filter(None, headings), None)


def _language(text: str) -> str:
    """Return "zh" if more than a quarter of the letters, formulas aside, are Chinese, else "en"."""
    text = _MATH.sub("", text)
    return "zh" if 4 * len(_HAN.findall(text)) > len(_LETTER.findall(text)) else "en"


def _prose(source: str, heading: Optional[re.Match[str]], renderer: MarkdownIt) -> dict[str, Any]:
    """Return prose as HTML, without the heading that is the title of the page."""
    if heading and source is heading.string:
        source = source[heading.end() :]
    html = Markup(renderer.render(source))
    return {"kind": "prose", "html": html, "language": _language(source)}


def _prose_renderer() -> MarkdownIt:
    """Return a renderer of Markdown that escapes HTML, keeps formulas and loads no picture.

    A link to another file of the book, which is not there, becomes its text.
    """

    def formula(state: Any, silent: bool) -> bool:
        found = _MATH.match(state.src, state.pos)
        if found and not silent:
            state.push("formula", "", 0).content = found[0]
        if found:
            state.pos = found.end()
        return bool(found)

    def write_formula(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
        return formula_html(tokens[index].content)

    def write_picture(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
        token = tokens[index]
        address = escapeHtml(str(token.attrs.get("src", "")))
        return f'<span class="picture">[picture: {escapeHtml(token.content)} {address}]</span>'

    def drop_inside_links(state: Any) -> None:
        for token in state.tokens:
            kept, dropping = [], False
            for child in token.children or []:
                if child.type == "link_open":
                    dropping = not str(child.attrs.get("href", "")).startswith(_OUTSIDE)
                if not (dropping and child.type in ("link_open", "link_close")):
                    kept.append(child)
            token.children = kept

    renderer = MarkdownIt("commonmark", {"html": False})
    renderer.core.ruler.push("drop_inside_links", drop_inside_links)
    renderer.inline.ruler.before("escape", "formula", formula)
    renderer.add_render_rule("formula", write_formula)
    renderer.add_render_rule("image", write_picture)
    return renderer


def _code(cell: CellRun) -> dict[str, Any]:
    return {
        "kind": "code",
        "run": cell,
        "recorded": [_shown(output) for output in cell.cell.outputs],
        "today": [_shown(output) for output in cell.outputs],
        "fans": _fans(cell),
        "judgements": [
            (each, each.output[len(cell.name) :].lstrip(":, "), _in_brief(each), _likelihood(each))
            for each in cell.judgements
        ],
    }


def _likelihood(judgement: Judgement) -> str:
    """Return a picture of the likelihood over the hyperparameters, if there is one."""
    figure = likelihood_figure(judgement)
    if figure is None:
        return ""
    return _data_uri("image/svg+xml", figure_bytes(figure, "svg").decode())


def _fans(cell: CellRun) -> list[str]:
    """Return a picture for each recorded loss curve that was ranked among shuffles."""
    pictures = []
    for found, recorded in zip(cell.trainings, cell.curves):
        if recorded and found.later and found.fan:
            fan = Fan(
                title="",
                epochs=np.array(found.epochs),
                losses=np.array(found.fan),
                recorded=np.array(recorded),
                rerun=np.array(found.losses),
            )
            svg = figure_bytes(fan_figure([fan], ""), "svg")
            pictures.append(_data_uri("image/svg+xml", svg.decode()))
    return pictures


def _in_brief(judgement: Judgement) -> str:
    """Return both values, where they are short enough to stand before the basis."""
    both = judgement.recorded, judgement.rerun
    return f"{' → '.join(both)}: " if all(0 < len(text) <= 16 for text in both) else ""


def _shown(output: dict[str, Any]) -> dict[str, str]:
    """Return how an output is shown: a picture by its data URI, all else as text."""
    data = output.get("data", {})
    picture = next((kind for kind in PICTURES if kind in data), None)
    if picture:
        return {"kind": "picture", "text": _data_uri(picture, "".join(data[picture]))}
    if output["output_type"] == "stream":
        return {"kind": output.get("name", "stdout"), "text": _plain(output["text"])}
    if output["output_type"] == "error":
        lines = output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]
        return {"kind": "error", "text": _plain("\n".join(lines))}
    text = data.get("text/plain", f"({', '.join(data)})")
    return {"kind": "value", "text": _plain(text)}


def _data_uri(kind: str, content: str) -> str:
    """Return a picture as an address that holds it; bitmaps are in base64 already."""
    if kind == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    return f"data:{kind};base64,{''.join(content.split())}"


def _plain(text: Any) -> str:
    """Return text without the colours and control characters of a terminal."""
    return _CONTROL.sub("�", _ANSI.sub("", "".join(text)))
