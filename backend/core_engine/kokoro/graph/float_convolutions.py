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

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph.onnx_graph import Change, Graph, Node, tensor

_MOST_WEIGHTS = 750_000
"""Those with more, 3 MB in float32, run at frame rate, where there are many weights and little work."""

_HEIGHT = "storyflow_height_axis"
_TO_BIAS = frozenset(["Reshape", "Cast", "Floor", "Round", "Div"])
"""How the bias becomes whole numbers."""


@dataclass(frozen=True)
class _Quantized:
    """A convolution in int8: the tensors it is made of, and the one that is its result in float32."""

    node: Node
    input: str
    """The input before quantisation."""
    output: str
    weights: npt.NDArray[np.float32]
    """Of shape (channels out, channels in, kernel)."""
    bias: str | None


def float_convolutions(graph: Graph) -> Iterator[Change]:
    """Yield a change for each one-dimensional int8 convolution with few weights."""
    axis = tensor(_HEIGHT, np.array([2]))
    for node in graph.nodes:
        found = _quantized(graph, node) if node.kind == "ConvInteger" else None
        if found:
            yield _in_float(found, axis)
            axis = b""


def _in_float(found: _Quantized, axis: bytes) -> Change:
    weights, image, result = (f"{found.output}/{name}" for name in ("weights", "image", "convolved"))
    length = found.weights.shape[2]
    given = found.node.integers
    begin, end = given.get("pads", (0, 0))
    nodes = (
        Node.new("Unsqueeze", [found.input, _HEIGHT], image),
        Node.new(
            "Conv",
            [image, weights, *([found.bias] if found.bias else [])],
            result,
            kernel_shape=(1, length),
            dilations=(1, *given.get("dilations", (1,))),
            strides=(1, *given.get("strides", (1,))),
            pads=(0, begin, 0, end),
            group=given.get("group", (1,))[0],
        ),
        Node.new("Squeeze", [result, _HEIGHT], found.output),
    )
    return Change(found.output, nodes, (*([axis] if axis else []), tensor(weights, found.weights[:, :, None, :])))


def _quantized(graph: Graph, node: Node) -> _Quantized | None:
    """Return the convolution that `node` computes, if the nodes around it are those of dynamic quantisation."""
    quantize = graph.made_by(node.inputs[0], "DynamicQuantizeLinear") if len(node.inputs) == 4 else None
    if quantize is None or quantize.outputs[2] != node.inputs[2] or node.texts.get("auto_pad", "NOTSET") != "NOTSET":
        return None
    whole, offset = graph.constant(node.inputs[1]), graph.scalar(node.inputs[3])
    if whole is None or offset is None or whole.ndim != 3 or whole.size > _MOST_WEIGHTS:
        return None
    following, bias = graph.only_consumer(node.outputs[0]), None
    if following is not None and following.kind == "Add":
        bias = _bias(graph, _other(following, node.outputs[0]), whole.shape[0])
        following = graph.only_consumer(following.outputs[0]) if bias else None
    scaled = graph.only_consumer(following.outputs[0]) if following is not None and following.kind == "Cast" else None
    if following is None or scaled is None or scaled.kind != "Mul":
        return None
    scale = _scale(graph, _other(scaled, following.outputs[0]), quantize.outputs[1])
    if scale is None:
        return None
    weights = ((whole.astype(np.float32) - np.float32(offset)) * np.float32(scale)).astype(np.float32)
    return _Quantized(node, quantize.inputs[0], scaled.outputs[0], weights, bias)


def _scale(graph: Graph, product: str, scale_of_input: str) -> float | None:
    """Return the scale of the weights, which `product` multiplies with that of the input."""
    node = graph.made_by(product, "Mul")
    if node is None or scale_of_input not in node.inputs:
        return None
    return graph.scalar(_other(node, scale_of_input))


def _bias(graph: Graph, name: str, channels: int) -> str | None:
    """Return the name of the float32 bias that was made into the whole numbers `name`."""
    while (node := graph.producers.get(name)) is not None and node.kind in _TO_BIAS:
        name = node.inputs[0]
    value = graph.constant(name)
    return name if value is not None and value.dtype == np.float32 and value.shape == (channels,) else None


def _other(node: Node, name: str) -> str:
    """Return the input of a node of two that is not `name`."""
    first, second = node.inputs
    return second if first == name else first
