"""A Sphinx extension: pages from the lessons in scripts/, and formulas without a network."""

import re
from importlib.util import find_spec
from pathlib import Path
from shutil import copyfile

import jupytext
import nbformat
from section import LESSONS

HERE = Path(__file__).parent
BUTTON = (
    '<p><a class="download-notebook" href="{notebook}" download>Download this page as a notebook'
    "</a></p>"
)


def write_notebooks(app, config):
    """Make a notebook of each lesson, for Sphinx to run and for the reader to download."""
    for lesson in LESSONS:
        notebook = jupytext.read(HERE.parent / "scripts" / f"{lesson}.py", fmt="py:percent")
        notebook.metadata = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        }
        for number, cell in enumerate(notebook.cells):
            cell.id = f"cell-{number}"
            # The title after a cell's "# %%" says what its figure shows.
            title = cell.metadata.pop("title", None)
            if title:
                cell.metadata["mystnb"] = {"image": {"alt": title}}
        text = nbformat.writes(notebook) + "\n"
        path = HERE / "sections" / f"{lesson}.ipynb"
        # An unchanged page keeps its time stamp, so that Sphinx need not run it again.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")


def add_download_button(app, page, template, context, doctree):
    """Put a button under the title of each page that is a notebook."""
    if page.startswith("sections/") and page.split("/")[1] in LESSONS:
        button = BUTTON.format(notebook=context["pathto"](f"_sources/{page}.ipynb", 1))
        context["body"] = context["body"].replace("</h1>", "</h1>" + button, 1)


def mark_chinese(app, page, template, context, doctree):
    """Say that a Chinese summary is Chinese, for screen readers and the choice of fonts."""
    body = context.get("body", "")
    context["body"] = re.sub(
        r'<section (id="[^"]*">\s*<h2>中文小结)', r'<section lang="zh-CN" \1', body
    )


def copy_mathjax(app, exception):
    """Copy MathJax from its package into the finished site."""
    if exception is None and app.builder.format == "html":
        package = Path(find_spec("sphinx-mathjax-offline").origin).parent
        copyfile(package / "static/mathjax/tex-svg.js", app.outdir / "_static" / "tex-svg.js")


def setup(app):
    app.connect("config-inited", write_notebooks)
    app.connect("html-page-context", add_download_button)
    app.connect("html-page-context", mark_chinese)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
