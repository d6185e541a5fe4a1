"""What is built from the checkout: the sdist and the wheel, their contents and their metadata."""

import email
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import gluonbook_ch7

ROOT = Path(__file__).resolve().parents[1]
NAME = f"gluonbook_ch7-{gluonbook_ch7.__version__}"
PACKAGE_FILES = {".py", ".pyi", ".typed", ".json", ".html", ".css"}

# What lies about in a checkout that somebody works in.
LEFT_OVERS = (
    "data/airfoil_self_noise.dat",
    "out/page.html",
    "tests/__pycache__/book.cpython-311.pyc",
    "gluonbook_ch7/__pycache__/rules.cpython-311.pyc",
    "scripts/out/rmsprop.svg",
    "docs/_build/html/index.html",
    "docs/sections/rmsprop.ipynb",
    ".hypothesis/examples/1",
    ".coverage",
)


def build(kind, tree, folder):
    """Build an sdist or a wheel as pip and build do, from what is installed here."""
    code = f"import setuptools.build_meta as backend; backend.build_{kind}({str(folder)!r})"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    (artefact,) = folder.iterdir()
    return artefact


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Copy the checkout, because building writes into it, and leave things about in the copy."""
    tree = tmp_path_factory.mktemp("artefacts") / "tree"
    ignored = shutil.ignore_patterns(
        ".git", "build", "dist", "*.egg-info", "*cache*", ".venv", "_build"
    )
    shutil.copytree(ROOT, tree, ignore=ignored)
    for name in LEFT_OVERS:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("left over\n")
    return tree


@pytest.fixture(scope="module")
def sdist(tree, tmp_path_factory):
    """Return the folder that the sdist unpacks to."""
    built = build("sdist", tree, tmp_path_factory.mktemp("sdist"))
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(built) as archive:
        archive.extractall(folder)
    return folder / NAME


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    return contents(build("wheel", tree, tmp_path_factory.mktemp("wheel")))


@pytest.fixture(scope="module")
def metadata(wheel):
    return email.message_from_bytes(wheel[f"{NAME}.dist-info/METADATA"])


def files_in(tree, folders, kinds):
    found = (path for folder in folders for path in (tree / folder).rglob("*"))
    return {str(path.relative_to(tree)) for path in found if path.suffix in kinds}


def test_the_wheel_has_the_package_and_nothing_else(wheel, tree):
    """If this fails, an installed package misses a file, or brings tests, data or caches along."""
    about = {name for name in wheel if name.startswith(f"{NAME}.dist-info/")}
    assert set(wheel) - about == files_in(tree, ["gluonbook_ch7"], PACKAGE_FILES)
    assert {
        "gluonbook_ch7/py.typed",
        "gluonbook_ch7/__init__.pyi",
        "gluonbook_ch7/recorded/rmsprop.json",
        "gluonbook_ch7/reproduce/report.html",
        "gluonbook_ch7/reproduce/report.css",
    } <= set(wheel)
    assert {Path(name).name for name in about} == {
        "LICENSE", "METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt"
    }  # fmt: skip


def test_the_wheel_installs_the_command_and_names_its_licence(wheel, metadata):
    """If this fails, `gluonbook-ch7` is not there after an install, or the licence is not known."""
    entry_points = wheel[f"{NAME}.dist-info/entry_points.txt"].decode()
    assert "gluonbook-ch7 = gluonbook_ch7.cli:main" in entry_points
    assert "Apache-2.0" in (metadata["License-Expression"], metadata["License"])
    assert metadata["Requires-Python"] == ">=3.9"
    assert wheel[f"{NAME}.dist-info/WHEEL"].decode().count("Tag: py3-none-any") == 1


def test_mxnet_is_asked_for_only_where_pip_can_install_it(metadata):
    """If this fails, `pip install .` fails on CPython 3.13, on a Mac, or on an ARM machine."""
    (requirement,) = [line for line in metadata.get_all("Requires-Dist") if "mxnet" in line]
    wanted, _, marker = requirement.partition(";")
    assert wanted.strip() == "mxnet==1.9.1"
    for condition in (
        'sys_platform == "linux"',
        'platform_machine == "x86_64"',
        'python_version < "3.13"',
    ):
        assert condition in marker


def test_the_sdist_has_what_it_takes_to_build_and_test_and_nothing_else(sdist, tree):
    """If this fails, who packages the project cannot test it, or gets what is not the project's."""
    files = {str(path.relative_to(sdist)) for path in sdist.rglob("*") if path.is_file()}
    files = {name for name in files if not name.startswith("gluonbook_ch7.egg-info/")}
    expected = files_in(tree, ["gluonbook_ch7"], PACKAGE_FILES)
    expected |= files_in(tree, ["scripts"], {".py"})
    expected |= files_in(tree, ["tests"], {".py", ".md", ".svg"})
    site = files_in(tree, ["docs"], {".md", ".py", ".html", ".js", ".css", ".png"})
    expected |= site - {"docs/_build/html/index.html"}
    assert files - expected == {
        "CHANGELOG.md",
        "CITATION.cff",
        "CONTRIBUTING.md",
        "LICENSE",
        "MANIFEST.in",
        "PKG-INFO",
        "README.md",
        "README.zh.md",
        "data/README.md",
        "noxfile.py",
        "pyproject.toml",
        "ruff.toml",
        "setup.cfg",
    }
    assert expected <= files


def test_the_sdist_builds_the_same_wheel_as_the_checkout(sdist, wheel, tmp_path):
    """If this fails, what an index gives out is not what was tested."""
    copy, folder = tmp_path / "copy", tmp_path / "wheel"
    shutil.copytree(sdist, copy)
    folder.mkdir()
    assert contents(build("wheel", copy, folder)) == wheel


def test_the_version_is_the_same_wherever_it_is_written(metadata):
    """If this fails, a citation or the changelog speaks of another release than pip installs."""
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    cited = re.search(r"^version: [\"']?([\w.]+)", citation, re.MULTILINE)
    newest = re.search(r"^## \[?v?(\d[\w.]*)", changelog, re.MULTILINE)
    assert metadata["Version"] == gluonbook_ch7.__version__
    assert cited
    assert newest
    assert cited.group(1) == newest.group(1) == gluonbook_ch7.__version__
