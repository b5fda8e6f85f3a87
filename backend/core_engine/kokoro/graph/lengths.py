"""Find tensors that are as long as another, so that what follows from the length is computed once for all of them.

Only what is certain counts: an operator that might broadcast one tensor to the length of another is not followed.
"""

from collections.abc import Container, Iterable, Mapping, Sequence

from core_engine.kokoro.graph.instance_norms import InstanceNorm
from core_engine.kokoro.graph.onnx_graph import Graph, Node
from core_engine.kokoro.graph.quantized_convolutions import QuantizedConvolution

_BY_ELEMENT = frozenset(["Add", "Div", "LeakyRelu", "Mul", "Pow", "Reciprocal", "Sin", "Sub"])
_ONE = ((), (1,))
"""Last axes of constants that are broadcast to any length."""


def lengths(
    graph: Graph, convolutions: Iterable[QuantizedConvolution], norms: Iterable[InstanceNorm]
) -> Mapping[str, str]:
    """Return, for each tensor that a node makes, the earliest tensor whose last axis is as long; it may be itself."""
    kept = {norm.output: (norm.sound,) for norm in norms}
    kept |= {found.output: (found.sound,) for found in convolutions if found.keeps_length}
    one_long = {name for name, shape in graph.constant_shapes.items() if shape[-1:] in _ONE}
    earliest: dict[str, str] = {}
    for node in graph.nodes:
        if _is_one_long(graph, node, one_long):
            one_long.update(node.outputs)
        for output in node.outputs:
            alike = kept.get(output) or _inputs_as_long(graph, node, one_long)
            begins = {earliest.get(name, name) for name in alike}
            earliest[output] = begins.pop() if len(begins) == 1 else output
    return earliest


def _is_one_long(graph: Graph, node: Node, one_long: Container[str]) -> bool:
    """Return whether the last axis of the result certainly has length one."""
    if node.kind in _BY_ELEMENT:
        return all(name in one_long for name in node.inputs)
    shape = graph.constant(node.inputs[1]) if node.kind == "Reshape" else None
    return shape is not None and shape[-1:].tolist() == [1]


def _inputs_as_long(graph: Graph, node: Node, one_long: Container[str]) -> Sequence[str]:
    """Return the inputs that may be as long as the result, the others being one long; none if that is uncertain."""
    if node.kind not in _BY_ELEMENT:
        return ()
    names = [name for name in node.inputs if name not in one_long]
    return () if any(graph.ranks.get(name) == 0 for name in names) else names
