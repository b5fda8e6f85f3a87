"""An ONNX graph as its nodes and constants, read without the `onnx` package."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph import onnx_fields as onnx
from core_engine.kokoro.graph.protobuf import encoded, encoded_number, fields, messages, packed

_STANDARD = ("", "ai.onnx")
_ELEMENTWISE = frozenset(["Add", "Div", "Mul", "Sub"])
_AS_INPUT = frozenset(["Cast", "LeakyRelu", "Pad", "Pow", "Sin"])
_DECLARED = (onnx.GRAPH_INPUT, onnx.OUTPUT, onnx.VALUE)
_CONVOLUTIONS = frozenset(["Conv", "ConvInteger", "ConvTranspose"])
_MOST_NUMBERS = 1024
"""Tensors written number by number, as exporters write small ones, are not read beyond this."""

Part = bytes | memoryview
Attribute = int | float | Sequence[int] | bytes
"""Bytes are an encoded GraphProto."""


@dataclass(frozen=True)
class Node:
    """An operator with the names of its tensors."""

    kind: str
    """Empty for an operator that is not one of the standard's."""
    inputs: tuple[str, ...]
    """For a new node that contains a graph, also what that graph takes from around it."""
    outputs: tuple[str, ...]
    content: Part
    """The encoded NodeProto."""
    inner: frozenset[str] = frozenset()
    """Of a new node: the new names of tensors in the graph that it contains."""

    @classmethod
    def new(cls, kind: str, inputs: Sequence[str], output: str, **attributes: Attribute) -> "Node":
        """Return a node of the standard operators with one output."""
        parts = [encoded(onnx.NODE_INPUT, encoded_text(name)) for name in inputs]
        parts += [encoded(onnx.NODE_OUTPUT, encoded_text(output))]
        parts += [
            encoded(onnx.NODE_NAME, encoded_text(f"{output}/{kind}")),
            encoded(onnx.NODE_KIND, encoded_text(kind)),
        ]
        parts += [encoded(onnx.NODE_ATTRIBUTE, _attribute(name, value)) for name, value in attributes.items()]
        return cls(kind, tuple(inputs), (output,), b"".join(parts))

    @classmethod
    def read(cls, content: memoryview) -> "Node":
        """Return the node of an encoded NodeProto; raise NotProtobufError."""
        found = [*messages(content)]
        inputs, outputs, kinds, domains = (
            tuple(_text(value) for number, value in found if number == wanted)
            for wanted in (onnx.NODE_INPUT, onnx.NODE_OUTPUT, onnx.NODE_KIND, onnx.NODE_DOMAIN)
        )
        is_standard = all(domain in _STANDARD for domain in domains)
        return cls(kinds[0] if kinds and is_standard else "", inputs, outputs, content)

    @property
    def operator(self) -> bytes:
        """What the node is, without the names of its tensors and its own."""
        names = (onnx.NODE_INPUT, onnx.NODE_OUTPUT, onnx.NODE_NAME)
        found = messages(memoryview(self.content))
        return b"".join(encoded(number, bytes(value)) for number, value in found if number not in names)

    @cached_property
    def integers(self) -> Mapping[str, tuple[int, ...]]:
        """The attributes that are integers or lists of them."""
        return {name: numbers for name, numbers in map(_integers, self._attributes) if numbers}

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The attributes that are texts."""
        found = (dict(messages(content)) for content in self._attributes)
        named = ((parts.get(onnx.NAME), parts.get(onnx.STRING)) for parts in found)
        return {_text(name): _text(text) for name, text in named if name is not None and text is not None}

    @property
    def has_graphs(self) -> bool:
        """Whether it contains graphs, whose nodes use tensors that its inputs do not name."""
        return any(True for _ in self._graphs)

    @cached_property
    def taken(self) -> frozenset[str]:
        """What it takes, and what nodes of graphs inside it take: from around these graphs, or from each other."""
        nodes = (Node.read(value) for graph in self._graphs for number, value in messages(graph) if number == onnx.NODE)
        return frozenset(self.inputs).union(*(node.taken for node in nodes))

    @property
    def _graphs(self) -> Iterator[memoryview]:
        kinds = (onnx.GRAPH, onnx.GRAPHS)
        return (value for content in self._attributes for number, value in messages(content) if number in kinds)

    @cached_property
    def _attributes(self) -> tuple[memoryview, ...]:
        return tuple(value for number, value in messages(memoryview(self.content)) if number == onnx.NODE_ATTRIBUTE)


@dataclass(frozen=True)
class Graph:
    """A graph and what makes its tensors. The values of constants are read only when asked for."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, memoryview]
    """Name → encoded TensorProto of an initializer."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    declared: Mapping[str, memoryview]
    """Name → encoded ValueInfoProto of an input, an output or another tensor of which the file tells something."""
    opset: int

    @classmethod
    def read(cls, model: memoryview) -> "Graph":
        """Return the graph of an encoded ModelProto; raise NotProtobufError, a ValueError."""
        parts = [part for number, graph in messages(model) if number == onnx.MODEL_GRAPH for part in messages(graph)]
        return cls(
            tuple(Node.read(value) for number, value in parts if number == onnx.NODE),
            {_tensor_name(value): value for number, value in parts if number == onnx.INITIALIZER},
            tuple(_name(value) for number, value in parts if number == onnx.GRAPH_INPUT),
            tuple(_name(value) for number, value in parts if number == onnx.OUTPUT),
            {_name(value): value for number, value in parts if number in _DECLARED},
            max((_opset(value) for number, value in messages(model) if number == onnx.MODEL_OPSET), default=0),
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

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all tensors."""
        return frozenset().union(self.constants, self.producers, self.consumers, self.inputs, self.outputs)

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

    @cached_property
    def constant_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the initializers."""
        return {name: _shape(content) for name, content in self.constants.items()}

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """Tensor → number of dimensions, where the file tells it, or where it follows from what makes the tensor."""
        known = {name: len(shape) for name, shape in self.constant_shapes.items()}
        declared = {name: _rank(value) for name, value in self.declared.items()}
        known |= {name: rank for name, rank in declared.items() if rank is not None}
        for node in self.nodes:
            if node.kind == "DynamicQuantizeLinear":
                known |= dict.fromkeys(node.outputs[1:], 0)
            rank = _rank_of(node, known, self)
            if rank is not None:
                known.setdefault(node.outputs[0], rank)
        return known

    def scalar(self, name: str) -> float | None:
        """Return an initializer with one number; None if it is not one."""
        value = self.constant(name)
        return None if value is None or value.size != 1 or value.ndim > 1 else float(value.reshape(-1)[0])


def _rank_of(node: Node, known: Mapping[str, int], graph: Graph) -> int | None:
    """Return the number of dimensions of a node's first output if it follows from what it takes."""
    if node.kind in _ELEMENTWISE:
        ranks = [known.get(name) for name in node.inputs]
        return None if None in ranks else max((rank for rank in ranks if rank is not None), default=None)
    if node.kind in _AS_INPUT:
        return known.get(node.inputs[0])
    if node.kind in _CONVOLUTIONS:
        return known.get(node.inputs[1])  # of its weights
    shape = graph.constant(node.inputs[1]) if node.kind == "Reshape" else None
    return None if shape is None else shape.size


