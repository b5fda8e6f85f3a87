"""The export's loop over tokens, written without a loop: OpenVINO reads no sequences of tensors.

`torch.repeat_interleave(tokens, durations)` says for every frame of sound which token it belongs to. The TorchScript
exporter writes it as two SplitToSequence, a Loop that expands one token after another, and a ConcatFromSequence
(torch/onnx/symbolic_opset13.py). The same numbers without a loop: a frame belongs to the token before which as many
tokens end as end at or before that frame.
"""

from typing import TypeVar

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

_T = TypeVar("_T")
_PREFIX = "/repeat_interleave/"
_SEQUENCES = {"SplitToSequence", "SequenceEmpty", "SequenceAt", "SequenceInsert", "ConcatFromSequence", "Loop"}
_BODY = {
    "SequenceAt", "SequenceInsert", "Expand", "Reshape", "Unsqueeze", "Concat", "Shape", "ConstantOfShape", "Constant",
    "Mul", "Equal", "Where", "Cast", "Identity",
}  # fmt: skip
"""All that the exporter writes into the loop; a loop with anything else does something else."""


class UnknownLoopError(ValueError):
    """The model has no such loop, or one that does something else."""


def without_loop(model: ModelProto) -> ModelProto:
    """Return a copy of the model with its repeat_interleave written as sums and comparisons.

    Raises UnknownLoopError where what is there is not exactly what the exporter writes.
    """
    model = ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    made = {name: node for node in graph.node for name in node.output}
    joint = _only([node for node in graph.node if node.op_type == "ConcatFromSequence"], "ConcatFromSequence")
    if _attribute(joint, "axis", 0) or _attribute(joint, "new_axis", 0):
        raise UnknownLoopError("The pieces are not joined along the first axis.")
    values, repeats = _values_and_repeats(made.get(joint.input[0]), made)
    position = list(graph.node).index(joint)
    nodes = [*graph.node[:position], *_nodes(values, repeats, joint.output[0]), *graph.node[position + 1 :]]
    del graph.node[:]
    graph.node.extend(_needed(nodes, graph))
    left = sorted({node.op_type for node in graph.node} & _SEQUENCES)
    if left:
        raise UnknownLoopError(f"The model keeps {', '.join(left)} for something else.")
    onnx.checker.check_model(model)
    return model


def _values_and_repeats(loop: NodeProto | None, made: dict[str, NodeProto]) -> tuple[str, str]:
    """Return the names of what is repeated and of how often."""
    if loop is None or loop.op_type != "Loop":
        raise UnknownLoopError("The sequence is not made by a loop.")
    body = next(attribute.g for attribute in loop.attribute if attribute.name == "body")
    foreign = sorted({node.op_type for node in body.node} - _BODY)
    if foreign:
        raise UnknownLoopError(f"The loop has {', '.join(foreign)}, which repeat_interleave has not.")
    inner = {name: node for node in body.node for name in node.output}
    expand = _only([node for node in body.node if node.op_type == "Expand"], "Expand")
    value, repeat = (_sources(name, inner) for name in expand.input)
    return _whole(_only(sorted(value), "value"), made), _whole(_only(sorted(repeat - value), "count"), made)


def _sources(name: str, inner: dict[str, NodeProto]) -> set[str]:
    """Return the sequences of the outer graph from which a tensor of the loop is made."""
    node = inner.get(name)
    if node is None:
        return set()
    if node.op_type == "SequenceAt":
        return {node.input[0]}
    return set().union(*(_sources(source, inner) for source in node.input))


def _whole(sequence: str, made: dict[str, NodeProto]) -> str:
    """Return the tensor that was split into a sequence, element by element."""
    split = made.get(sequence)
    if split is None or split.op_type != "SplitToSequence" or _attribute(split, "axis", 0):
        raise UnknownLoopError("The loop does not walk along the first axis of a tensor.")
    sizes = made.get(split.input[1]) if len(split.input) > 1 else None
    value = next((a.t for a in sizes.attribute if a.name == "value"), None) if sizes is not None else None
    if sizes is None or sizes.op_type != "ConstantOfShape" or value is None or numpy_helper.to_array(value) != 1:
        raise UnknownLoopError("The loop does not take one element at a time.")
    return split.input[0]


def _nodes(values: str, repeats: str, output: str) -> list[NodeProto]:
    name = _PREFIX.__add__
    return [
        _constant("zero", 0),
        _constant("one", 1),
        _constant("first", [0]),
        _constant("second", [1]),
        _constant("flat", [-1]),
        helper.make_node("Reshape", [repeats, name("flat")], [name("repeats")]),
        helper.make_node("ReduceSum", [name("repeats"), name("first")], [name("count")], keepdims=0),
        helper.make_node("Range", [name("zero"), name("count"), name("one")], [name("frames")]),
        helper.make_node("CumSum", [name("repeats"), name("zero")], [name("ends")]),
        helper.make_node("Unsqueeze", [name("ends"), name("second")], [name("ends_column")]),
        helper.make_node("LessOrEqual", [name("ends_column"), name("frames")], [name("is_over")]),
        helper.make_node("Cast", [name("is_over")], [name("over")], to=TensorProto.INT64),
        helper.make_node("ReduceSum", [name("over"), name("first")], [name("token")], keepdims=0),
        helper.make_node("Gather", [values, name("token")], [output], axis=0),
    ]


def _constant(name: str, value: int | list[int]) -> NodeProto:
    array = np.array(value, dtype=np.int64)
    return helper.make_node("Constant", [], [_PREFIX + name], value=numpy_helper.from_array(array))


def _needed(nodes: list[NodeProto], graph: GraphProto) -> list[NodeProto]:
    """Return the nodes, in their order, on which an output of the graph depends."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(nodes):  # an ONNX graph is sorted: what a node needs stands before it
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(_inputs(node))
    return kept[::-1]


def _inputs(node: NodeProto) -> set[str]:
    inner = (attribute.g for attribute in node.attribute if attribute.type == onnx.AttributeProto.GRAPH)
    found = set(node.input)
    for graph in inner:
        found.update(output.name for output in graph.output)
        found.update(*(_inputs(child) for child in graph.node))
    return found


def _only(found: list[_T], what: str) -> _T:
    if len(found) != 1:
        raise UnknownLoopError(f"One {what} was expected, {len(found)} are there.")
    return found[0]


def _attribute(node: NodeProto, name: str, default: int) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), default)
