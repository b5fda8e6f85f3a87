"""What an ONNX file would make the runtime open besides itself, found before the runtime opens anything.

An ONNX file may keep tensors in other files ("external data"): a location, an offset and a length, written by whoever
made the model. A plain file next to the model is fine. Everything else (`../`, absolute paths, symbolic and hard links,
ranges outside the file) is refused. The file is walked as protobuf wire format, without the `onnx` package and without
reading the weights. A file that is no protobuf goes on to the runtime, which says so better than we could; of a message
that breaks off, what was found before the break counts.

Field numbers: onnx.proto (ModelProto, GraphProto, TensorProto), wire format: protobuf's encoding guide.
"""

import contextlib
import mmap
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core_engine.kokoro.errors import ModelFileError

_VARINT, _BYTES = 0, 2
_GROUP_BEGIN, _GROUP_END = 3, 4
_FIXED_WIDTH = {1: 8, 5: 4}
"""Wire type → bytes to pass over."""
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_EXTERNAL_DATA = 13  # in TensorProto
_MAX_DEPTH = 64

# Message → field number → the message in that field: the ways from a model to a tensor.
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
}


@dataclass(frozen=True)
class ExternalData:
    """Where a tensor says its bytes lie."""

    location: str
    """File name, relative to the model's folder."""
    offset: int
    """First byte in that file."""
    length: int | None
    """Number of bytes; None for all to the end."""


class _NotProtobufError(ValueError):
    """The bytes are not a protobuf message."""


def check_external_data(model_path: Path) -> None:
    """Refuse a model that would make the runtime read anything but plain files beside it.

    Raises ModelFileError; says nothing about files that are no ONNX models.
    """
    for reference in external_data(model_path):
        _check(reference, model_path)


def external_data(model_path: Path) -> list[ExternalData]:
    """Return what an ONNX file keeps in other files; nothing for a file that is not readable as one."""
    try:
        with model_path.open("rb") as file:
            # Not closed by hand: an exception would still hold slices of it. It goes with its last slice.
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return list(_references(memoryview(data), "model", 0))
    except (OSError, ValueError):  # missing, empty, not protobuf: the runtime reports it
        return []


def _references(view: memoryview, message: str, depth: int) -> Iterator[ExternalData]:
    if depth > _MAX_DEPTH:
        raise ModelFileError("The model nests its graphs deeper than any real model does; it was not opened.")
    if message == "tensor":
        yield from _of_tensor(view)
        return
    inner = _MESSAGES[message]
    with contextlib.suppress(_NotProtobufError):
        for number, value in _fields(view):
            if number in inner:
                yield from _references(value, inner[number], depth + 1)


def _of_tensor(view: memoryview) -> Iterator[ExternalData]:
    entries: dict[str, str] = {}
    with contextlib.suppress(_NotProtobufError):
        for number, value in _fields(view):
            if number == _EXTERNAL_DATA:
                key, text = _entry(value)
                if key in entries:
                    raise ModelFileError(f"The model names the {key} of its external data twice; it was not opened.")
                entries[key] = text
    if entries:
        yield ExternalData(
            entries.get("location", ""), _whole_number(entries, "offset") or 0, _whole_number(entries, "length")
        )


def _entry(value: memoryview) -> tuple[str, str]:
    """Return the key and value of one StringStringEntryProto."""
    fields = {number: bytes(text).decode("utf-8", "replace") for number, text in _fields(value)}
    return fields.get(1, ""), fields.get(2, "")


def _whole_number(entries: dict[str, str], key: str) -> int | None:
    text = entries.get(key)
    if not text:
        return None
    if not _WHOLE_NUMBER.fullmatch(text):
        raise ModelFileError(
            f"The {key} of the model's external data is {text[:40]!r} and no whole number; it was not opened."
        )
    return int(text)


def _fields(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the number and bytes of every field of a message that has bytes; all others are passed over.

    Fields of an unexpected type and groups are not errors: a parser keeps them as unknown fields and goes on.
    """
    position = groups = 0
    while position < len(view):
        tag, position = _varint(view, position)
        number, wire_type = (tag & 0xFFFFFFFF) >> 3, tag & 7  # parsers drop what does not fit into 32 bits
        if wire_type == _VARINT:
            _, position = _varint(view, position)
        elif wire_type == _BYTES:
            size, position = _varint(view, position)
            if size > len(view) - position:
                raise _NotProtobufError
            if groups <= 0:
                yield number, view[position : position + size]
            position += size
        elif wire_type in _FIXED_WIDTH:
            position += _FIXED_WIDTH[wire_type]
        elif wire_type in (_GROUP_BEGIN, _GROUP_END):
            groups += 1 if wire_type == _GROUP_BEGIN else -1
        else:
            raise _NotProtobufError


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(view) and shift < 70:
        byte = view[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
    raise _NotProtobufError


def _check(reference: ExternalData, model_path: Path) -> None:
    def refuse(reason: str) -> ModelFileError:
        return ModelFileError(
            f"The model '{model_path}' keeps tensors in '{reference.location}', {reason}. It was not opened. "
            f"Use a model whose data is in the file itself or in a plain file beside it."
        )

    if not _is_plain_name(reference.location):
        raise refuse("which is not a file name in the model's own folder")
    try:
        status = os.lstat(model_path.parent / reference.location)
    except OSError as error:
        raise refuse("which is not there") from error
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise refuse("which is a link or not a plain file")
    if reference.offset < 0 or (reference.length or 0) < 0:
        raise refuse("at a negative offset or with a negative length")
    if reference.offset + (reference.length or 0) > status.st_size:
        raise refuse("beyond the end of that file")


def _is_plain_name(location: str) -> bool:
    return location not in ("", ".", "..") and not any(character in location for character in "/\\:\0")
