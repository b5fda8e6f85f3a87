"""How this software was installed, and the command that installs its extras.

What reads a package's metadata is imported when it is needed: every start asks for the source tree, few for extras.
"""

import importlib.util
import json
import re
import shlex
import sys
from pathlib import Path

_DISTRIBUTION = "storyflow-voice"
_BACKEND = Path(__file__).resolve().parents[2]


def project_root() -> Path | None:
    """Return the root of the source tree that this code runs from; None if it is installed."""
    return _BACKEND.parent if (_BACKEND / "manage.py").is_file() else None


def install_command(extra: str) -> str:
    """Return the command that installs the packages of `extra`, depending on how this software was installed.

    It never uses the distribution's name: that is not registered in a package index, so anyone could take it.
    """
    root = project_root()
    if root and (root / "pyproject.toml").is_file():
        return f'{pip_install()} -e "{root}[{extra}]"'
    source = _installed_from()
    if source:
        return f'{pip_install()} "{source}[{extra}]"'
    packages = " ".join(f'"{requirement}"' for requirement in requirements_of(extra))
    return f"{pip_install()} {packages or f'-r requirements-{extra}.txt'}"  # copied code has neither


def requirements_of(extra: str) -> list[str]:
    """Return the requirements of `extra` in pip's format, from the requirements file or the package metadata."""
    listed = _BACKEND / f"requirements-{extra}.txt" if extra != "engines" else _BACKEND / "engines" / "requirements.txt"
    if listed.is_file():
        lines = (re.split("[#;]", line)[0].strip() for line in listed.read_text(encoding="utf-8").splitlines())
        return [line for line in lines if line]
    from importlib import metadata

    try:
        wanted = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    marker = re.compile(rf"extra\s*==\s*['\"]{re.escape(extra)}['\"]")
    return [requirement.split(";")[0].strip() for requirement in wanted if marker.search(requirement)]


def _installed_from() -> Path | None:
    """Return the folder or wheel that pip installed from (PEP 610), if it still exists."""
    from importlib import metadata
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        noted = metadata.distribution(_DISTRIBUTION).read_text("direct_url.json")
        url = urlsplit(json.loads(noted)["url"]) if noted else None
    except (metadata.PackageNotFoundError, ValueError, KeyError):
        return None
    if url is None or url.scheme != "file":
        return None
    path = Path(url2pathname(url.path))
    return path if path.exists() else None


def pip_install() -> str:
    python = shlex.quote(sys.executable) if sys.executable else "python"
    if importlib.util.find_spec("pip") is None:  # as in environments created by uv
        return f"uv pip install --python {python}"
    return f"{python} -m pip install"
