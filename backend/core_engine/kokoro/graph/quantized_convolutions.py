"""Find the one-dimensional convolutions of an int8 export, as dynamic quantisation writes them.

Each is six operators: the input is quantised by its own range, convolved in whole numbers, and scaled back to float32;
the published file adds the bias in whole numbers before it scales.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph.onnx_graph import Graph, Node


@dataclass(frozen=True)
class QuantizedConvolution:
    """A convolution in int8 with the tensors around it."""

    node: Node
    quantize: Node
    """The operator that quantises the input: its outputs are whole numbers, their scale and their zero point."""
    output: str
    """The result in float32."""
    numbers: npt.NDArray[np.generic]
    """The weights, uint8 or int8 of shape (channels out, channels in, kernel): (number - zero_point) * scale."""
    zero_point: int
    scale: float
    bias: str | None
    """A float32 tensor of shape (channels out,), or None if the bias is added elsewhere."""

    @property
    def sound(self) -> str:
        """The input in float32, of shape (batch, channels in, time)."""
        return self.quantize.inputs[0]

    @property
    def reach(self) -> int:
        """Number of places of the sound from the first to the last element of the kernel."""
        kernel: int = self.numbers.shape[2]
        return (kernel - 1) * self.dilation + 1

    @property
    def keeps_length(self) -> bool:
        """Whether the result is as long as the sound."""
        return self.stride == 1 and sum(self.pads) == self.reach - 1

    @property
    def matrix(self) -> npt.NDArray[np.generic]:
        """The weights, of shape (kernel * channels in, channels out)."""
        matrix: npt.NDArray[np.generic] = self.numbers.transpose(2, 1, 0).reshape(-1, self.numbers.shape[0])
        return matrix

    @property
    def dilation(self) -> int:
        """Distance between the elements of the kernel."""
        return self._first("dilations", 1)

    @property
    def stride(self) -> int:
        """Distance between the places of the kernel."""
        return self._first("strides", 1)

    @property
    def group(self) -> int:
        """Number of convolutions side by side that this is."""
        return self._first("group", 1)

    @property
    def pads(self) -> tuple[int, int]:
        """The number of zeros before and after the sound."""
        begin, end = self.node.integers.get("pads", (0, 0))
        return begin, end

    def _first(self, attribute: str, otherwise: int) -> int:
        return self.node.integers.get(attribute, (otherwise,))[0]


def quantized_convolutions(graph: Graph) -> Iterator[QuantizedConvolution]:
    """Yield the int8 convolutions whose surroundings are those of dynamic quantisation."""
    for node in graph.nodes:
        found = _quantized(graph, node) if node.kind == "ConvInteger" else None
        if found:
            yield found


def _quantized(graph: Graph, node: Node) -> QuantizedConvolution | None:
    """Return the convolution that `node` computes, if the nodes around it are those of dynamic quantisation."""
    quantize = graph.made_by(node.inputs[0], "DynamicQuantizeLinear") if len(node.inputs) == 4 else None
    if quantize is None or quantize.outputs[2] != node.inputs[2] or node.texts.get("auto_pad", "NOTSET") != "NOTSET":
        return None
    numbers, zero_point = graph.constant(node.inputs[1]), graph.scalar(node.inputs[3])
    if numbers is None or zero_point is None or numbers.ndim != 3:
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
    bias = _bias(graph, in_whole_numbers, product, numbers.shape[0]) if in_whole_numbers else None
    if scale is None or (in_whole_numbers and not bias):
        return None
    return QuantizedConvolution(node, quantize, scaled.outputs[0], numbers, int(zero_point), scale, bias)


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
