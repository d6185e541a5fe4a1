"""An import hook whose error explains how to make ``import gluonbook`` work."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from typing import Any, Optional

# The names under which the book's package was published.
BOOK_NAMES = ("gluonbook", "d2lzh")


class _HintFinder(MetaPathFinder):
    """Raises an error that helps, for the book's names only."""

    def find_spec(self, fullname: str, path: Optional[Sequence[str]], target: Any = None) -> None:
        __tracebackhide__ = True
        if fullname in BOOK_NAMES:
            raise ModuleNotFoundError(
                f"No module named {fullname!r}. To import gluonbook_ch7 under this name, run "
                "%load_ext gluonbook_ch7 in the notebook first, or register a Jupyter kernel that "
                "always does: gluonbook-ch7 kernel install",
                name=fullname,
            )


def install() -> None:
    """Let the hint be given where no other importer finds the book's package."""
    if not any(isinstance(finder, _HintFinder) for finder in sys.meta_path):
        sys.meta_path.append(_HintFinder())
