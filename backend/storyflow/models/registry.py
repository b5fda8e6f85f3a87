"""The registry of known models: their files with size and SHA-256, licence, source and voices.

`registry.json` lists the public models. An unknown size is null: the source is asked for it, and `at_most` limits the
answer. A file without a known SHA-256 cannot be verified and is never downloaded. `packages` lists packages that
contain the file, in the format of `engines.downloading.packages`. Users can add entries of the same format in their own
file, for example for a company's mirror; an entry with a known name replaces the public one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engines.downloading.downloadable import RemoteFile
from engines.downloading.packages import Part, declared_parts
from engines.store.names import checked_name
from storyflow.models.errors import RegistryError

_SHIPPED = Path(__file__).with_name("registry.json")


@dataclass(frozen=True)
class Published:
    """One published version of a file."""

    sha256: str
    size: int | None
    """Bytes; None if unknown."""
    where: str
    """The publisher, in words."""


@dataclass(frozen=True)
class KnownFile:
    """A file of a known model. Several versions may have been published under its name; all are equally good."""

    path: str
    url: str | None
    """The publisher's URL; None if only packages have it."""
    published: tuple[Published, ...]
    at_most: int
    """Upper limit of its size in bytes."""
    parts: tuple[Part, ...] = ()
    """Members of packages that, joined in order, are the first published version."""

    @property
    def size(self) -> int | None:
        """Bytes; None if unknown or if the published versions differ."""
        sizes = {published.size for published in self.published}
        return sizes.pop() if len(sizes) == 1 else None

    def remote(self, size: int) -> RemoteFile:
        """Return the file for the downloader; raise ValueError for an impossible size."""
        if size > self.at_most:
            raise ValueError(f"the source offers {size} bytes for '{self.path}', which has at most {self.at_most}")
        first, *others = (published.sha256 for published in self.published)
        return RemoteFile(self.path, self.url, size, first, tuple(others), self.parts)


@dataclass(frozen=True)
class KnownModel:
    """A model that can be pulled."""

    name: str
    title: str
    version: str
    """Version of Kokoro; it decides the vocabulary and the voice packs."""
    precision: str
    licence: str
    source: str
    """URL of the page where it was published."""
    is_folder: bool
    """Whether it has its own folder; otherwise its files are directly in the models folder."""
    voices: tuple[str, ...]
    files: tuple[KnownFile, ...]
    """The model itself comes first."""
    own: bool = False
    """Whether it is from the user's own registry."""

    @property
    def size(self) -> int | None:
        """Bytes of all files; None if unknown."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size)

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that its files come from."""
        return frozenset((urlsplit(file.url or "").hostname or "").lower() for file in self.files)


@dataclass(frozen=True)
class Registry:
    """All known models by name."""

    models: Mapping[str, KnownModel]

    def find(self, sha256: str) -> tuple[KnownModel, KnownFile, Published] | None:
        """Return the published file with this SHA-256; None if there is none."""
        for model in self.models.values():
            for file in model.files:
                for published in file.published:
                    if published.sha256 == sha256:
                        return model, file, published
        return None


def load_registry(own: Path | None = None) -> Registry:
    """Return the shipped registry with the entries of the user's `own` file, if it exists.

    Raises RegistryError.
    """
    models = _read(_SHIPPED)
    if own and own.exists():
        models |= {name: replace(model, own=True) for name, model in _read(own).items()}
    return Registry(models)


def _read(path: Path) -> dict[str, KnownModel]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["models"]
        models = [_model(entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RegistryError(
            f"The registry '{path}' cannot be used ({type(error).__name__}: {error}). See docs/command-line.md."
        ) from error
    return {model.name: model for model in models}


def _model(entry: Mapping[str, Any]) -> KnownModel:
    model = KnownModel(
        name=checked_name(entry["name"], "model name"),
        title=str(entry.get("title", entry["name"])),
        version=str(entry.get("version", "unknown")),
        precision=str(entry.get("precision", "unknown")),
        licence=str(entry.get("licence", "unknown")),
        source=str(entry.get("source", "")),
        is_folder=bool(entry.get("is_folder", True)),
        voices=tuple(map(str, entry.get("voices", ()))),
        files=tuple(_file(file) for file in entry["files"]),
    )
    if not model.files or not model.files[0].path.endswith(".onnx"):
        raise ValueError(f"the first file of '{model.name}' must be its ONNX file")
    return model


def _file(entry: Mapping[str, Any]) -> KnownFile:
    published = tuple(
        Published(one["sha256"], one.get("size"), str(one.get("where", "the registry"))) for one in entry["published"]
    )
    first = entry["published"][0] if entry.get("packages") else {}
    parts = declared_parts(entry, first.get("size"), first.get("sha256"))
    url = entry.get("url") if parts else entry["url"]
    file = KnownFile(entry["path"], url, published, int(entry.get("at_most", 1 << 33)), parts)
    if parts:
        file.remote(first["size"])  # raises ValueError if it is invalid
        return file
    for digest, size in [("0" * 64, 1), *((one.sha256, one.size or 1) for one in published)]:
        RemoteFile(file.path, file.url, size, digest)  # likewise
    return file
