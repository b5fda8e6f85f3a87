"""Whether a model is still what its manifest says, without reading all of it every time it is loaded.

Reading and hashing a model of 330 MB takes a good part of the time that loading it takes. So each full reading notes,
beside the manifest, the size, the times of change and the inode of every file. Writing to a file, cutting it or putting
another in its place changes one of them, and the time of the last status change (ctime) cannot be set back. What
differs from the note is read in full again: a copy of a model has other times and the same bytes. Rot of the disk
itself, which no file system notices, is found by reading everything: `storyflow models verify`, and the engines do so
before each load.
"""

import contextlib
import hashlib
import json
from pathlib import Path

from engines.store.manifest import DamagedModelError, listed_paths, manifest_path, read_manifest, verify_model
from engines.store.publishing import publish

_SUFFIX = "storyflow-verified.json"


def note_verified(model: Path) -> None:
    """Note that all of `model` has just been read and was right; without an effect where nothing can be written."""
    with contextlib.suppress(OSError, DamagedModelError):
        publish(stamp_path(model), state_of(model))


def check_unchanged(model: Path) -> None:
    """Raise DamagedModelError where the files of `model` are not what its manifest says; see above how it knows."""
    if read_manifest(model) is None:
        return
    with contextlib.suppress(OSError):
        if stamp_path(model).read_bytes() == state_of(model):
            return
    verify_model(model)
    note_verified(model)


def stamp_path(model: Path) -> Path:
    """Return where the note lies: hidden, beside the manifest."""
    manifest = manifest_path(model)
    return manifest.with_name(f".{manifest.name.lstrip('.').removesuffix('.json')}.{_SUFFIX}")


def state_of(model: Path) -> bytes:
    """Return the note as it would be written now; raise OSError or DamagedModelError where that cannot be told."""
    files = {}
    for path in listed_paths(model):
        status = path.stat()
        files[path.name] = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    listed = hashlib.sha256(manifest_path(model).read_bytes()).hexdigest()
    return json.dumps({"manifest": listed, "files": files}).encode()
