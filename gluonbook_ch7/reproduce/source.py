"""What a chapter's code says before it is run: whether it is one that can run here."""

import ast
from collections.abc import Iterator, Sequence

from IPython.core.inputtransformer2 import TransformerManager

from .notedown import Cell

__all__ = ["why_unsupported"]

# Functions of gluonbook before 0.7.8, when the chapter had other loops.
EARLY = ("data_iter", "optimize", "semilogy")


def why_unsupported(cells: Sequence[Cell]) -> str:
    """Return what a chapter is if it is known not to run here, or ''.

    The book has a second edition, with another package and NumPy's interface; and this chapter had
    an earlier form, until September 2018.
    """
    trees = list(_trees(cells))
    modules = {module for tree in trees for module in _imported(tree)}
    if modules & {"d2l", "mxnet.np", "mxnet.npx"}:
        return (
            "a file of the book's second edition (d2l, mxnet.np), which is another book; this "
            "package runs the first edition's (gluonbook, d2lzh)"
        )
    attributes = {
        node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    early = [name for name in EARLY if name in attributes]
    if "gluonbook" in modules and early:
        return (
            f"a file of gluonbook before 0.7.8 (it uses {', '.join(early)}), when the chapter had "
            "other functions"
        )
    return ""


def _trees(cells: Sequence[Cell]) -> Iterator[ast.Module]:
    """Yield the syntax tree of each code cell that has one; magic commands become calls."""
    transformer = TransformerManager()
    for cell in cells:
        if cell.kind == "code":
            try:
                yield ast.parse(transformer.transform_cell(cell.source))
            except (SyntaxError, ValueError):
                continue


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield the modules that a cell imports; of ``from mxnet import np`` also ``mxnet.np``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
