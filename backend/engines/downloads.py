"""The one downloader: pinned sources, verified before they are published, resumed after a kill or a lost line."""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class DownloadError(RuntimeError):
    """A download that did not succeed; the message says why and what to do."""


class DownloadCancelledError(DownloadError):
    """A download that was stopped; it goes on from there when asked for again."""


@dataclass(frozen=True)
class RemoteFile:
    """One file and what it must turn out to be."""

    path: str  # where it goes in the model's folder, with '/'
    url: str  # https://…
    size: int  # bytes
    sha256: str  # 64 lower-case hexadecimal digits


@dataclass(frozen=True)
class DownloadableModel:
    """A model that can be fetched: a folder `name` of `files`, or one file `name` + suffix."""

    name: str
    files: tuple[RemoteFile, ...]
    is_folder: bool = True

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def entry_name(self) -> str:
        """The name in `external_models/` and `models/`."""
        return self.name if self.is_folder else self.files[0].path


@dataclass(frozen=True)
class Progress:
    """How far a download is."""

    file: str  # the file being fetched
    done: int  # bytes of the whole model that are here
    total: int  # bytes of the whole model


@dataclass(frozen=True)
class DownloadPolicy:
    """Where downloads may come from: the hosts of their URLs, `redirect_hosts`, and `mirror` where one is set."""

    mirror: str | None = None  # base URL: every file is then MIRROR/<model>/<path>; http and private hosts allowed
    redirect_hosts: frozenset[str] = frozenset()
    stall_s: float = 25.0  # seconds without noticeable progress before a download is given up

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "DownloadPolicy":
        """Return the policy that STORYFLOW_MODELS_URL, the address of the user's own mirror, sets."""
        return cls(mirror=environment.get("STORYFLOW_MODELS_URL") or None)


def downloadable_models(models: Iterable[Mapping[str, Any]]) -> dict[str, DownloadableModel]:
    """Return by name what can be downloaded of `models`, the list of that name in an engine.yaml.

    A downloadable one has a list `download` of `{path, url, size, sha256}`. Raises ValueError for what is wrong there.
    """
    raise NotImplementedError


def fetch_model(
    model: DownloadableModel,
    external_models_dir: Path,
    *,
    policy: DownloadPolicy | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Path:
    """Return `model` in `external_models_dir`, downloaded and verified unless it is there already."""
    raise NotImplementedError


def fetch_file(
    file: RemoteFile,
    folder: Path,
    *,
    policy: DownloadPolicy | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Path:
    """Return `file` in `folder`, downloaded and verified unless it is there already."""
    raise NotImplementedError
