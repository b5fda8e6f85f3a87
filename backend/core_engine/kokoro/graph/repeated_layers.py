"""Compute layers that share their weights, one behind the other, in a loop.

Kokoro's text encoder is an ALBERT, whose twelve layers are one layer, applied twelve times. Exports write it out each
time, and the runtime reads each and packs its weights whenever the model is opened: in a loop, it opens a fifth sooner.

Source: Z. Lan et al., "ALBERT: A Lite BERT for Self-supervised Learning of Language Representations" (2019).
"""

import math
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph.onnx_graph import Graph, Node
from core_engine.kokoro.graph.onnx_writing import Change, scan

_FEWEST_LAYERS = 3
_FEWEST_WEIGHTS = 1 << 20
"""In a layer. With fewer, a loop is not worth it."""

Layer = Sequence[Node]
"""Nodes in order. What the last makes is all of this layer that the next one takes."""


def repeated_layers(graph: Graph, needed: Container[str]) -> Change | None:
    """Return the change that computes a row of equal layers in a loop; None if there is none.

    If there are several rows, it is the one where most nodes are saved. Of tensors that are `needed` elsewhere, only
    what the last layer makes can come from a loop.
    """
    for layers in _candidates(graph):
        entering = _entering(layers)
        if entering and _are_equal(layers, entering) and _are_closed(graph, layers, needed):
            return _in_a_loop(layers, entering)
    return None


def _candidates(graph: Graph) -> Iterator[Sequence[Layer]]:
    """Yield rows of nodes that may be layers: with many weights, and each with nodes like those of the others."""
    weights = np.cumsum([0, *(_weights(graph, node) for node in graph.nodes)])
    for row in _rows(_numbered(graph.nodes)):
        last = row.end - _FEWEST_LAYERS * row.period
        for begin in range(row.begin, min(row.begin + row.period - 1, last) + 1):
            if weights[begin + row.period] - weights[begin] >= _FEWEST_WEIGHTS:
                places = range(begin, row.end - row.period + 1, row.period)
                yield [graph.nodes[place : place + row.period] for place in places]


def _weights(graph: Graph, node: Node) -> int:
    """Return the number of weights that a node takes."""
    return sum(math.prod(graph.constant_shapes.get(name, (0,))) for name in node.inputs)


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


def _rows(numbers: npt.NDArray[np.int64]) -> list[_Row]:
    """Return the rows that are long enough, first those where most is saved."""
    rows = []
    for period in range(2, len(numbers) // _FEWEST_LAYERS + 1):
        like = np.concatenate([[False], numbers[period:] == numbers[:-period], [False]])
        begins, ends = (np.flatnonzero(change) for change in (like[1:] > like[:-1], like[1:] < like[:-1]))
        enough = (_FEWEST_LAYERS - 1) * period
        pairs = zip(begins, ends, strict=True)
        rows += [_Row(int(begin), int(end) + period, period) for begin, end in pairs if end - begin >= enough]
    return sorted(rows, key=lambda row: row.saved, reverse=True)


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


def _wiring(layer: Layer, entering: str) -> Sequence[object]:
    """Return for each node which outputs it has, and where in the layer its inputs are made, or their names."""
    made = {name: (node, output) for node, each in enumerate(layer) for output, name in enumerate(each.outputs) if name}
    made[entering] = (-1, 0)
    return [([*map(bool, node.outputs)], [made.get(name, name) for name in node.inputs]) for node in layer]


def _are_closed(graph: Graph, layers: Sequence[Layer], needed: Container[str]) -> bool:
    """Return whether no other node takes what is made in the layers, and none of it is needed, but for the last."""
    inside = {id(node) for layer in layers for node in layer}
    made = (name for layer in layers for node in layer for name in node.outputs if name)
    return all(
        name == layers[-1][-1].outputs[0]
        or (name not in needed and all(id(taker) in inside for taker in graph.consumers.get(name, ())))
        for name in made
    )


def _in_a_loop(layers: Sequence[Layer], entering: Sequence[str]) -> Change:
    """Return the change that computes all layers by the nodes of the second.

    These keep their names: nothing takes what they make any more, so they are no longer in the graph itself.
    """
    output = layers[-1][-1].outputs[0]
    times, unused = f"{output}/times", f"{output}/time"
    loop = scan(layers[1], [entering[1], unused], [entering[0], times], output, pieces=1)
    new_names = frozenset([unused])
    return Change(output, (replace(loop, inner=new_names),), {times: np.zeros(len(layers), np.int64)})
