"""Formulas: a chapter's LaTeX as MathML, which a browser sets without running a script."""

from html import escape

from latex2mathml.converter import convert

__all__ = ["formula_html"]


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
