"""What an ONNX file says of itself: inputs, outputs, opset, parameters, notes. Read without the runtime.

Only the frame of the file is looked at, never the weights, so it takes milliseconds whatever the size.
Field numbers: onnx.proto (ModelProto, GraphProto, NodeProto, TensorProto, ValueInfoProto, TypeProto).
"""

import math
import mmap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core_engine.kokoro.model.protobuf import BrokenOffError, NotProtobufError, fields, messages, varint

_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16", 21: "uint4", 22: "int4",
}  # fmt: skip
_OF_SHAPES = frozenset(["int32", "int64", "bool", "string"])
"""Types of tensors that steer the graph; all others hold parameters."""
_MAX_IR_VERSION = 64
"""Every exporter writes the version of the format first; it is 13 in 2026."""


class NotOnnxError(ValueError):
    """The file is no ONNX model."""


class TruncatedModelError(NotOnnxError):
    """The file is the beginning of an ONNX model."""

    def __init__(self, missing: int) -> None:
        """Say how many bytes are missing at least."""
        super().__init__(f"at least {missing} bytes are missing")
        self.missing = missing


@dataclass(frozen=True)
class TensorFacts:
    """One input or output."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    """Lengths; a name where the length changes."""


@dataclass(frozen=True)
class ModelFacts:
    """What the file says."""

    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    opset: int
    """Version of the operators of ONNX itself."""
    producer: str
    parameters: int
    """Numbers that were learned."""
    precision: str
    """Type of most parameters."""
    notes: Mapping[str, str]
    """The metadata that the exporter wrote."""


def read_model_facts(path: Path) -> ModelFacts:
    """Return what the ONNX file at `path` says of itself.

    Raises TruncatedModelError for one that breaks off, NotOnnxError for anything else, OSError.
    """
    with path.open("rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise NotOnnxError("the file is empty") from error
    try:
        return _model(memoryview(data))
    except BrokenOffError as error:
        raise TruncatedModelError(error.missing) from error
    except NotProtobufError as error:
        raise NotOnnxError(str(error)) from error


def _model(view: memoryview) -> ModelFacts:
    graphs, opset, producer = [], 0, ""
    notes: dict[str, str] = {}
    begins_well = bytes(view[:1]) == b"\x08" and 0 < view[1] < _MAX_IR_VERSION if len(view) > 1 else False
    try:
        for number, value in messages(view):
            if number == 7:
                graphs.append(value)
            elif number == 8:
                domain, version = _opset(value)
                opset = version if domain in ("", "ai.onnx") else opset
            elif number == 2:
                producer = _text(value)
            elif number == 14:
                key, text = _note(value)
                notes[key] = text
    except BrokenOffError:
        if begins_well:
            raise
        raise NotProtobufError("it does not begin like a model") from None  # the bytes look like a field by chance
    if not graphs:
        raise NotProtobufError("it has no graph")
    return _graph(graphs[-1], opset, producer, notes)


def _graph(view: memoryview, opset: int, producer: str, notes: Mapping[str, str]) -> ModelFacts:
    inputs, outputs, tensors = [], [], []
    for number, value in messages(view):
        if number == 11:
            inputs.append(_value_info(value))
        elif number == 12:
            outputs.append(_value_info(value))
        elif number == 5:
            tensors.append(_tensor(value))
        elif number == 1:
            tensors += _constants(value)
    initialized = {tensor.name for tensor in tensors}  # old files list them among the inputs too
    learned: Counter[str] = Counter()
    for tensor in tensors:
        if tensor.dtype not in _OF_SHAPES:
            learned[tensor.dtype] += math.prod(size for size in tensor.shape if isinstance(size, int))
    return ModelFacts(
        inputs=tuple(tensor for tensor in inputs if tensor.name not in initialized),
        outputs=tuple(outputs),
        opset=opset,
        producer=producer,
        parameters=sum(learned.values()),
        precision=learned.most_common(1)[0][0] if learned else "none",
        notes=notes,
    )


def _constants(node: memoryview) -> Iterator[TensorFacts]:
    for number, attribute in messages(node):
        if number == 5:
            yield from (_tensor(value) for inner, value in messages(attribute) if inner == 5)


def _tensor(view: memoryview) -> TensorFacts:
    name, dtype = "", 0
    shape: list[int | str] = []
    for number, value in fields(view):
        if number == 1:
            shape += [value] if isinstance(value, int) else _packed(value)
        elif number == 2 and isinstance(value, int):
            dtype = value
        elif number == 8 and isinstance(value, memoryview):
            name = _text(value)
    return TensorFacts(name, _TYPES.get(dtype, f"type {dtype}"), tuple(shape))


def _value_info(view: memoryview) -> TensorFacts:
    found = dict(messages(view))
    kind = dict(messages(found.get(2, _NOTHING))).get(1, _NOTHING)
    dtype = next((value for number, value in fields(kind) if number == 1 and isinstance(value, int)), 0)
    shape = dict(messages(kind)).get(2, _NOTHING)
    lengths = [_length(value) for number, value in messages(shape) if number == 1]
    return TensorFacts(_text(found.get(1, _NOTHING)), _TYPES.get(dtype, f"type {dtype}"), tuple(lengths))


def _length(view: memoryview) -> int | str:
    found = dict(fields(view))
    size = found.get(1)
    return size if isinstance(size, int) else _text(found.get(2, _NOTHING)) or "?"


def _opset(view: memoryview) -> tuple[str, int]:
    found = dict(fields(view))
    version = found.get(2, 0)
    return _text(found.get(1, _NOTHING)), version if isinstance(version, int) else 0


def _note(view: memoryview) -> tuple[str, str]:
    found = dict(messages(view))
    return _text(found.get(1, _NOTHING)), _text(found.get(2, _NOTHING))


def _packed(view: memoryview) -> list[int]:
    numbers, position = [], 0
    while position < len(view):
        number, position = varint(view, position)
        numbers.append(number)
    return numbers


def _text(value: int | memoryview) -> str:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, memoryview) else ""


_NOTHING = memoryview(b"")
