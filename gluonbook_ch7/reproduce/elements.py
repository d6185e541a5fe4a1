"""An SVG document as a tree of elements, whoever wrote it.

Parsing it cannot take more memory than the document, nothing here recurses into it, and a number
that is not plainly one is refused.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from xml.sax.saxutils import unescape

from ..errors import RecordError, brief

__all__ = ["drawn", "element_id", "is_moved", "number", "numbers", "parse", "tag", "words"]

LONGEST = 10_000_000  # characters; a figure of the book has 30,000
FARTHEST = 1e9  # points

# What lets a short document stand for a long one: entities, and defaults for attributes.
_EXPANSION = re.compile("<!(?:ENTITY|ATTLIST)")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)


def parse(svg: str) -> ET.Element:
    """Parse the SVG, comments included: there Matplotlib keeps the words it draws as outlines."""
    if len(svg) > LONGEST:
        raise RecordError(f"the SVG has more than {LONGEST:,} characters")
    if _EXPANSION.search(svg):
        raise RecordError("the SVG declares entities or attributes, which are not read")
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    try:
        root: ET.Element = ET.fromstring(svg, parser=parser)
    except (ET.ParseError, UnicodeEncodeError) as error:
        raise RecordError(f"the SVG is not XML ({brief(str(error))})") from error
    return root


def tag(element: ET.Element) -> str:
    """Return the element's name without its namespace; '' for a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def element_id(element: ET.Element) -> str:
    """Return the element's id, or ''."""
    return element.get("id", "")


def drawn(element: ET.Element) -> Iterator[ET.Element]:
    """Yield everything below the element that is drawn where it stands: not what is in <defs>."""
    waiting = list(reversed(element))
    while waiting:
        child = waiting.pop()
        if tag(child) != "defs":
            yield child
            waiting.extend(reversed(child))


def is_moved(element: ET.Element) -> bool:
    """Tell whether something is drawn elsewhere than its coordinates say."""
    return any(each.get("transform") for each in [element, *drawn(element)])


def words(element: ET.Element) -> str:
    """Return the text that an element draws, from comments or else from <text> elements."""
    below = list(drawn(element))
    # A comment has no name but the function that makes comments.
    found = [
        unescape((child.text or "").strip()) for child in below if not isinstance(child.tag, str)
    ]
    if not found:
        found = ["".join(child.itertext()).strip() for child in below if tag(child) == "text"]
    return "\n".join(found)


def number(text: str) -> float:
    """Return the number that a text is: digits, at most with a sign, a point and an exponent."""
    if not _NUMBER.fullmatch(text):
        raise RecordError(f"{brief(text)!r} is not a number")
    return float(text)


def numbers(text: str) -> list[float]:
    """Return positions in points; between them are blanks or commas."""
    positions = [number(word) for word in text.replace(",", " ").split()]
    if not all(abs(position) < FARTHEST for position in positions):
        raise RecordError(f"a position is beyond {FARTHEST:.0e} points")
    return positions
