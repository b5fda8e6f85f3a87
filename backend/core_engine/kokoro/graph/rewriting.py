"""Rewrite the graph of a model into one that computes the same in less time and memory."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from core_engine.kokoro.graph.instance_norms import in_one_operator, instance_norms
from core_engine.kokoro.graph.lengths import lengths
from core_engine.kokoro.graph.matrix_products import matrix_product
from core_engine.kokoro.graph.onnx_graph import Graph
from core_engine.kokoro.graph.onnx_writing import Change, rewritten
from core_engine.kokoro.graph.protobuf import mapped
from core_engine.kokoro.graph.quantized_convolutions import quantized_convolutions
from core_engine.kokoro.graph.repeated_layers import repeated_layers
from core_engine.kokoro.graph.snakes import snakes

_OLDEST_OPSET = 13  # since then, axes of Unsqueeze are inputs


def write_faster(model: Path, target: Path, largest_pair: int) -> bool:
    """Write a faster model with the same inputs and outputs to `target`; return False if nothing can be made faster.

    `largest_pair` says which weights the processor multiplies exactly (see `with_exact_weights`).

    Raises OSError, ValueError for a file that is not an ONNX model, and IndexError for one whose nodes lack inputs.
    """
    view = mapped(model)
    graph = Graph.read(view)
    if graph.opset < _OLDEST_OPSET or any(node.has_graphs for node in graph.nodes):
        return False
    changes = [*_changes(graph, largest_pair)]
    needed = {name for change in changes for node in change.nodes for name in node.inputs}
    changes += filter(None, [repeated_layers(graph, needed.union(graph.outputs))])
    if changes and not _names_of(changes) & graph.names:
        with target.open("wb") as file:
            file.writelines(rewritten(view, graph, changes))
        return True
    return False


def _names_of(changes: Iterable[Change]) -> set[str]:
    """Return the names of the tensors that these changes add."""
    nodes = [(node, change.output) for change in changes for node in change.nodes]
    made = {name for node, output in nodes for name in node.inner.union(node.outputs) if name != output}
    return made.union(*(change.tensors for change in changes))


def _changes(graph: Graph, largest_pair: int) -> Iterator[Change]:
    """Yield a change for each convolution, each instance normalisation, and the activations behind these."""
    convolutions, norms = [*quantized_convolutions(graph)], [*instance_norms(graph)]
    as_long = lengths(graph, convolutions, norms)
    for found in convolutions:
        product = matrix_product(found, as_long.get(found.sound, found.sound), largest_pair)
        if product:
            yield product
    for norm in norms:
        yield in_one_operator(norm)
        yield from snakes(graph, norm)
