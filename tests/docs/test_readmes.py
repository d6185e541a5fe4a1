"""The two READMEs say the same, and what they say works."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gluonbook_ch7.cli import main

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")


def headings(text):
    """Return the level of each heading, in order."""
    return [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)]


def commands(text):
    """Return the lines of the indented blocks, in order."""
    return re.findall(r"^    (.+)$", text, re.MULTILINE)


def code(text):
    return re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)


def numbers(text):
    """Return all numbers outside of code blocks and tables' rulers, sorted."""
    prose = re.sub(r"^```.*?^```|^    .+$", "", text, flags=re.MULTILINE | re.DOTALL)
    return sorted(re.findall(r"\d+(?:\.\d+)*", prose.replace("1,000", "1000")))


def links(text):
    """Return the addresses that are linked to, but for the other README."""
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [address for address in found if not address.startswith("README")]


@pytest.mark.parametrize("part", [headings, commands, code, numbers, links])
def test_the_readmes_are_in_step(part):
    """If this fails, Chinese readers read something else than English ones."""
    assert part(ENGLISH) == part(CHINESE)
    assert part(ENGLISH)


def test_both_titles_are_the_packages():
    """If this fails, one of the READMEs belongs to something else."""
    assert ENGLISH.startswith("# gluonbook_ch7\n")
    assert CHINESE.startswith("# gluonbook_ch7\n")


@pytest.mark.parametrize("address", sorted(set(links(ENGLISH))))
def test_links_lead_somewhere(address):
    """If this fails, a reader of the README clicks into nothing."""
    if address.startswith("https:"):
        assert address == "https://doi.org/10.24432/C5VW2C"
        return
    path, _, anchor = address.partition("#")
    assert (ROOT / path).exists()
    if anchor:
        title = anchor.replace("-", " ")
        assert f"## {title}" in (ROOT / path).read_text(encoding="utf-8").lower()


def test_every_command_takes_the_options_that_are_shown():
    """If this fails, someone who types what the README says gets an error about usage."""
    shown = [command for command in commands(ENGLISH) if command.startswith("gluonbook-ch7")]
    assert len(shown) >= 3
    for command in shown:
        name = shlex.split(command)[1]
        described = CliRunner().invoke(main, [name, "--help"]).output
        options = [word for word in shlex.split(command) if word.startswith("--")]
        if name == "sweep":  # --lr and --gamma are the rule's own
            options = [word for word in options if word not in ("--lr", "--gamma")]
        for option in options:
            assert option in described, command


def test_the_readme_takes_two_screens():
    """If this fails, the README has grown again; details belong into docs/."""
    assert len(ENGLISH.splitlines()) <= 100
