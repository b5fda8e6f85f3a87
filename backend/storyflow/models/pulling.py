"""Fetching a known model into the models folder, with the engines' downloader."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from engines.downloading.downloadable import DownloadableModel, RemoteFile
from engines.downloading.downloads import Progress, announced_size, fetch_file, fetch_model
from engines.downloading.policy import DownloadError, DownloadPolicy, StorageError, UnreachableError
from engines.manifest import FileEntry, manifest_path, sha256_of, to_json
from engines.publishing import publish
from engines.stamps import note_verified
from storyflow.models.registry import KnownFile, KnownModel


class UnverifiableError(DownloadError):
    """A file whose SHA-256 nobody is known to have published."""


@dataclass(frozen=True)
class Pulled:
    """What pulling came to."""

    path: Path
    """The ONNX file."""
    what: str
    """"fetched", "there" (verified again) or "adopted": put there by hand before, and verified now."""


def pull(
    model: KnownModel,
    models_dir: Path,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Pulled:
    """Bring `model` into `models_dir`, verified; an interrupted one goes on where it stopped.

    Raises UnreachableError, with the way to do it by hand, where there is no network; DownloadError for everything else
    that keeps it from coming, and its kind StorageError for what the disk refuses.
    """
    target = target_of(model, models_dir)
    file = target / model.files[0].path if model.is_folder else target
    was_there = file.exists()
    policy = replace(DownloadPolicy.from_environment(), own_hosts=model.hosts if model.own else frozenset())
    try:
        if was_there and not manifest_path(target).exists():
            _adopt(model, models_dir, policy)
            return Pulled(file, "adopted")
        asked_before = file.stat().st_mtime_ns if was_there else None
        fetch_model(_downloadable(model, policy, target), models_dir, policy=policy, progress=progress, cancel=cancel)
    except UnreachableError as error:
        raise UnreachableError(f"{error} {by_hand(model, models_dir)}") from error
    note_verified(target)
    return Pulled(file, "there" if asked_before == file.stat().st_mtime_ns else "fetched")


def target_of(model: KnownModel, models_dir: Path) -> Path:
    """Return the folder, or the ONNX file of those side by side, that `model` is when it is installed."""
    return models_dir / (model.name if model.is_folder else model.files[0].path)


def by_hand(model: KnownModel, models_dir: Path) -> str:
    """Return how to get `model` without this program: what to fetch, how to check it, and where it goes."""
    folder = models_dir / model.name if model.is_folder else models_dir
    lines = [
        f"By hand, on a machine with a network: fetch these files, check their SHA-256, bring them here and run "
        f"`storyflow models add {' '.join(file.path for file in model.files)}`, or put them into {folder}/:"
    ]
    for file in model.files:
        digests = " or ".join(published.sha256 for published in file.published) or "unknown"
        lines.append(f"  {file.url}\n    SHA-256 {digests}")
    return "\n".join(lines)


def _downloadable(model: KnownModel, policy: DownloadPolicy, target: Path) -> DownloadableModel:
    return DownloadableModel(
        model.name, tuple(_remote(file, model, policy, target) for file in model.files), model.is_folder
    )


def _remote(file: KnownFile, model: KnownModel, policy: DownloadPolicy, target: Path) -> RemoteFile:
    """Return what is fetched for `file`; the source is asked for a size that the registry does not know."""
    if not file.published:
        raise UnverifiableError(
            f"'{file.path}' of '{model.name}' has no known SHA-256, so it could not be told from a forgery and is not "
            f"fetched. Fetch {file.url} yourself if you trust it, and install it with `storyflow models add`."
        )
    place = f"{model.name}/{file.path}" if model.is_folder else file.path
    size = file.size or _size_here(file, target) or announced_size(place, file.url, policy=policy)
    try:
        return file.remote(size)
    except ValueError as error:
        raise DownloadError(f"'{model.name}' cannot be fetched: {error}.") from error


def _size_here(file: KnownFile, target: Path) -> int | None:
    """Return the size of an installed file, which is verified next; no source is asked for what is there."""
    here = target / file.path if target.is_dir() else target.with_name(file.path)
    return here.stat().st_size if here.is_file() and manifest_path(target).exists() else None


def _adopt(model: KnownModel, models_dir: Path, policy: DownloadPolicy) -> None:
    """Make a model that was put there by hand one of ours: verified, and with its manifest. Raises StorageError."""
    target = target_of(model, models_dir)
    folder = target if model.is_folder else models_dir
    listed = []
    for file in model.files:
        path = folder / file.path
        if not path.exists():
            fetch_file(_remote(file, model, policy, target), folder, policy=policy)
            manifest_path(path).unlink(missing_ok=True)
        digest = sha256_of(path)
        if digest not in {published.sha256 for published in file.published}:
            raise StorageError(
                f"'{path}' is there and is none of the published files of that name (its SHA-256 is {digest}). It was "
                f"left alone: move it elsewhere and try again, or keep it under a name of its own with `storyflow "
                f"models add --name`."
            )
        listed.append(FileEntry(file.path, path.stat().st_size, digest))
    publish(manifest_path(target), to_json(listed))
    note_verified(target)
