"""Send a model to a node through the cluster's object store, in parts, and publish it in the node's cache."""

import hashlib
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray

from core_engine.kokoro.model.graph_cache import SETTING, cache_folder
from engines.downloading.bundle import Bundle
from engines.downloading.policy import StorageError, WrongBytesError
from engines.downloading.staging import assemble
from engines.store.manifest import FileEntry, sha256_of
from storyflow.cluster.parcel import Parcel, sizes

_PART_BYTES = 8 << 20

Parts = Mapping[str, Sequence[Any]]
"""Path → references to the parts of a file in the object store."""


class Shipment:
    """A model on its way to speakers; it is in the object store only as long as one of them fetches it."""

    def __init__(self, parcel: Parcel, model: Path) -> None:
        """Prepare to send the model `parcel`, whose ONNX file is `model`."""
        self._parcel, self._model = parcel, model
        self._parts: Parts | None = None
        self._receivers: set[Hashable] = set()

    def parts_for(self, receiver: Hashable) -> Parts:
        """Return the references with which a receiver fetches the model."""
        self._receivers.add(receiver)
        self._parts = self._parts or _put(self._parcel, self._model)
        return self._parts

    def has_arrived(self, receiver: Hashable) -> None:
        """Take note that a receiver fetches nothing more, if it ever did."""
        self._receivers.discard(receiver)
        if not self._receivers:
            self._parts = None  # frees the object store


def _put(parcel: Parcel, model: Path) -> Parts:
    """Put the files of a model into the object store; they stay while the references are kept."""
    folder, first = model.parent, parcel.files[0].path
    parts: dict[str, list[Any]] = {}
    for path, spans in sizes(parcel.files, _PART_BYTES).items():
        with (model if path == first else folder / path).open("rb") as file:
            parts[path] = [ray.put(file.read(size)) for _, size in spans]
    return parts


def models_cache() -> Path | None:
    """Return the folder of the models that were sent to this machine; None if its cache is turned off."""
    folder = cache_folder()
    return folder / "models" if folder else None


def fetch(parcel: Parcel, parts: Parts) -> Path:
    """Return the ONNX file of a parcel's model in this machine's cache, fetched from the object store if necessary.

    Speakers of one machine wait for each other, so it is sent once. Raises StorageError if the disk fails, and
    WrongBytesError if what arrived is not the model.
    """
    cache = models_cache()
    if cache is None:
        raise StorageError(
            f"The model '{parcel.name}' is not installed, and the cache is turned off. Install it there with "
            f"`storyflow models pull` or `models add`, or set {SETTING} to a folder."
        )
    folder = assemble(Bundle(parcel.entry_name, parcel.files), cache, _from(parts))
    return folder / parcel.files[0].path


def _from(parts: Parts) -> Callable[[FileEntry, Path, Callable[[int], None]], FileEntry]:
    def deliver(file: FileEntry, path: Path, report: Callable[[int], None]) -> FileEntry:
        digest, done = hashlib.sha256(), 0
        with path.open("wb") as target:
            for part in parts[file.path]:
                block: bytes = ray.get(part)
                target.write(block)
                digest.update(block)
                done += len(block)
                report(done)
            target.flush()
            os.fsync(target.fileno())
        if digest.hexdigest() != file.sha256 or sha256_of(path) != file.sha256:
            path.unlink()
            raise WrongBytesError(f"'{file.path}' arrived with other bytes: it was changed while it was sent.")
        return file

    return deliver
