"""Rewrite the graph of a model into one that computes the same in less time and memory."""

from itertools import chain
from pathlib import Path

from core_engine.kokoro.graph.float_convolutions import float_convolutions
from core_engine.kokoro.graph.instance_norms import instance_norms
from core_engine.kokoro.graph.onnx_graph import Graph, rewritten
from core_engine.kokoro.graph.protobuf import mapped

_OLDEST_OPSET = 13  # since then, axes of Unsqueeze are inputs


def write_faster(model: Path, target: Path) -> bool:
    """Write a faster model with the same inputs and outputs to `target`; return False if nothing can be made faster.

    Raises OSError, ValueError for a file that is not an ONNX model, and IndexError for one whose nodes lack inputs.
    """
    view = mapped(model)
    graph = Graph.read(view)
    if graph.opset < _OLDEST_OPSET or any(node.has_graphs for node in graph.nodes):
        return False
    changes = [*chain(float_convolutions(graph), instance_norms(graph))]
    if changes:
        with target.open("wb") as file:
            file.writelines(rewritten(view, graph, changes))
    return bool(changes)
