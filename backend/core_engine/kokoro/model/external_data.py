"""Check the external data of an ONNX file before the runtime opens it.

An ONNX file may keep tensors in other files ("external data") by a location, an offset and a length, which come from
the model's author. A regular file next to the model is allowed. Everything else (`../`, absolute paths, symbolic and
hard links, ranges outside the file) is refused. The file is parsed as protobuf wire format, without the `onnx` package
and without reading the weights. A file that is not protobuf is left to the runtime, which has the better error message;
in a truncated message, the references before the end are still checked.

Field numbers: onnx.proto (ModelProto, GraphProto, TensorProto).
"""

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core_engine.kokoro.errors import ModelFileError
from core_engine.kokoro.graph.protobuf import NotProtobufError, mapped, messages

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_EXTERNAL_DATA = 13  # in TensorProto
_MAX_DEPTH = 64

# Message → field number → type of the message in that field: all paths from a model to a tensor.
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
    """A tensor's reference to data in another file."""

    location: str
    """File name, relative to the model's folder."""
    offset: int
    """First byte in that file."""
    length: int | None
    """Number of bytes; None means to the end of the file."""


def check_external_data(model_path: Path) -> list[ExternalData]:
    """Return a model's external data; raise ModelFileError unless all of it is in regular files next to the model.

    Files that are not ONNX models are not reported.
    """
    references = external_data(model_path)
    for reference in references:
        _check(reference, model_path)
    return references


def external_data(model_path: Path) -> list[ExternalData]:
    """Return the external data of an ONNX file; an empty list if it cannot be parsed."""
    try:
        return list(_references(mapped(model_path), "model", 0))
    except (OSError, ValueError):  # missing, empty, not protobuf: the runtime reports it
        return []


def _references(view: memoryview, message: str, depth: int) -> Iterator[ExternalData]:
    if depth > _MAX_DEPTH:
        raise ModelFileError("The model nests its graphs deeper than any real model; it was not opened.")
    if message == "tensor":
        yield from _of_tensor(view)
        return
    inner = _MESSAGES[message]
    with contextlib.suppress(NotProtobufError):
        for number, value in messages(view):
            if number in inner:
                yield from _references(value, inner[number], depth + 1)


def _of_tensor(view: memoryview) -> Iterator[ExternalData]:
    entries: dict[str, str] = {}
    with contextlib.suppress(NotProtobufError):
        for number, value in messages(view):
            if number == _EXTERNAL_DATA:
                key, text = _entry(value)
                if key in entries:
                    raise ModelFileError(f"The model gives the {key} of its external data twice; it was not opened.")
                entries[key] = text
    if entries:
        yield ExternalData(
            entries.get("location", ""), _whole_number(entries, "offset") or 0, _whole_number(entries, "length")
        )


def _entry(value: memoryview) -> tuple[str, str]:
    """Return the key and value of a StringStringEntryProto."""
    fields = {number: bytes(text).decode("utf-8", "replace") for number, text in messages(value)}
    return fields.get(1, ""), fields.get(2, "")


def _whole_number(entries: dict[str, str], key: str) -> int | None:
    text = entries.get(key)
    if not text:
        return None
    if not _WHOLE_NUMBER.fullmatch(text):
        raise ModelFileError(
            f"The {key} of the model's external data is {text[:40]!r}, not a whole number; it was not opened."
        )
    return int(text)


def _check(reference: ExternalData, model_path: Path) -> None:
    def refuse(reason: str) -> ModelFileError:
        return ModelFileError(
            f"The model '{model_path}' keeps tensors in '{reference.location}', {reason}. It was not opened. "
            f"Use a model whose data is in the file itself or in a regular file next to it."
        )

    if not _is_plain_name(reference.location):
        raise refuse("which is not a file name in the model's folder")
    try:
        status = os.lstat(model_path.parent / reference.location)
    except OSError as error:
        raise refuse("which does not exist") from error
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise refuse("which is a link or not a regular file")
    if reference.offset < 0 or (reference.length or 0) < 0:
        raise refuse("at a negative offset or with a negative length")
    if reference.offset + (reference.length or 0) > status.st_size:
        raise refuse("beyond the end of that file")


def _is_plain_name(location: str) -> bool:
    return location not in ("", ".", "..") and not any(character in location for character in "/\\:\0")
