"""The one downloader: declared files, verified before they are published, one transfer for all who ask.

A model is fetched into the hidden folder `.NAME.part` beside its place, under a lock, file by file. When every file has
its size and SHA-256, the manifest is written and the whole renamed into place: it is there completely or not at all.
"""

import contextlib
import logging
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engines import manifest
from engines.download_policy import DownloadCancelledError, DownloadError, DownloadPolicy
from engines.downloadable import DownloadableModel, RemoteFile
from engines.folder_lock import exclusive
from engines.manifest import FileEntry
from engines.names import OutsideRootError, path_inside
from engines.publishing import publish, rename
from engines.transfer import Transfer, size_at

logger = logging.getLogger(__name__)

_SPARE = 16 * 1024 * 1024  # bytes that a download leaves free on the disk


@dataclass(frozen=True)
class Progress:
    """How far a download is."""

    file: str  # the file being fetched
    done: int  # bytes of the whole model that are here
    total: int  # bytes of the whole model


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
    job = _Job(model, folder, policy or DownloadPolicy.from_environment(), progress, cancel or threading.Event())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(job.lock, job.cancel, job.tell_waiting) as held:
            if not held:
                raise DownloadCancelledError(f"The download of '{model.name}' was cancelled.")
            return job.run()
    except (OSError, OutsideRootError) as error:
        raise DownloadError(
            f"Cannot store the model '{model.name}' in '{folder}': {getattr(error, 'strerror', None) or error}. "
            f"Mount or choose a folder that can be written and has {model.size / 1e6:.0f} MB free."
        ) from error


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


class _Job:
    """One download of one model into one folder, done while the lock is held."""

    def __init__(
        self,
        model: DownloadableModel,
        folder: Path,
        policy: DownloadPolicy,
        progress: Callable[[Progress], None] | None,
        cancel: threading.Event,
    ) -> None:
        self.model, self.folder, self.policy, self.progress, self.cancel = model, folder, policy, progress, cancel
        self.target = folder / model.entry_name
        self.part = folder / f".{model.entry_name}.part"
        self.lock = folder / f".{model.entry_name}.lock"

    def tell_waiting(self) -> None:
        logger.info("Waiting for another download of '%s' into '%s'.", self.model.name, self.folder)

    def run(self) -> Path:
        if self._is_there():
            return self.target
        self._make_part()
        self._check_space()
        logger.info("Downloading '%s' (%.1f MB) into '%s'.", self.model.name, self.model.size / 1e6, self.folder)
        done = 0
        for file in self.model.files:
            self._fetch(file, done)
            done += file.size
        self._publish()
        logger.info("Downloaded '%s'.", self.model.name)
        return self.target

    def _is_there(self) -> bool:
        """Tell whether the model is in place; make room where only a damaged download or nothing is."""
        if not self.target.is_symlink() and not self.target.exists():
            return False
        try:
            manifest.verify_model(self.target)
        except manifest.DamagedModelError as error:
            logger.warning("%s It is downloaded again.", error)
            self._remove_damaged()
            return False
        if self.target.is_dir() and not any(self.target.iterdir()):
            self.target.rmdir()
            return False
        return True

    def _remove_damaged(self) -> None:
        """Take away what an earlier download put here; a kill on the way leaves it damaged or gone, never hidden."""
        if not self.target.is_dir():
            self.target.unlink()
            manifest.manifest_path(self.target).unlink(missing_ok=True)
            return
        if self.part.exists():
            shutil.rmtree(self.part)
        self.target.replace(self.part)
        (self.part / manifest.NAME).unlink(missing_ok=True)

    def _make_part(self) -> None:
        if self.part.is_symlink():  # nothing is written through a link that somebody laid here
            self.part.unlink()
        self.part.mkdir(exist_ok=True)

    def _check_space(self) -> None:
        present = sum(path.stat().st_size for file in self.model.files if (path := self.part / file.path).is_file())
        needed, free = self.model.size - present + _SPARE, shutil.disk_usage(self.folder).free
        if free < needed:
            raise DownloadError(
                f"The model '{self.model.name}' needs {needed / 1e6:.0f} MB more in '{self.folder}', and "
                f"{free / 1e6:.0f} MB are free. Free some space and try again."
            )

    def _fetch(self, file: RemoteFile, before: int) -> None:
        def report(here: int) -> None:
            if self.progress:
                self.progress(Progress(file.path, before + here, self.model.size))

        path = path_inside(self.part, *file.path.split("/"))  # also where somebody laid links
        path.parent.mkdir(parents=True, exist_ok=True)
        place = f"{self.model.name}/{file.path}" if self.model.is_folder else file.path
        Transfer(file, self.policy.address_of(place, file.url), path, self.policy, report, self.cancel).run()

    def _publish(self) -> None:
        listed = manifest.to_json([FileEntry(file.path, file.size, file.sha256) for file in self.model.files])
        if self.model.is_folder:
            publish(self.part / manifest.NAME, listed)
            rename(self.part, self.target)
            return
        publish(manifest.manifest_path(self.target), listed)  # before the file, which is never there without it
        rename(self.part / self.target.name, self.target)
        with contextlib.suppress(OSError):
            shutil.rmtree(self.part)
