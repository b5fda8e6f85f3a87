"""Identify a user's file by its content.

The common mistakes get their own messages: a web page saved in place of the file, a Git LFS pointer, an incomplete
download, PyTorch weights instead of the ONNX export, and the voices of another version.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core_engine.kokoro.errors import ModelFileError, VoicePackError
from core_engine.kokoro.model.facts import ModelFacts, NotOnnxError, TruncatedModelError, read_model_facts
from core_engine.kokoro.speech.versions import version_of_notes, version_of_pack
from core_engine.kokoro.voice.formats import format_of
from engines.store.manifest import sha256_of
from storyflow.models.errors import WrongFileError
from storyflow.models.registry import KnownFile, KnownModel, Published, Registry

_HEAD_BYTES = 4096
_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|body|\?xml)", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>\s*(.{1,80}?)\s*</title>", re.IGNORECASE | re.DOTALL)
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\s+oid sha256:([0-9a-f]{64})\s+size (\d{1,15})")
_OTHER_FORMATS = {
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"7z\xbc\xaf": "a 7-Zip archive; unpack it first",
    b"\xfd7zXZ": "an xz archive; unpack it first",
    b"GGUF": "GGUF weights, which onnxruntime cannot read; download the ONNX export",
    b"\x89HDF": "HDF5 weights, which onnxruntime cannot read; download the ONNX export",
    b"\x89PNG": "a picture",
    b"RIFF": "an audio file",
}
_TENSOR_NAMES = frozenset(["tokens", "input_ids"])
_PYTORCH = (
    "PyTorch weights: a pickle, which can run code when it is loaded and is therefore never loaded here; download "
    "the ONNX export (.onnx), or the voices as .bin or .npz"
)

Match = tuple[KnownModel, KnownFile, Published]


@dataclass(frozen=True)
class ModelFile:
    """An ONNX file with the tensors of a Kokoro export."""

    path: Path
    size: int
    sha256: str
    facts: ModelFacts
    version: str | None
    """Version of Kokoro; None if neither the file nor the registry says."""
    known: Match | None
    """The published file that it is."""


@dataclass(frozen=True)
class VoicesFile:
    """A file with voice packs, all of which can be read."""

    path: Path
    size: int
    sha256: str
    rows: Mapping[str, int]
    """Voice → rows of its pack."""
    version: str | None
    """Version of Kokoro; None if the length of the packs is unknown."""
    known: Match | None


def identify(path: Path, registry: Registry) -> ModelFile | VoicesFile:
    """Return what `path` is; raise WrongFileError for an unusable file, saying what it is instead."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        size = path.stat().st_size
        _refuse_impostors(path, head, size)
        return _voices(path, size, registry) if _looks_like_voices(path, head) else _model(path, size, registry)
    except OSError as error:
        raise WrongFileError(f"'{path}' cannot be read: {error.strerror or error}.") from error


def describe(file: ModelFile | VoicesFile) -> str:
    """Return a one-line description of a file."""
    if isinstance(file, VoicesFile):
        return f"{file.path.name}: {len(file.rows)} voices of Kokoro {file.version or 'of an unknown version'}"
    names = ", ".join(tensor.name for tensor in file.facts.inputs)
    outputs = ", ".join(tensor.name for tensor in file.facts.outputs)
    version = f"Kokoro {file.version}" if file.version else "a Kokoro export of unknown version"
    return (
        f"{file.path.name}: {version}, {file.facts.precision}, {file.facts.parameters / 1e6:.1f} million parameters, "
        f"{names} → {outputs}"
    )


def _refuse_impostors(path: Path, head: bytes, size: int) -> None:
    if not size:
        raise _wrong(path, "an empty file; download it again")
    if pointer := _POINTER.match(head):
        raise _wrong(
            path,
            f"a Git LFS pointer to a file of {int(pointer[2])} bytes with the SHA-256 {pointer[1].decode()}. Download "
            f"the file itself, with `git lfs pull` in its repository",
        )
    if _PAGE.match(head):
        title = _TITLE.search(head)
        named = f" ('{title[1].decode('utf-8', 'replace')}')" if title else ""
        raise _wrong(path, f"a web page{named} of {size} bytes, saved under this name. Download the file itself")
    for mark, what in _OTHER_FORMATS.items():
        if head.startswith(mark):
            raise _wrong(path, what)
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < size:
        raise _wrong(path, "safetensors weights, which onnxruntime cannot read; download the ONNX export")
    if size <= _HEAD_BYTES and _is_text(head) and not head.lstrip().startswith(b"{"):
        raise _wrong(path, f"{size} bytes of text, starting with {head[:60].decode('utf-8', 'replace').strip()!r}")


def _looks_like_voices(path: Path, head: bytes) -> bool:
    if head.startswith((b"PK", b"\x93NUMPY", b"\x80")) or head.lstrip().startswith(b"{"):
        return True
    try:
        return bool(format_of(path).names())
    except VoicePackError:
        return path.suffix.lower() != ".onnx" and not head.startswith(b"\x08")


def _voices(path: Path, size: int, registry: Registry) -> VoicesFile:
    try:
        file = format_of(path)
        rows = {name: len(file.read(name)) for name in file.names()}
    except VoicePackError as error:
        if "PyTorch" in str(error) or "pickle" in str(error):
            raise _wrong(path, _PYTORCH) from error
        raise WrongFileError(str(error)) from error
    if not rows:
        raise _wrong(path, "an archive without voices; if the files are inside, unpack it")
    versions = {version_of_pack(count) for count in rows.values()}
    digest = sha256_of(path)
    return VoicesFile(path, size, digest, rows, versions.pop() if len(versions) == 1 else None, registry.find(digest))


def _model(path: Path, size: int, registry: Registry) -> ModelFile:
    try:
        facts = read_model_facts(path)
    except TruncatedModelError as error:
        raise _wrong(
            path,
            f"an incomplete ONNX model: it has {size} bytes, and at least {error.missing} are missing. Download it "
            f"again",
        ) from error
    except NotOnnxError as error:
        what = f"neither an ONNX model nor a voice pack ({error}); it starts with {_begin(path)}"
        raise _wrong(path, what) from error
    names = {tensor.name for tensor in facts.inputs}
    if not names & _TENSOR_NAMES:
        raise _wrong(
            path,
            f"an ONNX model, but not Kokoro: its inputs are {', '.join(sorted(names)) or 'none'}, and Kokoro's are "
            f"tokens (or input_ids), style and speed",
        )
    digest = sha256_of(path)
    known = registry.find(digest)
    try:
        version = known[0].version if known else version_of_notes(facts.notes)
    except ModelFileError as error:
        raise WrongFileError(f"'{path}': {error}") from error
    return ModelFile(path, size, digest, facts, version, known)


def _begin(path: Path) -> str:
    with path.open("rb") as file:
        return repr(file.read(12))


def _is_text(head: bytes) -> bool:
    try:
        return all(character.isprintable() or character.isspace() for character in head.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _wrong(path: Path, what: str) -> WrongFileError:
    return WrongFileError(f"'{path}' is {what}.")
