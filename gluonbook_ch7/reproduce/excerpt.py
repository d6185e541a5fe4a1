"""Text from a file, as a message can show it."""

__all__ = ["brief"]

BRIEF = 80  # characters of a file's own text in a message


def brief(text: str) -> str:
    """Return text from a file for use in a message: short, in one line, printable."""
    printable = "".join(
        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:BRIEF]
    )
    return printable + "…" * (len(text) > BRIEF)
