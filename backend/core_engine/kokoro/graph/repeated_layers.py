"""Compute layers that share their weights, one behind the other, in a loop.

Kokoro's text encoder is an ALBERT, whose twelve layers are one layer, applied twelve times. Exports write it out each
time, and the runtime reads each and packs its weights whenever the model is opened: in a loop, it opens a fifth sooner.

Source: Z. Lan et al., "ALBERT: A Lite BERT for Self-supervised Learning of Language Representations" (2019).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph import onnx_fields as onnx
from core_engine.kokoro.graph.onnx_graph import Graph, Node
from core_engine.kokoro.graph.onnx_writing import Change, encoded_graph

_FEWEST_LAYERS = 3
_FEWEST_WEIGHTS = 1 << 20
"""In a layer. With fewer, a loop is not worth it."""

Layer = Sequence[Node]
"""Nodes in order. The last makes the only tensor that the next layer takes."""


def repeated_layers(graph: Graph) -> Change | None:
    """Return the change that computes equal layers in a loop, of several rows the longest; None if there is none."""
    for layers in _candidates(graph):
        entering = _entering(layers)
        if entering and _are_equal(layers, entering) and _are_closed(graph, layers):
            return _in_a_loop(layers, entering)
    return None


def _candidates(graph: Graph) -> Iterator[Sequence[Layer]]:
    """Yield what may be layers, for the nodes of each are alike. The first layer may begin anywhere in a period."""
    for row in _rows(_numbered(graph.nodes)):
        for begin in range(row.begin, min(row.begin + row.period, row.end - _FEWEST_LAYERS * row.period + 1)):
            places = range(begin, row.end - row.period + 1, row.period)
            layers = [graph.nodes[place : place + row.period] for place in places]
            if _weights(graph, layers[0]) >= _FEWEST_WEIGHTS:
                yield layers


@dataclass(frozen=True)
class _Row:
    """Nodes of which each is like the one that lies a period before it."""

    begin: int
    end: int
    period: int

    @property
    def saved(self) -> int:
        """Number of nodes that a loop saves."""
        return (self.end - self.begin) // self.period * self.period - self.period


def _rows(numbers: npt.NDArray[np.int64]) -> Iterator[_Row]:
    """Yield the rows that are long enough, first those where most is saved."""
    rows = []
    for period in range(2, len(numbers) // _FEWEST_LAYERS + 1):
        like = np.concatenate([[False], numbers[period:] == numbers[:-period], [False]])
        begins, ends = (np.flatnonzero(change) for change in (like[1:] > like[:-1], like[1:] < like[:-1]))
        enough = (_FEWEST_LAYERS - 1) * period
        pairs = zip(begins, ends, strict=True)
        rows += [_Row(int(begin), int(end) + period, period) for begin, end in pairs if end - begin >= enough]
    yield from sorted(rows, key=lambda row: row.saved, reverse=True)


def _numbered(nodes: Sequence[Node]) -> npt.NDArray[np.int64]:
    """Return a number for each node: the same for those that differ in nothing but names."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(node.operator, len(numbers)) for node in nodes], np.int64)


def _entering(layers: Sequence[Layer]) -> Sequence[str] | None:
    """Return what each layer takes from the one before; None if the second takes nothing from the first."""
    returned = [layer[-1].outputs[0] for layer in layers]
    before = zip(layers[0], layers[1], strict=True)
    pairs = (pair for one, other in before for pair in zip(one.inputs, other.inputs, strict=False))
    first = next((name for name, same in pairs if same == returned[0]), None)
    return first and [first, *returned[:-1]]


def _are_equal(layers: Sequence[Layer], entering: Sequence[str]) -> bool:
    """Return whether all layers take the same tensors, but for what enters them and what they make themselves."""
    wirings = [_wiring(layer, name) for layer, name in zip(layers, entering, strict=True)]
    return all(wiring == wirings[0] for wiring in wirings)


def _wiring(layer: Layer, entering: str) -> list[str | tuple[int, int]]:
    """Return the inputs of all nodes: where in the layer each was made, or the name of a tensor from elsewhere."""
    made = {name: (node, output) for node, each in enumerate(layer) for output, name in enumerate(each.outputs)}
    made[entering] = (-1, 0)
    return [made.get(name, name) for node in layer for name in node.inputs]


def _are_closed(graph: Graph, layers: Sequence[Layer]) -> bool:
    """Return whether nothing else takes what is made in the layers, except what the last one returns."""
    for layer, following in pairwise([*layers, ()]):
        inside = {id(node) for node in layer}
        near = inside.union(map(id, following))
        for node in layer:
            allowed = near if node is layer[-1] else inside
            for name in filter(None, node.outputs):
                takers = {id(taker) for taker in graph.consumers.get(name, ())}
                if name != layers[-1][-1].outputs[0] and (name in graph.outputs or takers - allowed):
                    return False
    return True


def _weights(graph: Graph, layer: Layer) -> int:
    """Return the number of weights that a layer takes."""
    taken = {name for node in layer for name in node.inputs}
    return sum(math.prod(graph.constant_shapes.get(name, (0,))) for name in taken)


def _in_a_loop(layers: Sequence[Layer], entering: Sequence[str]) -> Change:
    """Return the change that computes all layers by the nodes of the second. What names it has are then free."""
    body, output = layers[1], layers[-1][-1].outputs[0]
    times, unused = f"{output}/times", f"{output}/time"
    graph = encoded_graph(body, {entering[1]: onnx.FLOAT32, unused: onnx.INT64})
    made = {entering[1], "", *(name for node in body for name in node.outputs)}
    around = sorted({name for node in body for name in node.inputs} - made)
    inputs = [entering[0], times]
    loop = Node.new("Scan", inputs, output, body=graph, num_scan_inputs=1)
    loop = replace(loop, inputs=(*inputs, *around), inner=frozenset([unused]))
    return Change(output, (loop,), {times: np.zeros(len(layers), np.int64)})
