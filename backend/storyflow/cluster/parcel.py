"""A model as it is sent to a node: its files with their digests, and where a node has them already."""

import contextlib
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core_engine.kokoro.model.external_data import external_data
from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.voice.packs import find_voices
from core_engine.model_choice import Model
from core_engine.model_paths import BUILT_IN, installed_models, model_path
from engines.store.manifest import DamagedModelError, FileEntry, listed_files, sha256_of, to_json
from engines.store.names import is_name
from engines.store.stamps import check_unchanged, listed_digest
from storyflow.cluster.errors import ClusterError


@dataclass(frozen=True)
class Parcel:
    """The files of a model."""

    name: str
    """The model's name, for people."""
    files: tuple[FileEntry, ...]
    """The ONNX file, then its weights and voices; paths are relative to its folder."""
    voices: frozenset[str]
    """The paths of the voices among them."""

    @property
    def entry_name(self) -> str:
        """The name of its folder in a node's cache."""
        name = self.name if is_name(self.name) else "model"
        return f"{name[:60]}-{hashlib.sha256(to_json(list(self.files))).hexdigest()[:16]}"


def packed(model: Model, kokoro: Kokoro) -> Parcel:
    """Return the parcel of a loaded model; raises ClusterError for a file whose name no other machine may take."""
    folder = model.path.parent
    first = _entry(model.path, model.path.name if is_name(model.path.name) else "model.onnx")
    weights = [folder / location for location in sorted({each.location for each in external_data(model.path)})]
    packs = sorted({voice.path for voice in kokoro.voices.values()})
    others = [_entry(path, path.relative_to(folder).as_posix()) for path in (*weights, *packs)]
    for entry in others:
        if not all(is_name(part) for part in entry.path.split("/")):
            raise ClusterError(
                f"The file '{folder / entry.path}' of the model cannot be sent to other machines under this name. "
                f"Rename it: letters, digits, '.', '_' and '-'."
            )
    return Parcel(model.name, (first, *others), frozenset(entry.path for entry in others[len(weights) :]))


def found_here(parcel: Parcel, models_dir: Path, cache: Path | None) -> Path | None:
    """Return the ONNX file of a parcel's model in this machine's own store or cache; None if it has to be sent."""
    own = (model_path(BUILT_IN, models_dir), *installed_models(models_dir).values())
    return _cached(parcel, cache) or next((path for path in own if _is(path, parcel)), None)


def _cached(parcel: Parcel, cache: Path | None) -> Path | None:
    if cache is None or not (folder := cache / parcel.entry_name).is_dir():
        return None
    with contextlib.suppress(DamagedModelError):
        check_unchanged(folder)
        if set(listed_files(folder) or ()) == set(parcel.files):
            return folder / parcel.files[0].path
    return None


def _is(path: Path, parcel: Parcel) -> bool:
    """Return whether the model at `path` has exactly the files of a parcel; its own name may differ."""
    model, *others = parcel.files
    with contextlib.suppress(OSError):
        if not _has(path, model) or not all(_has(path.parent / file.path, file) for file in others):
            return False
        voices = {voice.path.relative_to(path.parent).as_posix() for voice in find_voices(path.parent).values()}
        return voices == parcel.voices
    return False


def _has(path: Path, file: FileEntry) -> bool:
    return path.stat().st_size == file.size and (listed_digest(path) or sha256_of(path)) == file.sha256


def _entry(path: Path, name: str) -> FileEntry:
    return FileEntry(name, path.stat().st_size, listed_digest(path) or sha256_of(path))


def sizes(files: Iterable[FileEntry], part_bytes: int) -> dict[str, list[tuple[int, int]]]:
    """Return the parts of each file, at most `part_bytes` long: (begin, size)."""
    return {
        file.path: [(begin, min(part_bytes, file.size - begin)) for begin in range(0, file.size, part_bytes)]
        for file in files
    }
