"""What a rerun of a chapter file writes: the executed notebook, charts, the verdicts, the page.

Everything that comes from the chapter is text or a picture on the page: text is escaped, a figure
is an ``<img>``, in which no script runs, and the page's own policy lets it load and run nothing.
"""

import base64
import hashlib
import re
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from platform import platform, python_version
from typing import Any, Optional, Union

import jinja2
import nbformat
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markupsafe import Markup

from .. import __version__
from .._files import as_json, write_whole
from .._mxnet.install_hints import installed_version
from ..experiments.charts import fan_figure, figure_bytes
from .pictures import fan_of, likelihood_figure
from .runner import ChapterRun
from .verdict import Judgement, Verdict

PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif")

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CONTROL = re.compile(r"[^\t\n\x20-\x7e\x85\xa0-\U0010ffff]")
_HEADING = re.compile(r"#\s+(.+)\n*")
_FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.DOTALL)
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")


def write_run(
    run: ChapterRun, out: Optional[Path], json_file: Optional[Path], html_file: Optional[Path]
) -> list[Path]:
    """Write what was asked for, each file whole, and return the paths.

    The folder `out` gets the executed notebook, ``<chapter>.rerun.ipynb``, and the likelihoods;
    `json_file` the verdicts, `html_file` the page.
    """
    contents: dict[Path, Union[str, bytes]] = {}
    if out:
        stem = run.chapter.path.stem
        contents[out / f"{stem}.rerun.ipynb"] = nbformat.writes(run.notebook) + "\n"
        for cell in run.cells:
            figures = filter(None, map(likelihood_figure, cell.judgements))
            for number, figure in enumerate(figures, start=1):
                path = out / f"{stem}.cell{cell.position}.likelihood{number}.svg"
                contents[path] = figure_bytes(figure, "svg")
    if json_file:
        contents[json_file] = as_json(_as_numbers(run))
    if html_file:
        contents[html_file] = make_page(run)
    return [write_whole(path, text) for path, text in contents.items()]


def _as_numbers(run: ChapterRun) -> dict[str, Any]:
    """Return the verdicts, and what they depend on, for programs."""
    return {
        "reproduced": run.is_reproduced,
        "failure": run.failure,
        "file": str(run.chapter.path),
        "sha256": run.chapter.sha256,
        "edition": run.edition,
        "edition_reason": run.edition_reason,
        "data": run.data,
        "versions": _versions(),
        "cells": [
            {
                "position": cell.position,
                "prompt": cell.recorded.execution_count,
                "line": cell.line,
                "status": cell.status,
                "recorded": bool(cell.recorded.outputs),
                "outputs": [vars(judgement) for judgement in cell.judgements],
            }
            for cell in run.cells
        ],
    }


def _versions() -> dict[str, str]:
    """Return the versions of what a rerun depends on."""
    own = {"gluonbook_ch7": __version__, "Python": python_version(), "platform": platform()}
    libraries = ("mxnet", "numpy", "matplotlib")
    return {**own, **{name: installed_version(name) or "unknown" for name in libraries}}


def outcome(run: ChapterRun) -> tuple[int, str]:
    """Return the exit status of a rerun, and in one sentence how it ended."""
    counts = run.counts
    differing, unjudged = counts[Verdict.DIFFERENT], counts[Verdict.NOT_JUDGED]
    if run.is_lacking:
        return 2, f"The chapter needs a module, or an answer, that is not here: {run.failure}"
    if run.failure:
        return 1, f"The run stopped: {run.failure}"
    if differing:
        return 1, f"NOT reproduced: {differing} of {len(run.judgements)} outputs differ."
    if not counts.keys() - {Verdict.NOT_JUDGED, Verdict.NOT_COMPARABLE}:
        return 2, "Every cell ran to its end; the chapter recorded no output that could be judged."
    but = f" ({unjudged} not judged)" if unjudged else ""
    return 0, f"Reproduced: every cell ran to its end and nothing is different{but}."


