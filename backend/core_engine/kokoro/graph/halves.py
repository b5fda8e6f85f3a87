"""Cut a graph into two that the runtime opens at once, on two cores. The first makes what the second takes from it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph.onnx_graph import Graph, Node
from core_engine.kokoro.graph.onnx_writing import cut_out
from core_engine.kokoro.graph.protobuf import mapped

_WEIGHTS_FOR_A_BYTE = 100
"""Opening takes as long for so many weights as for a byte of an encoded node: measured for int8, which is packed."""

_SMALLEST_SHARE = 0.4
"""Of the time, for the part that takes less. The nearer to a half, the sooner both are open."""

_MOST_PASSED = 16
"""Tensors from the first part to the second."""


def write_halves(model: Path, first: Path, second: Path) -> bool:
    """Write two models that compute together what `model` does; return False, and write none, if it cannot be cut.

    The outputs of the first are those of the model that it makes and all that the second takes from it. The first
    output of the model is made by the second. All three share files with weights, so they must be in one folder.

    Raises OSError, and ValueError for a file that is not an ONNX model.
    """
    view = mapped(model)
    graph = Graph.read(view)
    cut = min(_cuts(graph), key=lambda cut: len(cut.passed), default=None)
    if cut is None:
        return False
    for path, nodes, taken, given in ((first, cut.first, (), cut.passed), (second, cut.second, cut.passed, ())):
        inputs, outputs = _ends(graph, nodes)
        with path.open("wb") as file:
            file.writelines(cut_out(view, graph, nodes, [*inputs, *taken], [*outputs, *given]))
    return True


def _ends(graph: Graph, nodes: Sequence[Node]) -> tuple[Sequence[str], Sequence[str]]:
    """Return which inputs of the graph these nodes take, and which of its outputs they make."""
    taken = {name for node in nodes for name in node.taken}
    made = {name for node in nodes for name in node.outputs}
    inputs = [name for name in graph.inputs if name in taken and name not in graph.constants]
    return inputs, [name for name in graph.outputs if name in made]


@dataclass(frozen=True)
class _Cut:
    first: Sequence[Node]
    second: Sequence[Node]
    passed: Sequence[str]
    """What the second takes from the first."""


def _cuts(graph: Graph) -> Iterator[_Cut]:
    """Yield the possible cuts, the most even first: the first part is all that is needed to make one tensor."""
    weights = {name: math.prod(shape) / _WEIGHTS_FOR_A_BYTE for name, shape in graph.constant_shapes.items()}
    costs = np.array([len(node.content) + sum(weights.get(name, 0) for name in node.taken) for node in graph.nodes])
    needed = _needed(graph.nodes)
    shares = np.array([costs[row].sum() for row in needed]) / max(1, costs.sum())
    for place in np.argsort(abs(shares - 0.5), kind="stable"):
        if _SMALLEST_SHARE <= shares[place] <= 1 - _SMALLEST_SHARE:
            cut = _cut(graph, needed[place])
            if _is_possible(graph, cut):
                yield cut


def _needed(nodes: Sequence[Node]) -> npt.NDArray[np.bool_]:
    """Return a row for each node: which nodes it needs, itself included."""
    places: dict[str, int] = {}
    needed = np.eye(len(nodes), dtype=bool)
    for place, node in enumerate(nodes):
        for name in node.taken.intersection(places):
            needed[place] |= needed[places[name]]
        places.update(dict.fromkeys(filter(None, node.outputs), place))
    return needed


def _cut(graph: Graph, is_first: npt.NDArray[np.bool_]) -> _Cut:
    first = [node for node, chosen in zip(graph.nodes, is_first, strict=True) if chosen]
    second = [node for node, chosen in zip(graph.nodes, is_first, strict=True) if not chosen]
    taken = {name for node in second for name in node.taken}
    return _Cut(first, second, [name for node in first for name in node.outputs if name and name in taken])


def _is_possible(graph: Graph, cut: _Cut) -> bool:
    made_first = {name for node in cut.first for name in node.outputs}
    return (
        len(cut.passed) <= _MOST_PASSED
        and all(name in graph.declared and name not in graph.outputs for name in cut.passed)
        and all(name in graph.producers for name in graph.outputs)
        and made_first.isdisjoint(graph.outputs[:1])
    )
