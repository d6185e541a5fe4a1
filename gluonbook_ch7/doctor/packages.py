"""The packages: what this one asks for, by its installed metadata, and what of it is there."""

from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple, Optional

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["Package", "extras", "wanted"]

OURS = "gluonbook_ch7"


class Package(NamedTuple):
    """A package that is asked for: its name, the versions that fit, and the one that is there."""

    name: str
    specifier: str
    version: Optional[str]
    fits: bool

    def __str__(self) -> str:
        if self.fits:
            return f"{self.name} {self.version}"
        there = f" (there is {self.version})" if self.version else ""
        return f"{self.name}{self.specifier}{there}"


def extras() -> list[str]:
    """Return the names of our extras."""
    return metadata.distribution(OURS).metadata.get_all("Provides-Extra") or []


def wanted(extra: str = "") -> list[Package]:
    """Return the packages that we ask for, or that one of our extras adds.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        We were not installed, only found.
    """
    found = {}
    for requirement in _requirements(OURS, extra):
        found[canonicalize_name(requirement.name)] = _package(requirement)
    return list(found.values())


def _requirements(distribution: str, extra: str) -> Iterator[Requirement]:
    """Yield what a distribution, or one of its extras, asks for on this Python and platform."""
    for line in metadata.requires(distribution) or []:
        requirement = Requirement(line)
        # An extra adds neither what is asked for without it, nor another extra of ours.
        adds = _holds(requirement, extra) and not (extra and _holds(requirement, ""))
        if not adds or requirement.name == OURS:
            continue
        yield requirement
        for inner in requirement.extras:
            if _version(requirement.name):
                yield from _requirements(requirement.name, inner)


def _holds(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _package(requirement: Requirement) -> Package:
    version = _version(requirement.name)
    fits = version is not None and requirement.specifier.contains(version, prereleases=True)
    return Package(requirement.name, str(requirement.specifier), version, fits)


def _version(name: str) -> Optional[str]:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
