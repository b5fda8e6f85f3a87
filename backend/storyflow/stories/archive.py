"""Read members of a zip archive without trusting it: how much is unpacked is limited, whatever the archive says."""

import zipfile
import zlib
from pathlib import Path
from types import TracebackType

_LARGEST_DIRECTORY = 4 << 20
"""Bytes of the table of contents: some 40,000 members, each of which takes memory."""
_LARGEST_MEMBER = 16 << 20
_LARGEST_TOTAL = 64 << 20
_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x07"
_LONGEST_END = (1 << 16) + 22


class ArchiveError(ValueError):
    """The archive cannot be read; the message completes "The story … "."""


class Archive:
    """An open zip archive; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open an archive. Raises ArchiveError, or OSError if the file cannot be read."""
        _check_directory(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise ArchiveError("is damaged: its table of contents cannot be read. Get the file again.") from error
        self._left = _LARGEST_TOTAL

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name in self._zip.NameToInfo

    def read(self, name: str) -> bytes:
        """Return the content of a member; raise ArchiveError if it is missing, too large, encrypted or damaged."""
        try:
            info = self._zip.getinfo(name)
        except KeyError:
            raise ArchiveError(f"is damaged: '{name}' is missing in it. Get the file again.") from None
        if info.flag_bits & 1:
            raise ArchiveError("is protected by a password. Narrate a copy without one.")
        limit = min(_LARGEST_MEMBER, self._left)
        try:
            with self._zip.open(info) as member:
                data = member.read(limit + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            OSError,
            RuntimeError,
            ValueError,
        ) as error:
            raise ArchiveError(f"is damaged: '{name}' in it cannot be unpacked. Get the file again.") from error
        if len(data) > limit:
            raise ArchiveError(
                f"has more than {limit >> 20} MiB of text in '{name}', which no book has. It was not read any further."
            )
        self._left -= len(data)
        return data


def _check_directory(path: Path) -> None:
    """Refuse an archive whose table of contents would fill the memory; `zipfile` reads it whole."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _LONGEST_END))
        end = file.read()
    start = end.rfind(_END)
    if start < 0 or len(end) < start + 22:
        raise ArchiveError("is not an EPUB: it is no zip archive. Give a book in one of the supported formats.")
    too_large = int.from_bytes(end[start + 12 : start + 16], "little") > _LARGEST_DIRECTORY
    if too_large or end[max(0, start - 20) : start].startswith(_END_64):
        raise ArchiveError("has more files in it than a book has, so it was not opened.")
