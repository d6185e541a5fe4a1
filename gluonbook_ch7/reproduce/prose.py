"""A chapter's prose as HTML that loads and runs nothing."""

import re
from html import escape
from typing import Any

from latex2mathml.converter import convert
from markdown_it import MarkdownIt

_FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.DOTALL)
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")
# Other addresses are relative to where the chapter once was.
_OUTSIDE = ("http:", "https:", "mailto:")


def language_of(text: str) -> str:
    """Return "zh" if more than a quarter of the letters, formulas aside, are Chinese, else "en"."""
    text = _FORMULA.sub("", text)
    return "zh" if 4 * len(_HAN.findall(text)) > len(_LETTER.findall(text)) else "en"


def formula_html(source: str) -> str:
    """Return a formula, LaTeX between one or two dollar signs, as MathML.

    Returns the escaped source if the formula cannot be converted. The page's own content policy
    keeps anything that a formula might bring along from being loaded or run.
    """
    display = "block" if source.startswith("$$") else "inline"
    # The converter copies the content of \text as it stands, so no tag may reach it.
    latex = source.strip("$").replace("<", r"\lt ").replace(">", r"\gt ").strip()
    try:
        formula: str = convert(latex, display=display)
    except Exception:  # a converter fails in ways of its own on a formula that it does not know
        return f'<span class="formula">{escape(source)}</span>'
    return formula


def render_prose(source: str) -> str:
    """Return Markdown as HTML: with formulas, and without its own HTML and pictures.

    A link to another file of the book, which is not there, leads nowhere.
    """
    renderer = MarkdownIt("commonmark", {"html": False})
    renderer.inline.ruler.before("escape", "formula", _read_formula)
    renderer.add_render_rule("formula", _write_formula)
    renderer.add_render_rule("image", _write_picture)
    renderer.add_render_rule("link_open", _write_link)
    html: str = renderer.render(source)
    return html


def _read_formula(state: Any, silent: bool) -> bool:
    found = _FORMULA.match(state.src, state.pos)
    if found and not silent:
        state.push("formula", "", 0).content = found[0]
    if found:
        state.pos = found.end()
    return bool(found)


def _write_formula(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    return formula_html(tokens[index].content)


def _write_picture(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    words = f"[picture: {tokens[index].content} {tokens[index].attrs.get('src', '')}]"
    return f'<span class="picture">{escape(words)}</span>'


def _write_link(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    if not str(tokens[index].attrs.get("href", "")).startswith(_OUTSIDE):
        tokens[index].attrs.clear()
    html: str = self.renderToken(tokens, index, options, env)
    return html
