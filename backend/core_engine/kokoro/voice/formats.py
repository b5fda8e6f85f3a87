"""Read the published formats of voice packs, detected by content, without trusting the files.

The formats are NPZ of name → array, raw little-endian float32 of one voice or of all eleven voices of v0.19, and JSON
of name → nested lists. Pickles (`.pt`, object arrays) can run code, so they are never loaded. Voices are read one at a
time and sizes are checked first, so that a hostile file costs little memory and time.
"""

import io
import json
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from itertools import islice, pairwise
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.dimensions import MAX_TOKENS, STYLE_SIZE
from core_engine.kokoro.errors import VoicePackError

VoicePack = npt.NDArray[np.float32]
"""float32 of shape (rows, 1, 256)."""

_ROW_BYTES = STYLE_SIZE * 4
_RAW_ROWS = (MAX_TOKENS + 1, MAX_TOKENS)
_ALL_VOICES_OF_V0_19 = (
    "af", "af_bella", "af_nicole", "af_sarah", "af_sky", "am_adam", "am_michael",
    "bf_emma", "bf_isabella", "bm_george", "bm_lewis",
)  # fmt: skip
_RAW_VOICES = {
    **{rows * _ROW_BYTES: 1 for rows in _RAW_ROWS},
    len(_ALL_VOICES_OF_V0_19) * _RAW_ROWS[0] * _ROW_BYTES: len(_ALL_VOICES_OF_V0_19),
}
"""Size of a raw file → number of voices in it."""
_MAX_ROWS = MAX_TOKENS + 2
_MAX_NPY_BYTES = _MAX_ROWS * _ROW_BYTES + 4096
_MAX_JSON_BYTES = _MAX_ROWS * STYLE_SIZE * 40
"""Longest JSON of one voice: forty characters per number."""
_MAX_DIRECTORY_BYTES = 1 << 20
"""Largest central directory of an NPZ: room for ten thousand voices."""
_MAX_JSON_VOICES = 10_000
_MAX_STYLE = 100.0
"""Largest plausible absolute value: those of the published voices are below 3."""
_JSON_START = re.compile(rb'\s*\{\s*"')
_JSON_KEY = re.compile(rb'"([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})"[ \t\r\n]*:(?=[ \t\r\n]{0,64}\[[ \t\r\n]{0,64}[\[0-9-])')
"""The name of a voice, followed by a list of lists or numbers, unlike the keys of a model's configuration."""
_END_RECORD = struct.Struct("<4s4H2LH")
"""The end record of a ZIP's central directory; its sixth field is the directory's size (PKWARE APPNOTE 4.3.16)."""
_ZIP64_LOCATOR = b"PK\6\7"
_VOICE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


class VoiceFormat(Protocol):
    """A file of voices."""

    def names(self) -> tuple[str, ...]:
        """Return the names of the voices."""

    def read(self, name: str) -> VoicePack:
        """Return one voice; raise VoicePackError if it is invalid."""


def format_of(path: Path) -> VoiceFormat:
    """Return the reader for the format of `path`; raise VoicePackError if it is not a voice pack."""
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return _Npz(path)
    if head.startswith(b"\x93NUMPY"):
        return _Npy(path)
    if _JSON_START.match(head):
        return _Json(path)
    # A raw pack may start with any byte, so its size is checked before the signature of a pickle.
    if head.startswith(b"\x80") and path.stat().st_size not in _RAW_VOICES:
        raise _refused(path, "it is a Python pickle, which can run code and is never loaded")
    return _Raw(path)


@dataclass(frozen=True)
class _Npz:
    """A ZIP of `name.npy` files from numpy.savez; published with the suffixes .npz and .bin."""

    path: Path

    def names(self) -> tuple[str, ...]:
        with self._open() as archive:
            members = archive.namelist()
        if any(member.endswith(".pkl") for member in members):
            raise _refused(
                self.path, "it is a PyTorch file with a pickle inside, which can run code and is never loaded"
            )
        names = (member.removesuffix(".npy") for member in members if member.endswith(".npy"))
        return tuple(name for name in names if _VOICE_NAME.fullmatch(name))

    def read(self, name: str) -> VoicePack:
        try:
            with self._open() as archive, archive.open(_plainly_packed(archive, f"{name}.npy")) as member:
                # One byte more than any pack: a member that unpacks to more is not read to its end.
                data = member.read(_MAX_NPY_BYTES + 1)
        except (KeyError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError) as error:
            raise _refused(self.path, f"its voice '{name}' cannot be unpacked ({error})") from error
        return _parse_npy(data, self.path, name)

    def _open(self) -> zipfile.ZipFile:
        _check_directory(self.path)
        try:
            return zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError) as error:
            raise _refused(self.path, f"it is a damaged ZIP file ({error})") from error


@dataclass(frozen=True)
class _Npy:
    """One voice from numpy.save, named after its file."""

    path: Path

    def names(self) -> tuple[str, ...]:
        return (self.path.stem,)

    def read(self, name: str) -> VoicePack:
        with self.path.open("rb") as file:
            return _parse_npy(file.read(_MAX_NPY_BYTES + 1), self.path, name)


