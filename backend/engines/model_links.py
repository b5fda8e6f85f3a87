"""Links from `models/` to `external_models/`: the rules of the entrypoint of an image, for a subprocess.

`scripts/docker-entrypoint.sh` says the same in shell; `tests/test_entrypoint.py` runs both over the same layouts.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from engines.names import is_name

logger = logging.getLogger(__name__)


def prepare(models_dir: Path, external_models_dir: Path) -> None:
    """Make both folders and link every complete external model that `models_dir` has no entry for."""
    for folder in (models_dir, external_models_dir):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            logger.warning("Cannot make '%s' (%s); what is baked in goes on working.", folder, error.strerror)
    for item in linkable(external_models_dir):
        link(models_dir / item.name, item)


def linkable(external_models_dir: Path) -> Iterator[Path]:
    """Yield the entries of `external_models_dir` that may be linked, sorted."""
    try:
        items = sorted(external_models_dir.iterdir())
    except OSError:
        return
    for item in items:
        if is_linkable_name(item.name) and stays_inside(item, external_models_dir) and holds_something(item):
            yield item


def is_linkable_name(name: str) -> bool:
    """Tell whether an entry of this name can be a model: not hidden, not half downloaded, not `lost+found`."""
    return is_name(name) and not name.endswith(".part")


def holds_something(path: Path) -> bool:
    """Tell whether `path` is a file with content or a folder with a finished entry."""
    try:
        if path.is_dir():
            return any(not entry.name.startswith(".") and not entry.name.endswith(".part") for entry in path.iterdir())
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def stays_inside(path: Path, *roots: Path) -> bool:
    """Tell whether `path`, its links followed, exists inside one of `roots`."""
    try:
        real = path.resolve(strict=True)
        return any(real.is_relative_to(root.resolve()) and real != root.resolve() for root in roots)
    except (OSError, RuntimeError):  # RuntimeError: a cycle, before Python 3.13
        return False


def link(path: Path, target: Path) -> bool:
    """Make `path` a link to `target` unless something that exists is there; tell whether it now leads there."""
    try:
        if path.is_symlink() and not path.exists() and path.readlink() != target:
            path.unlink(missing_ok=True)
        path.symlink_to(target)
        logger.info("Linked: %s", path.name)
    except FileExistsError:
        pass
    except OSError as error:
        logger.warning("Cannot link '%s' into '%s' (%s).", target.name, path.parent, error.strerror)
    return path.exists() and path.samefile(target)
