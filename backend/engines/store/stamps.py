"""Whether a model is still what its manifest says, without reading all of it every time it is looked at.

Reading and hashing a model of 330 MB takes a good part of the time that loading it takes. So each full reading notes
the state of every file beside the manifest. What differs from the note is read in full again: a copy of a model has
other times and the same bytes. Rot of the disk itself, which no file system notices, is found by `check_all`, which is
what `storyflow models verify` and each load of an engine do.
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
    """Read every file of `model` against its manifest, where it has one, and note that; raises DamagedModelError."""
    note = _note_of(model)  # before the reading: a file that changes meanwhile differs from it
    verify_model(model)
    _keep(model, note)


def check_unchanged(model: Path) -> None:
    """Raise DamagedModelError where the files of `model` are not what its manifest says; see above how it knows."""
    if listed_files(model) is not None and not _is_as_noted(model):
        check_all(model)


def note_verified(model: Path) -> None:
    """Note that all of `model` has just been read and was right; without an effect where nothing can be written."""
    _keep(model, _note_of(model))


def listed_digest(file: Path) -> str | None:
    """Return the SHA-256 of `file` without reading it, where a manifest lists it and nothing of its model changed."""
    with contextlib.suppress(OSError, DamagedModelError):
        model = model_of(file)
        if model and _is_as_noted(model):
            return listed_paths(model)[file.resolve()].sha256
    return None


def stamp_path(model: Path) -> Path:
    """Return where the note lies: hidden, beside the manifest."""
    manifest = manifest_path(model)
    return manifest.with_name(f".{manifest.name.lstrip('.').removesuffix('.json')}.{_SUFFIX}")


def _is_as_noted(model: Path) -> bool:
    try:
        return stamp_path(model).read_bytes() == _note_of(model)
    except OSError:
        return False


def _note_of(model: Path) -> bytes | None:
    """Return the note as it would be written now; None where that cannot be told."""
    with contextlib.suppress(OSError, DamagedModelError):
        files = {entry.path: state_of(path) for path, entry in listed_paths(model).items()}
        listed = hashlib.sha256(manifest_path(model).read_bytes()).hexdigest()
        return json.dumps({"manifest": listed, "files": files}).encode()
    return None


def _keep(model: Path, note: bytes | None) -> None:
    if note is not None:
        with contextlib.suppress(OSError):
            publish(stamp_path(model), note)
