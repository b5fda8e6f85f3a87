"""An ONNX graph as its nodes and constants, read and written without the `onnx` package.

Field numbers: onnx.proto (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph.protobuf import encoded, encoded_number, fields, header, messages, packed

_MODEL_GRAPH, _MODEL_OPSET = 7, 8
_NODE, _INITIALIZER, _OUTPUT = 1, 5, 12  # in GraphProto
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_KIND, _NODE_ATTRIBUTE = 1, 2, 3, 4, 5
_NAME = 1  # in ValueInfoProto and AttributeProto
_FLOAT, _INT, _STRING, _GRAPH, _INTS, _GRAPHS, _TYPE = 2, 3, 4, 6, 8, 11, 20  # in AttributeProto
_TYPE_FLOAT, _TYPE_INT, _TYPE_INTS = 1, 2, 7
_DIMS, _ELEMENT, _FLOAT_DATA, _INT32_DATA, _INT64_DATA, _TENSOR_NAME, _RAW = 1, 2, 4, 5, 7, 8, 9  # in TensorProto
_ELEMENTS: Mapping[int, npt.DTypeLike] = {1: "<f4", 2: "u1", 3: "i1", 7: "<i8"}

Part = bytes | memoryview
Attribute = int | float | Sequence[int]


@dataclass(frozen=True)
class Node:
    """An operator with the names of its tensors."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    content: Part
    """The encoded NodeProto."""

    @classmethod
    def new(cls, kind: str, inputs: Sequence[str], output: str, **attributes: Attribute) -> "Node":
        """Return a node of the standard operators with one output."""
        parts = [encoded(_NODE_INPUT, _bytes(name)) for name in inputs]
        parts += [encoded(_NODE_OUTPUT, _bytes(output)), encoded(_NODE_NAME, _bytes(f"{output}/{kind}"))]
        parts += [encoded(_NODE_KIND, _bytes(kind))]
        parts += [encoded(_NODE_ATTRIBUTE, _attribute(name, value)) for name, value in attributes.items()]
        return cls(kind, tuple(inputs), (output,), b"".join(parts))

    @classmethod
    def read(cls, content: memoryview) -> "Node":
        """Return the node of an encoded NodeProto; raise NotProtobufError."""
        found = [*messages(content)]
        inputs, outputs, kinds = (
            tuple(_text(value) for number, value in found if number == wanted)
            for wanted in (_NODE_INPUT, _NODE_OUTPUT, _NODE_KIND)
        )
        return cls(kinds[0] if kinds else "", inputs, outputs, content)

    @cached_property
    def integers(self) -> Mapping[str, tuple[int, ...]]:
        """The attributes that are integers or lists of them."""
        return {name: numbers for name, numbers in map(_integers, self._attributes) if numbers}

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The attributes that are texts."""
        found = (dict(messages(content)) for content in self._attributes)
        return {_text(parts[_NAME]): _text(parts[_STRING]) for parts in found if _NAME in parts and _STRING in parts}

    @property
    def has_graphs(self) -> bool:
        """Whether it contains graphs, whose nodes use tensors that its inputs do not name."""
        return any(number in (_GRAPH, _GRAPHS) for content in self._attributes for number, _ in messages(content))

    @cached_property
    def _attributes(self) -> tuple[memoryview, ...]:
        return tuple(value for number, value in messages(memoryview(self.content)) if number == _NODE_ATTRIBUTE)


@dataclass(frozen=True)
class Change:
    """The nodes and tensors that make the tensor `output` instead of the node that makes it now."""

    output: str
    nodes: tuple[Node, ...]
    tensors: tuple[bytes, ...] = ()
    """Encoded TensorProtos."""


@dataclass(frozen=True)
class Graph:
    """A graph and what makes its tensors. The values of constants are read only when asked for."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, memoryview]
    """Name → encoded TensorProto of an initializer."""
    outputs: frozenset[str]
    opset: int

    @classmethod
    def read(cls, model: memoryview) -> "Graph":
        """Return the graph of an encoded ModelProto; raise NotProtobufError, a ValueError."""
        parts = [part for number, graph in messages(model) if number == _MODEL_GRAPH for part in messages(graph)]
        return cls(
            tuple(Node.read(value) for number, value in parts if number == _NODE),
            {_tensor_name(value): value for number, value in parts if number == _INITIALIZER},
            frozenset(_text(dict(messages(value)).get(_NAME, b"")) for number, value in parts if number == _OUTPUT),
            max((_opset(value) for number, value in messages(model) if number == _MODEL_OPSET), default=0),
        )

    @cached_property
    def producers(self) -> Mapping[str, Node]:
        """Tensor → the node that makes it."""
        return {output: node for node in self.nodes for output in node.outputs}

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """Tensor → the nodes that take it."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.inputs:
                found.setdefault(name, []).append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    def made_by(self, name: str, kind: str) -> Node | None:
        """Return the node that makes a tensor if it is of that kind."""
        node = self.producers.get(name)
        return node if node is not None and node.kind == kind else None

    def only_consumer(self, name: str) -> Node | None:
        """Return the one node that takes a tensor; None if none or several do."""
        nodes = self.consumers.get(name, ())
        return nodes[0] if len(nodes) == 1 and name not in self.outputs else None

    def constant(self, name: str) -> npt.NDArray[np.generic] | None:
        """Return an initializer; None if there is none, or if its type is not float32, int8, uint8 or int64."""
        return _array(self.constants[name]) if name in self.constants else None

    def scalar(self, name: str) -> float | None:
        """Return an initializer with one number; None if it is not one."""
        value = self.constant(name)
        return None if value is None or value.size != 1 else float(value.reshape(-1)[0])


def rewritten(model: memoryview, graph: Graph, changes: Iterable[Change]) -> list[Part]:
    """Return the parts of the encoded ModelProto of `model` with these changes, and without what is no longer used."""
    by_output = {change.output: change for change in changes}
    nodes = _live([new for node in graph.nodes for new in _instead(node, by_output)], graph.outputs)
    used = {name for node in nodes for name in node.inputs} | graph.outputs
    tensors: list[Part] = [
        *(value for name, value in graph.constants.items() if name in used),
        *(value for change in by_output.values() for value in change.tensors),
    ]
    content = [part for node in nodes for part in _field(_NODE, node.content)]
    content += [part for value in tensors for part in _field(_INITIALIZER, value)]
    content += _rest_of_graph(model)
    size = sum(len(part) for part in content)
    rest = b"".join(_any_field(number, value) for number, value in fields(model) if number != _MODEL_GRAPH)
    return [rest, header(_MODEL_GRAPH, size), *content]


def added_output(node: Node) -> bytes:
    """Return the bytes that add a node and its output to a model when they are appended to its ModelProto."""
    output = encoded(_NAME, _bytes(node.outputs[0]))
    return encoded(_MODEL_GRAPH, encoded(_NODE, bytes(node.content)) + encoded(_OUTPUT, output))


def tensor(name: str, values: npt.NDArray[np.generic]) -> bytes:
    """Return the encoded TensorProto of an array of float32 or int64."""
    kinds = {"f": (1, "<f4"), "i": (7, "<i8")}
    element, dtype = kinds[values.dtype.kind]
    dims = b"".join(encoded_number(_DIMS, size) for size in values.shape)
    data = np.ascontiguousarray(values, dtype=dtype).tobytes()
    return dims + encoded_number(_ELEMENT, element) + encoded(_TENSOR_NAME, _bytes(name)) + encoded(_RAW, data)


def _instead(node: Node, changes: Mapping[str, Change]) -> tuple[Node, ...]:
    change = next((changes[output] for output in node.outputs if output in changes), None)
    return change.nodes if change else (node,)


def _live(nodes: Sequence[Node], outputs: Iterable[str]) -> list[Node]:
    """Return the nodes that the outputs need, in their order: a node stands behind those that it needs."""
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if needed.intersection(node.outputs):
            needed.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def _rest_of_graph(model: memoryview) -> Iterator[Part]:
    for number, graph in messages(model):
        if number == _MODEL_GRAPH:
            for inner, value in fields(graph):
                if inner not in (_NODE, _INITIALIZER):
                    yield _any_field(inner, value)


def _field(number: int, content: Part) -> tuple[Part, Part]:
    return header(number, len(content)), content


def _any_field(number: int, value: int | memoryview) -> bytes:
    return encoded_number(number, value) if isinstance(value, int) else encoded(number, bytes(value))


def _array(content: memoryview) -> npt.NDArray[np.generic] | None:
    shape, element = [], 0
    raw: memoryview | None = None
    numbers: list[int] = []
    for number, value in fields(content):
        if number == _DIMS:
            shape += [value] if isinstance(value, int) else packed(value)
        elif number == _ELEMENT and isinstance(value, int):
            element = value
        elif number in (_RAW, _FLOAT_DATA) and isinstance(value, memoryview):
            raw = value  # packed floats are little-endian, as raw data is
        elif number in (_INT32_DATA, _INT64_DATA):
            numbers += [value] if isinstance(value, int) else packed(value)
    dtype = _ELEMENTS.get(element)
    if dtype is None:
        return None
    found = np.frombuffer(raw, dtype) if raw is not None else np.array(numbers, np.uint64).astype(dtype)
    return found.reshape(shape) if found.size == math.prod(shape) else None  # e.g. data in another file


def _integers(attribute: memoryview) -> tuple[str, tuple[int, ...]]:
    name, numbers = "", []
    for number, value in fields(attribute):
        if number == _NAME and isinstance(value, memoryview):
            name = _text(value)
        elif number in (_INT, _INTS):
            numbers += [value] if isinstance(value, int) else packed(value)
    return name, tuple(numbers)


def _attribute(name: str, value: Attribute) -> bytes:
    named = encoded(_NAME, _bytes(name))
    if isinstance(value, float):
        fixed32 = bytes([_FLOAT << 3 | 5]) + np.array(value, "<f4").tobytes()
        return named + fixed32 + encoded_number(_TYPE, _TYPE_FLOAT)
    if isinstance(value, int):
        return named + encoded_number(_INT, value) + encoded_number(_TYPE, _TYPE_INT)
    numbers = b"".join(encoded_number(_INTS, number) for number in value)
    return named + numbers + encoded_number(_TYPE, _TYPE_INTS)


def _tensor_name(content: memoryview) -> str:
    return next((_text(value) for number, value in messages(content) if number == _TENSOR_NAME), "")


def _opset(content: memoryview) -> int:
    """Return the version of an OperatorSetIdProto if it is that of the standard operators."""
    found = dict(fields(content))
    domain, version = found.get(1, b""), found.get(2, 0)
    is_standard = not isinstance(domain, int) and _text(domain) in ("", "ai.onnx")
    return version if is_standard and isinstance(version, int) else 0


def _text(value: Part) -> str:
    return bytes(value).decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