def _array(content: memoryview) -> npt.NDArray[np.generic] | None:
    shape, element = [], 0
    raw: memoryview | None = None
    numbers: list[int] = []
    for number, value in fields(content):
        if len(numbers) > _MOST_NUMBERS:
            return None
        if number == onnx.DIMS:
            shape += [value] if isinstance(value, int) else packed(value)
        elif number == onnx.ELEMENT and isinstance(value, int):
            element = value
        elif number in (onnx.RAW, onnx.FLOAT_DATA) and isinstance(value, memoryview):
            raw = value  # packed floats are little-endian, as raw data is
        elif number in (onnx.INT32_DATA, onnx.INT64_DATA):
            numbers += [value] if isinstance(value, int) else packed(value[: 10 * _MOST_NUMBERS])
    dtype = onnx.ELEMENTS.get(element)
    if dtype is None:
        return None
    found = np.frombuffer(raw, dtype) if raw is not None else np.array(numbers, np.uint64).astype(dtype)
    return found.reshape(shape) if found.size == math.prod(shape) else None  # e.g. data in another file


def _integers(attribute: memoryview) -> tuple[str, tuple[int, ...]]:
    name, numbers = "", []
    for number, value in fields(attribute):
        if number == onnx.NAME and isinstance(value, memoryview):
            name = _text(value)
        elif number in (onnx.INT, onnx.INTS):
            numbers += [value] if isinstance(value, int) else packed(value)
    return name, tuple(number - (1 << 64) if number >> 63 else number for number in numbers)


def _attribute(name: str, value: Attribute) -> bytes:
    named = encoded(onnx.NAME, encoded_text(name))
    if isinstance(value, float):
        fixed32 = bytes([onnx.FLOAT << 3 | 5]) + np.array(value, "<f4").tobytes()
        return named + fixed32 + encoded_number(onnx.TYPE, onnx.TYPE_FLOAT)
    if isinstance(value, bytes):
        return named + encoded(onnx.GRAPH, value) + encoded_number(onnx.TYPE, onnx.TYPE_GRAPH)
    if isinstance(value, int):
        return named + encoded_number(onnx.INT, value) + encoded_number(onnx.TYPE, onnx.TYPE_INT)
    numbers = b"".join(encoded_number(onnx.INTS, number) for number in value)
    return named + numbers + encoded_number(onnx.TYPE, onnx.TYPE_INTS)


def _shape(content: memoryview) -> tuple[int, ...]:
    """Return the shape of a TensorProto."""
    dims = [value for number, value in fields(content) if number == onnx.DIMS]
    return tuple(size for value in dims for size in ([value] if isinstance(value, int) else packed(value)))


def _name(value_info: memoryview) -> str:
    """Return the name of a ValueInfoProto."""
    return next((_text(value) for number, value in messages(value_info) if number == onnx.NAME), "")


def _rank(value_info: memoryview) -> int | None:
    """Return the number of dimensions of a ValueInfoProto; None if it does not tell."""
    kind = dict(messages(value_info)).get(onnx.VALUE_TYPE, _NOTHING)
    tensor = dict(messages(kind)).get(onnx.TENSOR_TYPE, _NOTHING)
    shape = dict(messages(tensor)).get(onnx.VALUE_SHAPE)
    return None if shape is None else sum(number == onnx.DIMENSION for number, _ in messages(shape))


def _tensor_name(content: memoryview) -> str:
    return next((_text(value) for number, value in messages(content) if number == onnx.TENSOR_NAME), "")


def _opset(content: memoryview) -> int:
    """Return the version of an OperatorSetIdProto if it is that of the standard operators."""
    found = dict(fields(content))
    domain, version = found.get(onnx.OPSET_DOMAIN, b""), found.get(onnx.OPSET_VERSION, 0)
    is_standard = not isinstance(domain, int) and _text(domain) in _STANDARD
    return version if is_standard and isinstance(version, int) else 0


_NOTHING = memoryview(b"")


def _text(value: Part) -> str:
    return bytes(value).decode("utf-8", "surrogateescape")


def encoded_text(text: str) -> bytes:
    """Return the bytes of a text, also of one that was read from bytes that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape")
