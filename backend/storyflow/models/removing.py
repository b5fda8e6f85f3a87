"""Remove an installed model: only the files in its manifest, never the user's own."""

import contextlib
import threading
from pathlib import Path

from engines.downloading.staging import lock_path
from engines.store.folder_lock import exclusive
from engines.store.manifest import listed_paths, manifest_path
from engines.store.names import path_inside
from engines.store.stamps import stamp_path
from storyflow.models.errors import RefusedModelError
from storyflow.models.library import InstalledModel


def remove(model: InstalledModel) -> list[Path]:
    """Remove an installed model and return its files; raise RefusedModelError for a model put there by hand.

    The ONNX file is removed first, so that an interruption never leaves an incomplete model that looks complete.
    """
    if not model.files:
        raise RefusedModelError(
            f"'{model.path}' was put there by hand and is not removed. Remove it and its voices yourself."
        )
    with exclusive(lock_path(model.home), threading.Event(), lambda: None):
        folder = model.home if model.home.is_dir() else model.home.parent
        files = sorted(listed_paths(model.home), key=lambda path: path != model.path)
        for path in files:
            path_inside(folder, str(path.relative_to(folder.resolve()))).unlink(missing_ok=True)
        notes = stamp_path(model.home), manifest_path(model.home)
        for note in notes:
            note.unlink(missing_ok=True)
        _remove_empty(folder, {path.parent for path in files}, keep=not model.home.is_dir())
    return files


def _remove_empty(folder: Path, inner: set[Path], keep: bool) -> None:
    """Remove the model's empty folders; `keep` is set if `folder` is the models folder itself."""
    for path in sorted(inner | {folder}, key=lambda path: -len(path.parts)):
        if not (keep and path.resolve() == folder.resolve()):
            with contextlib.suppress(OSError):
                path.rmdir()