def make_page(run: ChapterRun) -> str:
    """Return the page of a rerun as one self-contained HTML document."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gluonbook_ch7", "reproduce"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        html=_as_html, language=_language_of, pictures=_pictures, shown=_shown
    )
    style = environment.get_template("report.css").render()
    coded = iter(run.cells)
    # What the chapter consists of: a string of prose, or a cell that was run.
    parts: list[Any] = [
        next(coded) if cell.cell_type == "code" else cell.source for cell in run.notebook.cells
    ]
    prose = "\n".join(part for part in parts if isinstance(part, str))
    title = run.chapter.path.name
    for place, part in enumerate(parts):
        heading = isinstance(part, str) and _HEADING.match(part)
        if heading:
            title, parts[place] = heading[1], part[heading.end() :]
            break
    return environment.get_template("report.html").render(
        run=run,
        title=title,
        parts=parts,
        language=_language_of(prose),
        headline=outcome(run)[1],
        style=Markup(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        versions=_versions(),
        now=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        Verdict=Verdict,
    )


def _pictures(judgement: Judgement) -> dict[str, str]:
    """Return the address of each picture that belongs to a judgement, by its kind."""
    fan = fan_of(judgement)
    figures = {"fan": fan and fan_figure([fan], ""), "likelihood": likelihood_figure(judgement)}
    return {
        kind: _data_uri("image/svg+xml", figure_bytes(figure, "svg").decode())
        for kind, figure in figures.items()
        if figure
    }


def _shown(output: dict[str, Any]) -> tuple[str, str]:
    """Return the kind of an output and how it is shown: a picture by an address, else as text."""
    data, kind = output.get("data", {}), output["output_type"]
    for picture in PICTURES:
        if picture in data:
            return "picture", _data_uri(picture, "".join(data[picture]))
    if kind == "stream":
        kind, text = output.get("name", "stdout"), output["text"]
    elif kind == "error":
        lines = output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]
        text = "\n".join(lines)
    else:
        text = data.get("text/plain", f"({', '.join(data)})")
    # Without the colours and control characters of a terminal.
    return kind, _CONTROL.sub("�", _ANSI.sub("", "".join(text)))


def _data_uri(kind: str, content: str) -> str:
    """Return a picture as an address that holds it; bitmaps are in base64 already."""
    if kind == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    return f"data:{kind};base64,{''.join(content.split())}"


# --- Prose --------------------------------------------------------------------------------------


def _language_of(text: str) -> str:
    """Return "zh" if more than a quarter of the letters, formulas aside, are Chinese, else "en"."""
    text = _FORMULA.sub("", text)
    return "zh" if 4 * len(_HAN.findall(text)) > len(_LETTER.findall(text)) else "en"


def formula_html(source: str) -> str:
    """Return a formula, LaTeX between dollar signs, as MathML; else its source, escaped."""
    display = "block" if source.startswith("$$") else "inline"
    # The converter copies the content of \text as it stands, so no tag may reach it.
    latex = source.strip("$").replace("<", r"\lt ").replace(">", r"\gt ").strip()
    try:
        formula: str = convert(latex, display=display)
    except Exception:  # a converter fails in ways of its own on a formula that it does not know
        return f'<span class="formula">{escape(source)}</span>'
    return formula


def _as_html(source: str) -> Markup:
    """Return Markdown as HTML: with formulas, without its own HTML, pictures and local links."""
    markdown = MarkdownIt("commonmark", {"html": False})
    markdown.inline.ruler.before("escape", "formula", _read_formula)
    blocks = markdown.parse(source)
    for token in (token for block in blocks for token in block.children or []):
        address = str(token.attrs.get("href", token.attrs.get("src")))
        if token.type == "link_open" and not address.startswith(("http:", "https:", "mailto:")):
            token.attrs.clear()
        elif token.type == "image":
            words = escape(f"[picture: {token.content} {address}]")
            token.type, token.content = "html_inline", f'<span class="picture">{words}</span>'
    return Markup(markdown.renderer.render(blocks, markdown.options, {}))


def _read_formula(state: Any, silent: bool) -> bool:
    """Read a formula, if one begins here, as HTML; this is a rule of markdown-it."""
    found = _FORMULA.match(state.src, state.pos)
    if found:
        state.pos = found.end()
        if not silent:
            state.push("html_inline", "", 0).content = formula_html(found[0])
    return bool(found)
