"""Read protobuf's wire format, as far as ONNX files need it, without a schema and without copies.

Groups and fields of unexpected types are not errors: protobuf parsers keep them as unknown fields.
Source: protobuf's encoding guide.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

_VARINT, _BYTES = 0, 2
_GROUP_BEGIN, _GROUP_END = 3, 4
_FIXED_WIDTH = {1: 8, 5: 4}
"""Wire type → bytes to skip."""


class NotProtobufError(ValueError):
    """The bytes are not a protobuf message."""


class BrokenOffError(NotProtobufError):
    """A field is longer than the rest of its message."""

    def __init__(self, missing: int) -> None:
        """Store the minimum number of missing bytes."""
        super().__init__(f"{missing} bytes are missing")
        self.missing = missing


def mapped(path: Path) -> memoryview:
    """Return the bytes of a file without reading it; raises OSError, and ValueError for an empty file."""
    with path.open("rb") as file:
        # Not closed explicitly: an exception may still hold slices. It is freed with its last slice.
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def fields(view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and value of every varint and length-delimited field of a message, in order.

    Raises NotProtobufError at invalid data; the fields before it are yielded first.
    """
    position = groups = 0
    while position < len(view):
        tag, position = varint(view, position)
        number, wire_type = (tag & 0xFFFFFFFF) >> 3, tag & 7  # parsers drop bits beyond 32
        if wire_type == _VARINT:
            value, position = varint(view, position)
            if groups <= 0:
                yield number, value
        elif wire_type == _BYTES:
            size, position = varint(view, position)
            if size > len(view) - position:
                raise BrokenOffError(size - (len(view) - position))
            if groups <= 0:
                yield number, view[position : position + size]
            position += size
        elif wire_type in _FIXED_WIDTH:
            position += _FIXED_WIDTH[wire_type]
        elif wire_type in (_GROUP_BEGIN, _GROUP_END):
            groups += 1 if wire_type == _GROUP_BEGIN else -1
        else:
            raise NotProtobufError("a field has an invalid wire type")


def messages(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield only the length-delimited `fields`: strings, packed numbers and nested messages."""
    for number, value in fields(view):
        if isinstance(value, memoryview):
            yield number, value


def encoded(number: int, content: bytes) -> bytes:
    """Encode a length-delimited field: a string or a nested message."""
    return header(number, len(content)) + content


def header(number: int, size: int) -> bytes:
    """Encode what stands before the `size` bytes of a length-delimited field."""
    return _encoded_varint(number << 3 | _BYTES) + _encoded_varint(size)


def encoded_number(number: int, value: int) -> bytes:
    """Encode a varint field; `value` must not be negative."""
    return _encoded_varint(number << 3 | _VARINT) + _encoded_varint(value)


def packed(view: memoryview) -> list[int]:
    """Return the varints of a packed field; raises NotProtobufError."""
    numbers, position = [], 0
    while position < len(view):
        number, position = varint(view, position)
        numbers.append(number)
    return numbers


def varint(view: memoryview, position: int) -> tuple[int, int]:
    """Return the varint at `position` and the position after it; raises NotProtobufError."""
    value = shift = 0
    while position < len(view) and shift < 70:
        byte = view[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
    raise NotProtobufError("truncated varint")


def _encoded_varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])
