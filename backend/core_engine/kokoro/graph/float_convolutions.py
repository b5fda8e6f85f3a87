"""Compute the convolutions of an int8 export in float32, where that is faster and costs little memory.

Dynamic quantisation writes a convolution as six operators: the input is quantised by its own range, multiplied in int8,
and scaled back to float32 with the bias added in whole numbers. The runtime copies the input once for each element of
the kernel to do so. At audio rate it takes 1.4 times as long as its float32 convolution, even on processors with
instructions for int8, and much longer on others. The weights are the same and the input is no longer rounded, so the
sound is nearer to that of the model before quantisation.

The runtime's blocked float32 convolutions exist for images only, so a sound becomes an image of height one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph.onnx_graph import Change, Graph, Node, tensor

_MOST_WEIGHTS = 750_000
"""Those with more, 3 MB in float32, run at frame rate, where there are many weights and little work."""

_HEIGHT = "storyflow_height_axis"


@dataclass(frozen=True)
class _Quantized:
    """A convolution in int8: the tensors it is made of, and the one that is its result in float32."""

    node: Node
    input: str
    """The input before quantisation."""
    output: str
    weights: str
    """Of shape (channels out, channels in, kernel), in whole numbers: their value is (number - offset) * scale."""
    offset: float
    scale: float
    bias: str | None

    def in_float(self, weights: Any) -> npt.NDArray[np.float32]:
        """Return the weights as those for an image: float32 of shape (channels out, channels in, 1, kernel)."""
        numbers = np.asarray(weights, np.float32)
        return np.asarray((numbers - self.offset) * self.scale, np.float32)[:, :, None, :]


def float_convolutions(graph: Graph) -> Iterator[Change]:
    """Yield a change for each one-dimensional int8 convolution with few weights."""
    made = {_HEIGHT: tensor(_HEIGHT, np.array([2]))}
    for node in graph.nodes:
        found = _quantized(graph, node) if node.kind == "ConvInteger" else None
        if found:
            name = f"{found.weights}*{found.scale!r}-{found.offset!r}"  # weights that several share are written once
            if name not in made:
                made[name] = tensor(name, found.in_float(graph.constant(found.weights)))
            yield Change(found.output, _nodes(found, name), tuple(filter(None, made.values())))
            made = dict.fromkeys(made, b"")


def _nodes(found: _Quantized, weights: str) -> tuple[Node, ...]:
    image, result = f"{found.output}/image", f"{found.output}/convolved"
    given = found.node.integers
    begin, end = given.get("pads", (0, 0))
    return (
        Node.new("Unsqueeze", [found.input, _HEIGHT], image),
        Node.new(
            "Conv",
            [image, weights, *([found.bias] if found.bias else [])],
            result,
            dilations=(1, *given.get("dilations", (1,))),
            strides=(1, *given.get("strides", (1,))),
            pads=(0, begin, 0, end),
            group=given.get("group", (1,))[0],
        ),
        Node.new("Squeeze", [result, _HEIGHT], found.output),
    )


def _quantized(graph: Graph, node: Node) -> _Quantized | None:
    """Return the convolution that `node` computes, if the nodes around it are those of dynamic quantisation."""
    quantize = graph.made_by(node.inputs[0], "DynamicQuantizeLinear") if len(node.inputs) == 4 else None
    if quantize is None or quantize.outputs[2] != node.inputs[2] or node.texts.get("auto_pad", "NOTSET") != "NOTSET":
        return None
    whole, offset = graph.constant(node.inputs[1]), graph.scalar(node.inputs[3])
    if whole is None or offset is None or whole.ndim != 3 or whole.size > _MOST_WEIGHTS:
        return None
    following, in_whole_numbers = graph.only_consumer(node.outputs[0]), None
    if following is not None and following.kind == "Add":
        in_whole_numbers = _other(following, node.outputs[0])
        following = graph.only_consumer(following.outputs[0])
    scaled = graph.only_consumer(following.outputs[0]) if following is not None and following.kind == "Cast" else None
    if following is None or scaled is None or scaled.kind != "Mul":
        return None
    product = _other(scaled, following.outputs[0])
    scale = _scale(graph, product, quantize.outputs[1])
    bias = _bias(graph, in_whole_numbers, product, whole.shape[0]) if in_whole_numbers else None
    if scale is None or (in_whole_numbers and not bias):
        return None
    return _Quantized(node, quantize.inputs[0], scaled.outputs[0], node.inputs[1], offset, scale, bias)


def _scale(graph: Graph, product: str, scale_of_input: str) -> float | None:
    """Return the scale of the weights, which `product` multiplies with that of the input."""
    node = graph.made_by(product, "Mul")
    if node is None or scale_of_input not in node.inputs:
        return None
    return graph.scalar(_other(node, scale_of_input))


def _bias(graph: Graph, name: str, product: str, channels: int) -> str | None:
    """Return the float32 bias that, divided by the `product` of both scales, became the whole numbers `name`."""
    reshape = graph.made_by(name, "Reshape")
    shape = graph.constant(reshape.inputs[1]) if reshape else None
    cast = graph.made_by(reshape.inputs[0], "Cast") if reshape else None
    rounded = graph.producers.get(cast.inputs[0]) if cast else None
    divide = graph.made_by(rounded.inputs[0], "Div") if rounded and rounded.kind in ("Floor", "Round") else None
    if shape is None or divide is None or divide.inputs[1] != product:
        return None
    if shape.tolist() not in ([1, channels, 1], [1, -1, 1]):
        return None
    value = graph.constant(divide.inputs[0])
    return divide.inputs[0] if value is not None and value.dtype == np.float32 and value.shape == (channels,) else None


def _other(node: Node, name: str) -> str:
    """Return the input of a node of two that is not `name`."""
    first, second = node.inputs
    return second if first == name else first
