"""The package is built in the layers that docs/ARCHITECTURE.md describes."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gluonbook_ch7"
DESCRIPTION = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")


def imported_modules(path):
    """Return the modules of the package that a module imports, as paths below the package."""
    folder = path.relative_to(PACKAGE).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = folder[: len(folder) - node.level + 1]
        base += tuple(node.module.split(".")) if node.module else ()
        for name in node.names:
            target = PACKAGE.joinpath(*base, name.name)
            if not target.with_suffix(".py").is_file() and not target.is_dir():
                target = PACKAGE.joinpath(*base)
            yield target if target.is_dir() else target.with_suffix(".py")


LAYERS = DESCRIPTION.split("## Who imports whom")[1].split("## ")[0]


def layers():
    """Return each part's place in the list of layers."""
    listed = re.findall(r"^\d+\. (.*)$", LAYERS, re.MULTILINE)
    layered = [re.findall(r"`(\w+)`", line) for line in listed]
    return {part: number for number, parts in enumerate(layered) for part in parts}


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_imports_point_downwards():
    """If this fails, the heart depends on what stands on it, and cannot be read without it."""
    order = layers()
    for path in PACKAGE.rglob("*.py"):
        if part_of(path) in ("__init__", "__main__"):
            continue
        for imported in imported_modules(path):
            if imported == PACKAGE or part_of(imported) == part_of(path):
                continue
            assert order[part_of(imported)] < order[part_of(path)], f"{path} imports {imported}"


def test_no_modules_import_each_other():
    """If this fails, two modules can only be understood, and sometimes imported, together."""
    graph = {path: set(imported_modules(path)) for path in PACKAGE.rglob("*.py")}
    # `from . import name` names a folder; what matters is the module that is meant.
    graph = {
        path: {target for target in targets if target.is_file()} for path, targets in graph.items()
    }
    order = list(TopologicalSorter(graph).static_order())
    assert len(order) == len(graph)


def test_the_description_names_every_part():
    """If this fails, someone looks for a module in the description and does not find it."""
    parts = {
        part_of(path)
        for path in PACKAGE.rglob("*.py")
        if part_of(path) not in ("__init__", "__main__")
    }
    assert parts == set(layers())
    table = DESCRIPTION.split("## Who imports whom")[0]
    assert all(f"`{part}.py`" in table or f"`{part}/`" in table for part in parts)


def test_only_one_place_imports_mxnet():
    """If this fails, MXNet is imported where nobody has readied NumPy for it."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            imports_mxnet = any(name.split(".")[0] == "mxnet" for name in names)
            assert not imports_mxnet or part_of(path) == "_mxnet", path
