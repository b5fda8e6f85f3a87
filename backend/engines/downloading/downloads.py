"""The one downloader: declared files, verified before they are published, one transfer for all who ask.

`staging` gathers the files and publishes them together; `transfer` brings each one here, resumed and verified.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from engines.downloading.downloadable import DownloadableModel, RemoteFile
from engines.downloading.policy import DownloadPolicy
from engines.downloading.staging import Progress, assemble
from engines.downloading.transfer import Transfer, size_at
from engines.manifest import FileEntry, sha256_of


def fetch_model(
    model: DownloadableModel,
    folder: Path,
    *,
    policy: DownloadPolicy | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Path:
    """Return the path of `model` in `folder`, downloaded unless it is there and what its manifest says.

    `folder` may be shared with other processes and containers: they wait for one transfer. What a killed or cancelled
    download left is used. `policy` is taken from the environment when None. Raises DownloadError, also for a folder
    that cannot be written, and DownloadCancelledError.
    """
    used, stop = policy or DownloadPolicy.from_environment(), cancel or threading.Event()

    def deliver(file: RemoteFile, path: Path, report: Callable[[int], None]) -> FileEntry:
        place = f"{model.name}/{file.path}" if model.is_folder else file.path
        Transfer(file, used.address_of(place, file.url), path, used, report, stop).run()
        return FileEntry(file.path, file.size, sha256_of(path) if file.others else file.sha256)

    return assemble(model, folder, deliver, progress=progress, cancel=stop)


def fetch_file(
    file: RemoteFile,
    folder: Path,
    *,
    policy: DownloadPolicy | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Path:
    """Return the path of `file` in `folder`, downloaded unless it is there; otherwise as `fetch_model`."""
    name = file.path.rpartition(".")[0] or file.path
    return fetch_model(
        DownloadableModel(name, (file,), is_folder=False), folder, policy=policy, progress=progress, cancel=cancel
    )


def announced_size(path: str, url: str, *, policy: DownloadPolicy | None = None) -> int:
    """Return the bytes that the source of a file announces, for a RemoteFile of which only the SHA-256 is known.

    Raises DownloadError.
    """
    used = policy or DownloadPolicy.from_environment()
    return size_at(used.address_of(path, url), used)


__all__ = ["Progress", "announced_size", "fetch_file", "fetch_model"]
