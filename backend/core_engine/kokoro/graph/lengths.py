"""Find tensors that are as long as another, so that what follows from the length is computed once for all of them.

Only what is certain counts: an operator that might broadcast one tensor to the length of another is not followed.
"""

from collections.abc import Iterable, Mapping

from core_engine.kokoro.graph.instance_norms import InstanceNorm
from core_engine.kokoro.graph.onnx_graph import Graph, Node
from core_engine.kokoro.graph.quantized_convolutions import QuantizedConvolution

_BY_ELEMENT = frozenset(["Add", "Div", "LeakyRelu", "Mul", "Pow", "Reciprocal", "Sin", "Sub"])
_ONE = ((), (1,))


def lengths(
    graph: Graph, convolutions: Iterable[QuantizedConvolution], norms: Iterable[InstanceNorm]
) -> Mapping[str, str]:
    """Return a mapping of each tensor to the earliest one whose last axis is as long; that may be the tensor itself."""
    kept = {norm.output: norm.sound for norm in norms}
    kept |= {found.output: found.sound for found in convolutions if found.keeps_length}
    one_long = {name for name, shape in graph.constant_shapes.items() if shape[-1:] in _ONE}
    earliest: dict[str, str] = {}
    for node in graph.nodes:
        for output in node.outputs:
            alike = [kept[output]] if output in kept else _as_long(graph, node, one_long)
            begins = {earliest.get(name, name) for name in alike or ()}
            earliest[output] = begins.pop() if len(begins) == 1 else output
            if alike == []:
                one_long.add(output)
    return earliest


def _as_long(graph: Graph, node: Node, one_long: set[str]) -> list[str] | None:
    """Return the inputs of which the longest is as long as the result: none if that has length one, None if unknown."""
    if node.kind in _BY_ELEMENT:
        return [name for name in node.inputs if name not in one_long]
    shape = graph.constant(node.inputs[1]) if node.kind == "Reshape" else None
    return [] if shape is not None and shape[-1:].tolist() == [1] else None
