"""Link `external_models/` into `models/`: what the entrypoint of an image does, for a subprocess.

`scripts/docker-entrypoint.sh` does the same in shell, and a test runs both on the same layouts.
"""

import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from engines.store.names import is_name

logger = logging.getLogger(__name__)


def prepare(models_dir: Path, external_models_dir: Path) -> frozenset[str]:
    """Make both folders and link every complete external entry that is not in `models_dir` yet.

    Returns a message for each problem. Safe to run in several processes at once.
    """
    problems = []
    for folder in (models_dir, external_models_dir):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problems.append(f"Cannot create '{folder}' ({error.strerror}); only baked-in models can be used.")
    for item in _external(external_models_dir):
        if item.is_symlink() and not leads_inside(item, external_models_dir):
            problems.append(f"Skipped '{item}': it is a dangling link, or leads outside '{external_models_dir}'.")
        elif leads_inside(item, external_models_dir) and holds_something(item):
            try:
                _link(models_dir / item.name, item)
            except OSError as error:
                problems.append(f"Cannot link '{item}' into '{models_dir}' ({error.strerror}); it cannot be used.")
    return frozenset(problems)


def may_be_model(name: str) -> bool:
    """Return whether `name` can be a model: a valid name, and not that of an incomplete download or a README."""
    return is_name(name) and _is_finished(name) and name.lower().partition(".")[0] != "readme"


def holds_something(path: Path) -> bool:
    """Return whether `path` is a readable, non-empty file, or a readable folder with a complete entry."""
    try:
        if not os.access(path, os.R_OK):
            return False
        if path.is_dir():
            return any(_is_finished(entry.name) for entry in path.iterdir())
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def leads_inside(path: Path, *roots: Path) -> bool:
    """Return whether `path` exists and resolves to a path in one of `roots`."""
    try:
        real = path.resolve(strict=True)
        return any(root.resolve() in real.parents for root in roots)
    except (OSError, RuntimeError):  # RuntimeError: a symlink loop, before Python 3.13
        return False


def is_inside(path: Path, *roots: Path) -> bool:
    """Return whether `path` and everything below it resolve to paths in one of `roots`."""
    try:
        return leads_inside(path, *roots) and all(leads_inside(link, *roots) for link in _links_below(path, set()))
    except OSError:  # unreadable
        return False


def _links_below(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """Yield the valid links in `folder`, and those in the folders they lead to."""
    real = folder.resolve()
    if not real.is_dir() or real in seen:
        return
    seen.add(real)
    for entry in real.iterdir():
        if entry.is_symlink():
            if not entry.exists():
                continue  # a dangling link is harmless; the engine knows whether the file is needed
            yield entry
        if entry.is_dir():
            yield from _links_below(entry, seen)


def _external(external_models_dir: Path) -> Iterator[Path]:
    """Return the possible models in `external_models_dir`, sorted."""
    try:
        items = sorted(external_models_dir.iterdir())
    except OSError:  # not mounted, or unreadable
        return
    for item in items:
        if may_be_model(item.name):
            yield item


def _is_finished(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(".part") and name != "lost+found"


def _link(path: Path, item: Path) -> None:
    """Link `path` to `item`, unless `path` exists."""
    if path.exists():
        return
    if path.is_symlink():  # a dangling link: its target has moved
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        temporary.symlink_to(item)
        temporary.replace(path)
    else:
        try:
            path.symlink_to(item)
        except FileExistsError:  # another process was faster
            return
    logger.info("Linked: %s", path.name)
