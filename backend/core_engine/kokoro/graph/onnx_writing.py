"""Write an ONNX graph with changes, without the `onnx` package."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph import onnx_fields as onnx
from core_engine.kokoro.graph.onnx_graph import Graph, Node, Part, encoded_text
from core_engine.kokoro.graph.protobuf import encoded, encoded_number, fields, header, messages

_IR_VERSION = 8
_ELEMENT_OF = {np.dtype(dtype): element for element, dtype in onnx.ELEMENTS.items()}

Tensors = Mapping[str, npt.NDArray[np.generic]]
"""Name → values of float32, uint8, int8 or int64."""


@dataclass(frozen=True)
class Change:
    """The nodes and tensors that make the tensor `output` instead of the node that makes it now."""

    output: str
    nodes: tuple[Node, ...]
    tensors: Tensors = field(default_factory=dict)
    """Those of several changes may have the same name: they are the same, and written once."""


def rewritten(model: memoryview, graph: Graph, changes: Iterable[Change]) -> list[Part]:
    """Return the parts of the encoded ModelProto of `model` with these changes, and without what is no longer used."""
    by_output = {change.output: change for change in changes}
    nodes = _live([new for node in graph.nodes for new in _instead(node, by_output)], graph.outputs)
    used = {name for node in nodes for name in node.inputs}.union(graph.inputs, graph.outputs)
    new = {name: values for change in by_output.values() for name, values in change.tensors.items()}
    tensors: list[Part] = [value for name, value in graph.constants.items() if name in used]
    tensors += [_tensor(name, values) for name, values in new.items() if name in used]
    return _with_graph(model, nodes, tensors, _rest_of_graph(model))


def cut_out(
    model: memoryview, graph: Graph, nodes: Sequence[Node], inputs: Iterable[str], outputs: Iterable[str]
) -> list[Part]:
    """Return the parts of the encoded ModelProto of `model` with only these nodes, inputs and outputs of its graph.

    The graph must declare the types of these inputs and outputs.
    """
    used = {name for node in nodes for name in node.taken}
    tensors = [value for name, value in graph.constants.items() if name in used]
    taken = (encoded(onnx.GRAPH_INPUT, bytes(graph.declared[name])) for name in inputs)
    made = (encoded(onnx.OUTPUT, bytes(graph.declared[name])) for name in outputs)
    return _with_graph(model, nodes, tensors, [*taken, *made, encoded(onnx.GRAPH_NAME, b"part")])


def added_output(node: Node) -> bytes:
    """Return the bytes that add a node and its output to a model when they are appended to its ModelProto."""
    output = encoded(onnx.NAME, encoded_text(node.outputs[0]))
    return encoded(onnx.MODEL_GRAPH, encoded(onnx.NODE, bytes(node.content)) + encoded(onnx.OUTPUT, output))


def small_model(node: Node, tensors: Tensors, opset: int) -> bytes:
    """Return the encoded ModelProto of a graph that computes one node from these tensors and has no inputs."""
    graph = b"".join(encoded(onnx.INITIALIZER, _tensor(name, values)) for name, values in tensors.items())
    version = encoded(onnx.MODEL_OPSET, encoded_number(onnx.OPSET_VERSION, opset))
    ir_version = encoded_number(onnx.MODEL_IR_VERSION, _IR_VERSION)
    return ir_version + version + encoded(onnx.MODEL_GRAPH, graph) + added_output(node)


def scan(body: Sequence[Node], taking: Sequence[str], inputs: Sequence[str], output: str, *, pieces: int) -> Node:
    """Return a node that runs `body` once for each piece of its last inputs; `pieces` is the number of these inputs.

    The body takes `inputs` under the names `taking`. An input before the pieces is a state: the body makes the next
    one, and the `output` is the last. Without a state, it is what the body makes of all pieces.
    """
    made = {name for node in body for name in node.outputs}.union(taking)
    around = {name for node in body for name in node.inputs if name} - made
    node = Node.new("Scan", inputs, output, body=_encoded_graph(body, taking), num_scan_inputs=pieces)
    return replace(node, inputs=(*inputs, *sorted(around)), inner=frozenset(made))


def _encoded_graph(nodes: Sequence[Node], inputs: Iterable[str]) -> bytes:
    """Return an encoded GraphProto of these nodes, to be contained in a node. The last makes the output.

    The runtime knows the types of inputs and output from what the containing node takes.
    """
    output = nodes[-1].outputs[0]
    content = b"".join(encoded(onnx.NODE, bytes(node.content)) for node in nodes)
    content += b"".join(encoded(onnx.GRAPH_INPUT, _named(name)) for name in inputs)
    return content + encoded(onnx.GRAPH_NAME, encoded_text(output)) + encoded(onnx.OUTPUT, _named(output))


def _named(tensor: str) -> bytes:
    """Return an encoded ValueInfoProto of a tensor of any type."""
    return encoded(onnx.NAME, encoded_text(tensor))


def _with_graph(model: memoryview, nodes: Iterable[Node], tensors: Iterable[Part], rest: Iterable[Part]) -> list[Part]:
    """Return the parts of the encoded ModelProto of `model` with a graph of these nodes, initializers and the rest."""
    content = [part for node in nodes for part in _field(onnx.NODE, node.content)]
    content += [part for value in tensors for part in _field(onnx.INITIALIZER, value)]
    content += rest
    size = sum(len(part) for part in content)
    around = b"".join(_any_field(number, value) for number, value in fields(model) if number != onnx.MODEL_GRAPH)
    return [around, header(onnx.MODEL_GRAPH, size), *content]


def _tensor(name: str, values: npt.NDArray[np.generic]) -> bytes:
    """Return an encoded TensorProto."""
    dims = b"".join(encoded_number(onnx.DIMS, size) for size in values.shape)
    element = encoded_number(onnx.ELEMENT, _ELEMENT_OF[values.dtype])
    data = encoded(onnx.RAW, np.ascontiguousarray(values).tobytes())
    return dims + element + encoded(onnx.TENSOR_NAME, encoded_text(name)) + data


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
        if number == onnx.MODEL_GRAPH:
            for inner, value in fields(graph):
                if inner not in (onnx.NODE, onnx.INITIALIZER):
                    yield _any_field(inner, value)


def _field(number: int, content: Part) -> tuple[Part, Part]:
    return header(number, len(content)), content


def _any_field(number: int, value: int | memoryview) -> bytes:
    return encoded_number(number, value) if isinstance(value, int) else encoded(number, bytes(value))
