"""Formulas: a chapter's LaTeX as MathML, which a browser sets without running a script."""

import xml.etree.ElementTree as ET
from html import escape

from latex2mathml.converter import convert

__all__ = ["formula_html"]

MATHML = "http://www.w3.org/1998/Math/MathML"
ELEMENTS = frozenset(
    """math mrow mi mn mo ms mtext mspace msub msup msubsup munder mover munderover mfrac msqrt
    mroot mtable mtr mtd mstyle mpadded mphantom""".split()  # noqa: SIM905
)
ATTRIBUTES = frozenset(
    """display displaystyle mathvariant stretchy fence separator form accent accentunder
    linethickness columnalign rowalign width height depth lspace rspace minsize maxsize
    scriptlevel""".split()  # noqa: SIM905
)

ET.register_namespace("", MATHML)


def formula_html(source: str) -> str:
    """Return a formula as HTML.

    Parameters
    ----------
    source : str
        LaTeX between dollar signs; two on each side set it on a line of its own.

    Returns
    -------
    str
        MathML; or the escaped source, if the formula cannot be converted into plain MathML.
    """
    display = "block" if source.startswith("$$") else "inline"
    try:
        formula = ET.fromstring(convert(source.strip("$").strip(), display=display))
        _check(formula)
        return ET.tostring(formula, encoding="unicode")
    except Exception:  # whatever a converter makes of a chapter's text, the page shows it
        return f'<span class="formula">{escape(source)}</span>'


def _check(formula: ET.Element) -> None:
    """Refuse what is more than a formula: other elements, links, handlers."""
    for element in formula.iter():
        if element.tag.replace(f"{{{MATHML}}}", "") not in ELEMENTS:
            raise ValueError(f"{element.tag} is no element of a formula")
        for name in set(element.attrib) - ATTRIBUTES:
            raise ValueError(f"{name} is no attribute of a formula")
