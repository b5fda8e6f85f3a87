"""The downloads in engine.yaml: files with their sizes and SHA-256."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engines.downloading.bundle import Bundle
from engines.downloading.packages import Part, check_size_and_digest, declared_parts
from engines.store import manifest
from engines.store.names import checked_name, is_name


@dataclass(frozen=True)
class RemoteFile:
    """A file with its expected size and SHA-256, and its sources: the publisher, then packages."""

    path: str  # in the model's folder, with '/'
    url: str | None  # https://…, the publisher's URL; None if only packages have it
    size: int  # bytes
    sha256: str  # 64 lower-case hexadecimal digits
    others: tuple[str, ...] = ()  # SHA-256 of other published versions, equally good
    parts: tuple[Part, ...] = ()  # members of packages that, joined in order, are the file with `sha256`

    def __post_init__(self) -> None:
        """Raise ValueError for invalid values."""
        if not isinstance(self.path, str) or not all(is_name(part) for part in self.path.split("/")):
            raise ValueError(f"a file's path consists of names and '/', not {self.path!r}")
        if not (self.url is None and self.parts) and not str(self.url).startswith("https://"):
            raise ValueError(f"a file's url starts with 'https://', not {self.url!r}")
        for digest in (self.sha256, *self.others):
            check_size_and_digest("file", self.size, digest)
        if self.parts and sum(part.size for part in self.parts) != self.size:
            raise ValueError(f"the parts of '{self.path}' do not add up to its {self.size} bytes")


@dataclass(frozen=True)
class DownloadableModel(Bundle[RemoteFile]):
    """A downloadable model: a folder `name` of files, or files without a folder, the first being the model."""


def downloadable_models(models: Iterable[Mapping[str, Any]]) -> dict[str, DownloadableModel]:
    """Return the downloadable models, by name, of the list `models` in an engine.yaml.

    A downloadable entry has `download`: a list of `{path, url, size, sha256}` for a folder, or one such mapping for a
    single file, whose path is the model's name with a suffix. Its `packages` list packages that contain the file, in
    the format of `engines.downloading.packages.declared_parts`. Raises ValueError for an invalid entry.
    """
    found = (_declared(model) for model in models if model.get("download"))
    return {model.name: model for model in found}


def _declared(model: Mapping[str, Any]) -> DownloadableModel:
    name = checked_name(model.get("name"), "model name")
    download = model["download"]
    is_folder = isinstance(download, list)
    try:
        files = tuple(_remote_file(file) for file in (download if is_folder else [download]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"The download of the model '{name}' in engine.yaml is wrong: {error!r}.") from error
    paths = [file.path.lower() for file in files]
    if len(set(paths)) != len(paths) or manifest.NAME in paths:
        raise ValueError(f"The files of the model '{name}' in engine.yaml need different paths, not '{manifest.NAME}'.")
    if not is_folder and paths[0].rpartition(".")[0] != name.lower():
        raise ValueError(
            f"The single file of the model '{name}' must be '{name}' with a suffix, not '{files[0].path}'."
        )
    return DownloadableModel(name, files, is_folder)


def _remote_file(values: Mapping[str, Any]) -> RemoteFile:
    size, sha256 = values["size"], values["sha256"]
    parts = declared_parts(values, size, sha256)
    url = values.get("url") if parts else values["url"]
    return RemoteFile(values["path"], url, size, sha256, parts=parts)
