"""What a rerun of a chapter file writes: the executed notebook, the verdicts as JSON, the page.

The page shows every cell, its recorded output beside today's, and the verdicts. Everything that
comes from the chapter is text or a picture there: text is escaped, a figure is an ``<img>``, in
which no script runs, and the page's own policy lets it load and run nothing.
"""

import base64
import hashlib
import re
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from platform import platform, python_version
from typing import Any, Optional, Union

import jinja2
import nbformat
from markupsafe import Markup

from .. import __version__
from .._files import as_json, write_whole
from .._mxnet.install_hints import installed_version
from ..experiments.charts import fan_figure, figure_bytes
from .pictures import fan_of, likelihood_figure
from .prose import language_of, render_prose
from .runner import ChapterRun
from .verdict import Judgement, Verdict

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
_HEADING = re.compile(r"#\s+(.+)\n*")


def write_run(
    run: ChapterRun, out: Optional[Path], json_file: Optional[Path], html_file: Optional[Path]
) -> list[Path]:
    """Write what was asked for, each file whole, and return what was written.

    The folder `out` gets the executed notebook, ``<chapter>.rerun.ipynb``, and pictures of what
    each recorded curve says about its hyperparameters. The verdicts go into `json_file`, the page
    into `html_file`.
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


def make_page(run: ChapterRun) -> str:
    """Return the page of a rerun as one self-contained HTML document."""
    style = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gluonbook_ch7", "reproduce"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(in_brief=_in_brief, pictures=_pictures, shown=_shown)
    prose = [cell.source for cell in run.notebook.cells if cell.cell_type != "code"]
    title, cells = _cells(run)
    return environment.get_template("report.html").render(
        run=run,
        title=title or run.chapter.path.name,
        language=language_of("\n".join(prose)),
        headline=summarise(run),
        style=Markup(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        cells=cells,
        versions=_versions(),
        now=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        symbols=SYMBOLS,
        Verdict=Verdict,
    )


def summarise(run: ChapterRun) -> str:
    """Return in one sentence how the rerun ended."""
    different, unjudged = run.counts[Verdict.DIFFERENT], run.counts[Verdict.NOT_JUDGED]
    if run.missing:
        return f"A chapter that needs what is not installed here ({run.missing}): {run.failure}"
    if run.failure:
        return f"The run stopped: {run.failure}"
    if different:
        return f"NOT reproduced: {different} of {len(run.judgements)} outputs differ."
    if not run.is_judged:
        return "Every cell ran to its end; the chapter recorded no output that could be judged."
    but = f" ({unjudged} not judged)" if unjudged else ""
    return f"Reproduced: every cell ran to its end and nothing is different{but}."


def _versions() -> dict[str, str]:
    """Return the versions of what a rerun depends on."""
    libraries = ("mxnet", "numpy", "matplotlib")
    installed = {name: installed_version(name) or "unknown" for name in libraries}
    own = {"gluonbook_ch7": __version__, "Python": python_version(), "platform": platform()}
    return {**own, **installed}


def _cells(run: ChapterRun) -> tuple[str, list[dict[str, Any]]]:
    """Return the first heading with which a cell begins, and every cell, without that heading."""
    title, coded = "", iter(run.cells)
    cells: list[dict[str, Any]] = []
    for cell in run.notebook.cells:
        if cell.cell_type == "code":
            cells.append({"run": next(coded)})
            continue
        source, heading = cell.source, _HEADING.match(cell.source)
        if heading and not title:
            title, source = heading[1], source[heading.end() :]
        html = Markup(render_prose(source))
        cells.append({"html": html, "language": language_of(source)})
    return title, cells


def _in_brief(judgement: Judgement) -> str:
    """Return both values, where they are short enough to stand before the basis."""
    both = judgement.recorded, judgement.rerun
    return f"{' → '.join(both)}: " if all(0 < len(text) <= 16 for text in both) else ""


def _pictures(judgement: Judgement) -> list[tuple[str, str]]:
    """Return each picture that belongs to a judgement: its kind and its address."""
    fan = fan_of(judgement)
    figures = {"fan": fan and fan_figure([fan], ""), "likelihood": likelihood_figure(judgement)}
    return [
        (kind, _data_uri("image/svg+xml", figure_bytes(figure, "svg").decode()))
        for kind, figure in figures.items()
        if figure
    ]


def _shown(output: dict[str, Any]) -> dict[str, str]:
    """Return how an output is shown: a picture by its data URI, all else as text."""
    data = output.get("data", {})
    for kind in PICTURES:
        if kind in data:
            return {"kind": "picture", "text": _data_uri(kind, "".join(data[kind]))}
    if output["output_type"] == "stream":
        return {"kind": output.get("name", "stdout"), "text": _plain(output["text"])}
    if output["output_type"] == "error":
        lines = output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]
        return {"kind": "error", "text": _plain("\n".join(lines))}
    return {"kind": "value", "text": _plain(data.get("text/plain", f"({', '.join(data)})"))}


def _data_uri(kind: str, content: str) -> str:
    """Return a picture as an address that holds it; bitmaps are in base64 already."""
    if kind == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    return f"data:{kind};base64,{''.join(content.split())}"


def _plain(text: Any) -> str:
    """Return text without the colours and control characters of a terminal."""
    return _CONTROL.sub("�", _ANSI.sub("", "".join(text)))
