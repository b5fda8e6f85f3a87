"""Read an ONNX file's inputs, outputs, opset, parameter count and metadata, without the runtime.

The weights are never read, so it takes milliseconds for a file of any size.
Field numbers: onnx.proto (ModelProto, GraphProto, NodeProto, TensorProto, ValueInfoProto, TypeProto).
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core_engine.kokoro.graph.protobuf import BrokenOffError, NotProtobufError, fields, mapped, messages, packed

_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16", 21: "uint4", 22: "int4",
}  # fmt: skip
_OF_SHAPES = frozenset(["int32", "int64", "bool", "string"])
"""Types of tensors for shapes and control flow; all other tensors hold parameters."""
_MAX_IR_VERSION = 64
"""A limit for the IR version, which every exporter writes first; it is 13 in 2026."""


class NotOnnxError(ValueError):
    """The file is not an ONNX model."""


class TruncatedModelError(NotOnnxError):
    """The file is the start of an ONNX model, but the end is missing."""

    def __init__(self, missing: int) -> None:
        """Store the minimum number of missing bytes."""
        super().__init__(f"at least {missing} bytes are missing")
        self.missing = missing


@dataclass(frozen=True)
class TensorFacts:
    """An input or output."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    """Length of each dimension, or its name if the length is variable."""


@dataclass(frozen=True)
class ModelFacts:
    """The description of a model, from its file."""

    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    opset: int
    """Opset version of the standard ONNX operators."""
    producer: str
    parameters: int
    """Number of learned parameters."""
    precision: str
    """Type of most parameters."""
    notes: Mapping[str, str]
    """Metadata written by the exporter."""


def read_model_facts(path: Path) -> ModelFacts:
    """Return the description of the ONNX file at `path`.

    Raises TruncatedModelError for a truncated file, NotOnnxError for any other invalid file, and OSError.
    """
    try:
        view = mapped(path)
    except ValueError as error:
        raise NotOnnxError("the file is empty") from error
    try:
        return _model(view)
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
        raise NotProtobufError("it does not start like an ONNX model") from None  # a field by chance only
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
    initialized = {tensor.name for tensor in tensors}  # older files also list them as inputs
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
            shape += [value] if isinstance(value, int) else packed(value)
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


def _text(value: int | memoryview) -> str:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, memoryview) else ""


_NOTHING = memoryview(b"")
