"""Install the user's own files: identify them, match the model with its voices, copy and verify."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from core_engine.kokoro.errors import KokoroError
from core_engine.kokoro.model.external_data import check_external_data, external_data
from core_engine.kokoro.model.inference import read_signature, run
from core_engine.kokoro.model.runtime import open_session
from core_engine.kokoro.voice.formats import format_of
from core_engine.kokoro.voice.packs import style_row
from engines.downloading.bundle import Bundle
from engines.downloading.staging import Progress, assemble
from engines.store.manifest import FileEntry, listed_files, manifest_path, sha256_of
from engines.store.names import is_name
from storyflow.models.adopting import adopt
from storyflow.models.errors import RefusedModelError, WrongFileError
from storyflow.models.identify import ModelFile, VoicesFile, describe
from storyflow.models.matching import model_and_voices
from storyflow.models.registry import KnownModel, Registry

_BLOCK = 1 << 20
_TRIAL = (50, 83, 54, 156, 31)
"""Token ids of "hello" in both vocabularies."""


@dataclass(frozen=True)
class LocalFile:
    """A local file of a model: its path when installed, and where it is now."""

    path: str
    size: int
    sha256: str
    source: Path


@dataclass(frozen=True)
class Added:
    """The installed model."""

    name: str
    path: Path
    """The installed ONNX file."""
    detected: tuple[str, ...]
    """One line per file, saying what it is."""


def add(
    paths: Iterable[Path],
    models_dir: Path,
    registry: Registry,
    name: str | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Added:
    """Install one model and its voices from `paths`, which are files or folders.

    Voices that are not given are looked up next to the model. Raises WrongFileError for a file that is neither a model
    nor voices, RefusedModelError for files that do not belong together, StorageError if the disk fails.
    """
    model, voices = model_and_voices(paths, registry)
    known = _published_as(model, registry)
    if known is None:
        _try_out(model, voices)
    chosen = name or (known.name if known else _own_name(model.path, registry))
    bundle = _bundle(chosen, model, voices, known if chosen == (known.name if known else None) else None)
    target = models_dir / bundle.entry_name
    _install(bundle, models_dir, target, progress)
    path = target / bundle.files[0].path if bundle.is_folder else target
    return Added(chosen, path, (describe(model), *map(describe, voices)))


def _published_as(model: ModelFile, registry: Registry) -> KnownModel | None:
    return model.known[0] if model.known and model.known[0].name in registry.models else None


def _own_name(path: Path, registry: Registry) -> str:
    """Return a model name made from the file's name, different from those of published models."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.")[:100] or "model"
    name = name if is_name(name) else f"model-{name}"
    return f"{name}-own" if name in registry.models or name == "default" else name


def _bundle(name: str, model: ModelFile, voices: tuple[VoicesFile, ...], known: KnownModel | None) -> Bundle[LocalFile]:
    """Return the files with their paths: as in the registry for a published model, else in a folder of their own."""
    places = {published.sha256: file.path for file in (known.files if known else ()) for published in file.published}
    if not is_name(name) or name == "default":
        raise RefusedModelError(f"'{name}' is not a valid model name. Choose another one with --name.")
    first = LocalFile(
        places.get(model.sha256, _place(model.path, f"{name}.onnx")), model.size, model.sha256, model.path
    )
    packs = [_voices_source(file, places, many=len(voices) > 1) for file in voices]
    data = [_data_source(model.path, location) for location in sorted({e.location for e in external_data(model.path)})]
    files = (first, *packs, *data)
    taken = [file.path.lower() for file in files]
    if len(set(taken)) != len(taken):
        raise RefusedModelError(f"Two files have the same name: {', '.join(taken)}. Rename one.")
    side_by_side = known is not None and not known.is_folder and not data and len(voices) == 1
    return Bundle(name, files, is_folder=not side_by_side)


def _place(path: Path, otherwise: str) -> str:
    return path.name if is_name(path.name) else otherwise


def _voices_source(file: VoicesFile, places: dict[str, str], many: bool) -> LocalFile:
    name = _place(file.path, f"voices{file.path.suffix}")
    return LocalFile(places.get(file.sha256, f"voices/{name}" if many else name), file.size, file.sha256, file.path)


def _data_source(model: Path, location: str) -> LocalFile:
    if not is_name(location):
        raise RefusedModelError(f"The model keeps its weights in '{location}', which is not a valid file name here.")
    path = model.parent / location
    return LocalFile(location, path.stat().st_size, sha256_of(path), path)


def _try_out(model: ModelFile, voices: tuple[VoicesFile, ...]) -> None:
    """Test-run an unpublished model on one word, before it is installed."""
    first = voices[0]
    pack = format_of(first.path).read(next(iter(first.rows)))
    try:
        check_external_data(model.path)
        session = open_session(model.path)
        run(session, read_signature(session), _TRIAL, style_row(pack, len(_TRIAL)), 1.0)
    except KokoroError as error:
        raise RefusedModelError(f"'{model.path}' looks like Kokoro but does not speak: {error}") from error
    except Exception as error:  # the runtime has a dozen exception classes for this
        raise RefusedModelError(f"'{model.path}' looks like Kokoro but cannot be run: {error}") from error


def _install(
    bundle: Bundle[LocalFile], models_dir: Path, target: Path, progress: Callable[[Progress], None] | None
) -> None:
    if target.exists() and manifest_path(target).exists() and not _is_same(bundle, target):
        raise RefusedModelError(
            f"Another model called '{bundle.name}' is installed at '{target}'. Remove it with `storyflow models remove "
            f"{bundle.name}`, or choose another name with --name."
        )
    if target.exists() and not manifest_path(target).exists():
        adopt(target, {file.path: {file.sha256} for file in bundle.files})
    else:
        assemble(bundle, models_dir, _copy, progress=progress)


def _is_same(bundle: Bundle[LocalFile], target: Path) -> bool:
    listed = {(file.path, file.sha256) for file in listed_files(target) or ()}
    return listed == {(file.path, file.sha256) for file in bundle.files}


def _copy(file: LocalFile, path: Path, report: Callable[[int], None]) -> FileEntry:
    """Copy and flush one file; raise WrongFileError if it changed after it was identified."""
    digest, done = hashlib.sha256(), 0
    with file.source.open("rb") as source, path.open("wb") as copy:
        while block := source.read(_BLOCK):
            copy.write(block)
            digest.update(block)
            done += len(block)
            report(done)
        copy.flush()
        os.fsync(copy.fileno())
    if digest.hexdigest() != file.sha256 or sha256_of(path) != file.sha256:
        path.unlink()
        raise WrongFileError(f"'{file.source}' changed while it was being copied. Nothing was installed; try again.")
    return FileEntry(file.path, file.size, file.sha256)
