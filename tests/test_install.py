"""What the README and pyproject.toml say about installing, held against setup.cfg."""

import configparser
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def required():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options"]["install_requires"].strip().splitlines()
    return {Requirement(line).name: Requirement(line) for line in lines}


def test_the_command_for_an_environment_in_use_names_every_requirement(required):
    """If this fails, a package is missing after the README's command, or NumPy 2 is replaced."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (named,) = re.findall(r"pip install --no-deps mxnet==1.9.1 \. && pip install (.*)", readme)
    assert {"mxnet", *named.split()} == set(required)


def test_uv_is_told_the_mxnet_and_the_numpy_that_pip_is_told(required):
    """If this fails, uv installs another MXNet, or replaces NumPy 2."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    overrides = [
        Requirement(line) for line in re.findall(r'^    "(.*)",$', project, flags=re.MULTILINE)
    ]
    for override in overrides:
        assert override.specifier == required[override.name].specifier
        assert str(override.marker) in str(required[override.name].marker)
    assert {override.name for override in overrides} == {"numpy", "graphviz", "mxnet"}
