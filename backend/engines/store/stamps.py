"""Check whether a model still matches its manifest, without reading all of it every time.

Hashing a 330 MB model takes a good part of the time of loading it. So a full check saves the state of every file in a
stamp next to the manifest, and a model that differs from its stamp is hashed again: a copy has other times but the same
bytes. Silent disk corruption is found by `check_all`, which `storyflow models verify` and every load of an engine use.
"""

import contextlib
import hashlib
import json
from pathlib import Path

from engines.store.file_state import state_of
from engines.store.manifest import (
    DamagedModelError,
    listed_files,
    listed_paths,
    manifest_path,
    model_of,
    verify_model,
)
from engines.store.publishing import publish

_SUFFIX = "storyflow-verified.json"


def check_all(model: Path) -> None:
    """Verify all files of `model` against its manifest, if it has one, and save the stamp; raises DamagedModelError."""
    note = _note_of(model)  # taken before the check, so that a file changed meanwhile differs
    verify_model(model)
    _keep(model, note)


def check_unchanged(model: Path) -> None:
    """Raise DamagedModelError if the files of `model` do not match its manifest, using the stamp as described above."""
    if listed_files(model) is not None and not _is_as_noted(model):
        check_all(model)


def note_verified(model: Path) -> None:
    """Save the stamp of a `model` that has just been verified; does nothing if the folder is not writable."""
    _keep(model, _note_of(model))


def listed_digest(file: Path) -> str | None:
    """Return the SHA-256 of `file` from its manifest, if it has one and the model is unchanged; None otherwise."""
    with contextlib.suppress(OSError, DamagedModelError):
        model = model_of(file)
        if model and _is_as_noted(model):
            return listed_paths(model)[file.resolve()].sha256
    return None


def stamp_path(model: Path) -> Path:
    """Return the path of the stamp: a hidden file next to the manifest."""
    manifest = manifest_path(model)
    return manifest.with_name(f".{manifest.name.lstrip('.').removesuffix('.json')}.{_SUFFIX}")


def _is_as_noted(model: Path) -> bool:
    try:
        return stamp_path(model).read_bytes() == _note_of(model)
    except OSError:
        return False


def _note_of(model: Path) -> bytes | None:
    """Return the content of a current stamp; None if a file's state cannot be read."""
    with contextlib.suppress(OSError, DamagedModelError):
        files = {entry.path: state_of(path) for path, entry in listed_paths(model).items()}
        listed = hashlib.sha256(manifest_path(model).read_bytes()).hexdigest()
        return json.dumps({"manifest": listed, "files": files}).encode()
    return None


def _keep(model: Path, note: bytes | None) -> None:
    if note is not None:
        with contextlib.suppress(OSError):
            publish(stamp_path(model), note)