@dataclass(frozen=True)
class _Raw:
    """Raw little-endian float32: one voice, named after its file, or all eleven of v0.19 in order."""

    path: Path

    def names(self) -> tuple[str, ...]:
        size = self.path.stat().st_size
        if size not in _RAW_VOICES:
            raise _refused(
                self.path, f"its {size} bytes are neither one voice nor the eleven of v0.19, nor a known format"
            )
        return (self.path.stem,) if _RAW_VOICES[size] == 1 else _ALL_VOICES_OF_V0_19

    def read(self, name: str) -> VoicePack:
        names = self.names()
        if name not in names:
            raise _refused(self.path, f"it has no voice '{name}'")
        length = self.path.stat().st_size // len(names)
        with self.path.open("rb") as file:
            file.seek(names.index(name) * length)
            data = file.read(length)
        if len(data) != length:
            raise _refused(self.path, "it changed while it was being read")
        return _checked(np.frombuffer(data, dtype="<f4").reshape(-1, 1, STYLE_SIZE), self.path, name)


@dataclass(frozen=True)
class _Json:
    """Name → nested lists; parsed voice by voice, because Python lists take ten times the memory of the numbers."""

    path: Path

    def names(self) -> tuple[str, ...]:
        return tuple(self._spans())

    def read(self, name: str) -> VoicePack:
        span = self._spans().get(name)
        if span is None or span[1] - span[0] > _MAX_JSON_BYTES:
            raise _refused(self.path, f"its voice '{name}' is missing or too long")
        with self.path.open("rb") as file:
            file.seek(span[0])
            text = file.read(span[1] - span[0])
        if text.count(b"[") > 2 * _MAX_ROWS + 1 or text.count(b",") > _MAX_ROWS * (STYLE_SIZE + 1):
            raise _refused(self.path, f"its voice '{name}' is longer than any voice")
        try:
            with np.errstate(over="ignore"):  # infinity is rejected below
                numbers = np.array(json.loads(text.rstrip(b" \t\r\n,")), dtype=np.float32)
        except (ValueError, TypeError, RecursionError, OverflowError) as error:
            raise _refused(self.path, f"its voice '{name}' is not a nested list of numbers ({error})") from error
        return _checked(numbers, self.path, name)

    def _spans(self) -> dict[str, tuple[int, int]]:
        """Return the start and end of each voice's list, found by the names alone."""
        with self.path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
            found = islice(_JSON_KEY.finditer(text), _MAX_JSON_VOICES + 1)
            keys = [(match[1].decode(), match.start(), match.end()) for match in found]
            end = text.rfind(b"}")
        if not 0 < len(keys) <= _MAX_JSON_VOICES or end < keys[-1][2]:
            raise _refused(self.path, "it is JSON, but not an object of name → list of numbers")
        keys.append(("", end, end))
        return {name: (begin, stop) for (name, _, begin), (_, stop, _) in pairwise(keys)}


def _refused(path: Path, reason: str) -> VoicePackError:
    return VoicePackError(
        f"'{path}' cannot be used as a voice pack: {reason}. Expected float32 of shape (rows, 1, {STYLE_SIZE}) as NPZ, "
        f"raw float32 or JSON; download it again from where the model came from."
    )


def _plainly_packed(archive: zipfile.ZipFile, member: str) -> zipfile.ZipInfo:
    """Return the entry of a stored or deflated member; other methods cannot be unpacked in pieces."""
    entry = archive.getinfo(member)
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile("it uses a compression method that numpy never uses")
    return entry


def _check_directory(path: Path) -> None:
    """Refuse a ZIP with a huge central directory, since reading that could exhaust memory."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - _END_RECORD.size - 0xFFFF))
        tail = file.read()
    position = tail.rfind(b"PK\5\6")
    if position < 0 or len(tail) - position < _END_RECORD.size:
        raise _refused(path, "it starts like a ZIP file but has no end record; the download is incomplete")
    # The ZIP64 record, for archives larger than any voice pack, has another size.
    is_zip64 = _ZIP64_LOCATOR in tail[max(0, position - 20) : position]
    if is_zip64 or _END_RECORD.unpack_from(tail, position)[5] > _MAX_DIRECTORY_BYTES:
        raise _refused(path, "its central directory is larger than that of any voice pack")


def _parse_npy(data: bytes, path: Path, name: str) -> VoicePack:
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(stream, max_header_size=4096)
    except Exception as error:  # numpy's parsers raise a dozen exception types
        raise _refused(path, f"its voice '{name}' is not an array of numbers ({error})") from error
    if dtype != np.dtype("<f4") or not _is_shape(shape):
        raise _refused(path, f"its voice '{name}' is {dtype} of shape {shape}")
    body = data[stream.tell() :]
    if len(body) != shape[0] * _ROW_BYTES:
        raise _refused(path, f"its voice '{name}' has {len(body)} bytes for a shape of {shape}")
    pack = np.frombuffer(body, dtype="<f4").reshape(shape, order="F" if fortran else "C")
    return _checked(pack, path, name)


def _is_shape(shape: tuple[int, ...]) -> bool:
    return shape[1:] in ((1, STYLE_SIZE), (STYLE_SIZE,)) and 1 <= shape[0] <= _MAX_ROWS


def _checked(numbers: npt.NDArray[np.float32], path: Path, name: str) -> VoicePack:
    """Return the numbers as a pack with its own memory; raise VoicePackError if they are not one."""
    if not _is_shape(numbers.shape):
        raise _refused(path, f"its voice '{name}' has the shape {numbers.shape}")
    if not np.all(np.abs(numbers) <= _MAX_STYLE):  # false for NaN too
        raise _refused(path, f"its voice '{name}' has values that are not finite or too large for a style vector")
    return np.array(numbers, dtype=np.float32, order="C").reshape(len(numbers), 1, STYLE_SIZE)
