"""Install a model atomically: collect its files in a hidden folder, verify them, and then move them into place.

A model is collected in `.NAME.part` next to its final place, under a lock, file by file, from the network or from
this machine. `layouts` moves the files into place.
"""

import contextlib
import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from engines.downloading.bundle import Bundle, File
from engines.downloading.layouts import Layout, layout_of
from engines.downloading.policy import DownloadCancelledError, StorageError
from engines.store import manifest
from engines.store.folder_lock import exclusive
from engines.store.manifest import FileEntry
from engines.store.names import OutsideRootError, path_inside
from engines.store.stamps import check_all, note_verified

logger = logging.getLogger(__name__)

_SPARE = 16 * 1024 * 1024  # bytes to leave free on the disk


@dataclass(frozen=True)
class Progress:
    """The progress of a download or copy."""

    file: str  # the current file
    done: int  # bytes so far, of the whole model
    total: int  # bytes of the whole model


Deliver = Callable[[File, Path, Callable[[int], None]], FileEntry]
"""Writes a file to a path, where an earlier attempt may have left a part of it; reports the bytes so far.

Returns the verified and flushed file.
"""


def assemble(
    bundle: Bundle[File],
    folder: Path,
    deliver: Deliver[File],
    *,
    room: int = 0,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Path:
    """Return the path of `bundle` in `folder`, collected by `deliver` unless it exists and matches its manifest.

    `folder` can be shared with other processes and containers, which wait for each other. A killed or cancelled
    attempt is resumed. `deliver` needs `room` bytes of temporary space. Raises StorageError if the disk or the folder
    fails, DownloadCancelledError, and what `deliver` raises.
    """
    stop = cancel or threading.Event()
    job = _Job(layout_of(bundle, folder), deliver, progress, room)
    with _errors_of_the_disk(bundle.name, bundle.size, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(lock_path(job.target), stop, job.tell_waiting) as held:
            if not held:
                raise DownloadCancelledError(f"The download of '{bundle.name}' was cancelled.")
            return job.run()


def lock_path(target: Path) -> Path:
    """Return the lock file of the model at `target`."""
    return target.with_name(f".{target.name}.lock")


@contextlib.contextmanager
def _errors_of_the_disk(name: str, size: int, folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, OutsideRootError) as error:
        raise StorageError(
            f"Cannot store the model '{name}' in '{folder}': {getattr(error, 'strerror', None) or error}. "
            f"Mount or choose a writable folder with {size / 1e6:.0f} MB of free space."
        ) from error


class _Job(Generic[File]):
    """The installation of a model into a folder, while the lock is held."""

    def __init__(
        self,
        layout: Layout[File],
        deliver: Deliver[File],
        progress: Callable[[Progress], None] | None,
        room: int,
    ) -> None:
        self.layout, self.deliver, self.progress, self.room = layout, deliver, progress, room
        self.bundle, self.folder, self.target = layout.bundle, layout.folder, layout.target
        self.shown = 0  # reported bytes

    def tell_waiting(self) -> None:
        logger.info("Waiting for another download of '%s' to '%s'.", self.bundle.name, self.folder)

    def run(self) -> Path:
        if self._is_there():
            return self.target
        self.layout.make_part()
        self.layout.check_room()
        self._check_space()
        logger.info("Downloading '%s' (%.1f MB) to '%s'.", self.bundle.name, self.bundle.size / 1e6, self.folder)
        listed, done = [], 0
        for file in self.bundle.files:
            listed.append(self._bring(file, done))
            done += file.size
        self.layout.publish(listed)
        note_verified(self.target)
        logger.info("Downloaded '%s'.", self.bundle.name)
        return self.target

    def _is_there(self) -> bool:
        """Return whether the model is in place; take a damaged one back for repair."""
        if not self.target.is_symlink() and not self.target.exists():
            return False
        try:
            check_all(self.target)
        except manifest.DamagedModelError as error:
            logger.warning("%s Downloading it again.", error)
            self.layout.take_back()
            return False
        if self.target.is_dir() and not any(self.target.iterdir()):
            self.target.rmdir()
            return False
        return True

    def _check_space(self) -> None:
        part = self.layout.part
        present = sum(path.stat().st_size for file in self.bundle.files if (path := part / file.path).is_file())
        needed, free = self.bundle.size - present + self.room + _SPARE, shutil.disk_usage(self.folder).free
        if free < needed:
            raise StorageError(
                f"The model '{self.bundle.name}' needs {needed / 1e6:.0f} MB more in '{self.folder}', but only "
                f"{free / 1e6:.0f} MB are free. Free some space and try again."
            )

    def _bring(self, file: File, before: int) -> FileEntry:
        def report(here: int) -> None:
            # Never decreases: the archive for one file may contain the next files too.
            self.shown = min(max(self.shown, before + here), self.bundle.size)
            if self.progress:
                self.progress(Progress(file.path, self.shown, self.bundle.size))

        path = path_inside(self.layout.part, *file.path.split("/"))  # also if there are links
        path.parent.mkdir(parents=True, exist_ok=True)
        return self.deliver(file, path, report)
