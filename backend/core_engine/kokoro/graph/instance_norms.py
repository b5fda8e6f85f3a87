"""Compute adaptive instance normalisation in one pass over the sound instead of seven.

Exports write it with elementary operators, seven of which pass over the sound, and at audio rate each of them reads and
writes tens of megabytes. The runtime's InstanceNormalization does the same channel by channel, which fits a processor's
cache.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from core_engine.kokoro.graph.new_nodes import NewNodes
from core_engine.kokoro.graph.onnx_graph import Graph, Node
from core_engine.kokoro.graph.onnx_writing import Change


@dataclass(frozen=True)
class InstanceNorm:
    """`factor * (sound - mean(sound)) / sqrt(variance(sound) + epsilon) + shift`, each channel for itself."""

    output: str
    """The result, of shape (batch, channels, time), as `sound` is."""
    sound: str
    epsilon: float
    factor: str
    """One number for each channel, as in `shift`."""
    shift: str


def instance_norms(graph: Graph) -> Iterator[InstanceNorm]:
    """Yield the normalisations over the last axis."""
    for node in graph.nodes:
        if node.kind == "Add" and len(node.inputs) == 2:
            norm = next(filter(None, (_norm(graph, node, *order) for order in permutations(node.inputs))), None)
            if norm:
                yield norm


def in_one_operator(norm: InstanceNorm) -> Change:
    """Return the change that computes a normalisation by the runtime's operator."""
    new = NewNodes(norm.output)
    factor, shift = (new.made("Reshape", [vector, new.constant([-1])]) for vector in (norm.factor, norm.shift))
    return new.change("InstanceNormalization", [norm.sound, factor, shift], epsilon=norm.epsilon)


def _norm(graph: Graph, add: Node, product: str, shift: str) -> InstanceNorm | None:
    multiply = graph.made_by(product, "Mul")
    for factor, quotient in permutations(multiply.inputs) if multiply else ():
        normalized = _normalized(graph, quotient)
        if normalized and all(_is_per_channel(graph, name) for name in (factor, shift)):
            return InstanceNorm(add.outputs[0], *normalized, factor, shift)
    return None


def _normalized(graph: Graph, name: str) -> tuple[str, float] | None:
    """Return the x and the epsilon of `(x - mean(x)) / sqrt(variance(x) + epsilon)`."""
    divide = graph.made_by(name, "Div")
    root = graph.made_by(divide.inputs[1], "Sqrt") if divide else None
    plus = graph.made_by(root.inputs[0], "Add") if root else None
    sound = _centred(graph, divide.inputs[0]) if divide else None
    if plus is None or sound is None or graph.ranks.get(sound) != 3:
        return None
    for variance, constant in permutations(plus.inputs):
        epsilon = graph.scalar(constant)
        if epsilon is not None and _is_variance(graph, variance, sound):
            return sound, epsilon
    return None


def _centred(graph: Graph, name: str) -> str | None:
    """Return the x of `x - mean(x)`."""
    subtract = graph.made_by(name, "Sub")
    mean = graph.made_by(subtract.inputs[1], "ReduceMean") if subtract else None
    is_it = subtract and mean and mean.inputs[0] == subtract.inputs[0] and _is_over_time(graph, mean)
    return subtract.inputs[0] if subtract and is_it else None


def _is_variance(graph: Graph, name: str, sound: str) -> bool:
    mean = graph.made_by(name, "ReduceMean")
    if mean is None or not _is_over_time(graph, mean):
        return False
    square = graph.producers.get(mean.inputs[0])
    if square is None or len(square.inputs) != 2 or _centred(graph, square.inputs[0]) != sound:
        return False
    base, other = square.inputs
    return (square.kind == "Mul" and base == other) or (square.kind == "Pow" and graph.scalar(other) == 2)


def _is_over_time(graph: Graph, mean: Node) -> bool:
    """Return whether a mean is that of each channel, for a tensor of shape (batch, channels, time)."""
    return mean.integers.get("keepdims", (1,)) == (1,) and _axes(graph, mean) in ((2,), (-1,))


def _is_per_channel(graph: Graph, name: str) -> bool:
    """Return whether a tensor has one number for each channel: it is a part of a vector made into a column."""
    node = graph.producers.get(name)
    if node is not None and node.kind == "Add":  # one is added to the factor
        part = next((part for part, one in permutations(node.inputs) if graph.scalar(one) == 1), None)
        node = graph.producers.get(part) if part else None
    if node is None or node.kind not in ("Split", "Slice"):
        return False
    column = graph.made_by(node.inputs[0], "Unsqueeze")
    return column is not None and _axes(graph, column) == (2,)


def _axes(graph: Graph, node: Node) -> tuple[int, ...]:
    """Return the axes of an operator: an attribute in old versions, an input in new ones; empty if they vary."""
    if len(node.inputs) < 2:
        return node.integers.get("axes", ())
    value = graph.constant(node.inputs[1])
    return () if value is None else tuple(int(axis) for axis in value.reshape(-1))
