"""Compute normalisation and activation of Kokoro's decoder a few channels at a time.

The activation is Snake: `x + sin(alpha * x) ** 2 / alpha`, with an alpha for each channel. Operator by operator, it
takes three tensors of 70 MB at audio rate besides the sound, and each operator reads and writes all of one.

Source: L. Ziyin, T. Hartwig, M. Ueda, "Neural networks fail to learn periodic functions and how to fix it" (2020).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph.instance_norms import InstanceNorm
from core_engine.kokoro.graph.new_nodes import NewNodes
from core_engine.kokoro.graph.onnx_graph import Graph
from core_engine.kokoro.graph.onnx_writing import Change

_CHANNELS = 8
"""At once: at audio rate, the sound of so many fits a processor's cache."""


@dataclass(frozen=True)
class _Snake:
    """`x + inverse * sin(alpha * x) ** 2`."""

    alpha: npt.NDArray[np.generic]
    """Of shape (1, channels, 1)."""
    inverse: str
    """Of the same shape."""


def snakes(graph: Graph, norm: InstanceNorm) -> Iterator[Change]:
    """Yield a change for each Snake of a normalised sound, whose shape is (1, channels, time)."""
    for add in graph.consumers.get(norm.output, ()):
        if add.kind == "Add" and len(add.inputs) == 2:
            first, second = add.inputs
            snake = _snake(graph, norm.output, second if first == norm.output else first)
            if snake:
                yield _by_channels(norm, snake, add.outputs[0])


def _snake(graph: Graph, sound: str, product: str) -> _Snake | None:
    multiply = graph.made_by(product, "Mul")
    for inverse, square in permutations(multiply.inputs) if multiply else ():
        alpha = _alpha(graph, square, sound)
        value = graph.constant(alpha) if alpha else None
        # One alpha for all channels would not tell how many there are.
        if alpha and value is not None and value.shape == (1, value.size, 1) and value.size > 1:
            return _Snake(value, inverse) if _is_inverse(graph, inverse, alpha, value.shape) else None
    return None


def _alpha(graph: Graph, square: str, sound: str) -> str | None:
    """Return the alpha of `sin(alpha * sound) ** 2`; None if it is no such square."""
    power = graph.producers.get(square)
    if power is None or len(power.inputs) != 2:
        return None
    base, exponent = power.inputs
    is_square = (power.kind == "Mul" and base == exponent) or (power.kind == "Pow" and graph.scalar(exponent) == 2)
    sine = graph.made_by(base, "Sin") if is_square else None
    angle = graph.made_by(sine.inputs[0], "Mul") if sine else None
    return next((alpha for alpha, other in permutations(angle.inputs) if other == sound), None) if angle else None


def _is_inverse(graph: Graph, inverse: str, alpha: str, shape: tuple[int, ...]) -> bool:
    """Return whether a tensor is a constant of this shape, or computed from alpha."""
    value = graph.constant(inverse)
    if value is not None:
        return value.shape == shape
    node = graph.producers.get(inverse)
    return node is not None and node.kind in ("Reciprocal", "Div") and node.inputs[-1] == alpha


def _by_channels(norm: InstanceNorm, snake: _Snake, output: str) -> Change:
    channels = snake.alpha.size
    size = math.gcd(channels, _CHANNELS)
    groups = channels // size
    new = NewNodes(output)
    sound = new.made("Squeeze", [norm.sound, new.constant([0])])  # several sounds at once are an error
    inputs = [
        new.made("Reshape", [sound, new.constant([groups, 1, size, -1])]),
        *(new.made("Reshape", [vector, new.constant([groups, size])]) for vector in (norm.factor, norm.shift)),
        new.tensor(f"{output}/alpha", snake.alpha.reshape(groups, size, 1)),
        new.made("Reshape", [snake.inverse, new.constant([groups, size, 1])]),
    ]
    inner = new.inside()
    sound, factor, shift, alpha, inverse = (inner.piece() for _ in inputs)
    normal = inner.made("InstanceNormalization", [sound, factor, shift], epsilon=norm.epsilon)
    sine = inner.made("Sin", [inner.made("Mul", [alpha, normal])])
    inner.made("Add", [normal, inner.made("Mul", [inverse, inner.made("Mul", [sine, sine])])])
    return new.change("Reshape", [new.scan(inputs, inner), new.constant([1, channels, -1])])
