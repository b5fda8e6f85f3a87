"""Compute convolutions of an int8 export as products of int8 matrices, the fastest way on processors made for them.

The sound is turned so that its channels lie side by side, which makes the shifted copies for the elements of the kernel
one matrix, and the weights one that the runtime packs once. The runtime's own int8 convolution packs the sound instead,
which is larger, at every run. The whole numbers are the same, so the sound is that of the published file, except that
the bias is no longer rounded.

The runtime multiplies int8 exactly on processors with instructions for it. On others, sums of two products overflow 16
bits, as the weights here are signed: see `core_engine.kokoro.model.int8_products`.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph.onnx_graph import Attribute, Node
from core_engine.kokoro.graph.onnx_writing import Change
from core_engine.kokoro.graph.quantized_convolutions import QuantizedConvolution

_WIDEST = 6
"""Shifted copies of the sound that are in memory at once: more would need more memory than all else. If the kernel has
more elements, the sound is laid out in pieces, one after the other."""

_TURNED = (0, 2, 1)  # (batch, channels, time) ↔ (batch, time, channels)
_FLOAT32 = 1  # as onnx.proto numbers element types


def matrix_product(found: QuantizedConvolution) -> Change | None:
    """Return the change that computes a convolution as a product of matrices; None if it has groups or a stride."""
    if found.group != 1 or found.stride != 1:
        return None
    new = _NewNodes(found.output)
    padded = _padded(new, found)
    begins = _begins(new, found, padded, pieces=math.ceil(found.numbers.shape[2] / _WIDEST))
    products = [
        _product(new, found, _columns(new, found, padded, piece), number) for number, piece in enumerate(begins)
    ]
    whole = new.made("Concat", products, axis=1) if len(products) > 1 else products[0]
    turned_back = Node.new("Transpose", [whole], found.output, perm=_TURNED)
    return Change(found.output, (*new.nodes, turned_back), new.tensors)


class _NewNodes:
    """The nodes and tensors of a change while it is put together."""

    def __init__(self, output: str) -> None:
        self.nodes: list[Node] = []
        self.tensors: dict[str, npt.NDArray[np.generic]] = {}
        self._output = output

    def made(self, kind: str, inputs: Sequence[str], **attributes: Attribute) -> str:
        """Add a node; return the name of its result."""
        name = f"{self._output}/{len(self.nodes)}"
        self.nodes.append(Node.new(kind, inputs, name, **attributes))
        return name

    def constant(self, values: int | Sequence[int]) -> str:
        """Add a tensor of int64, which other changes may have, too; return its name."""
        return self.tensor(f"storyflow_{values}", np.array(values, np.int64))

    def tensor(self, name: str, values: npt.NDArray[np.generic]) -> str:
        """Add a tensor and return its name."""
        self.tensors[name] = values
        return name


def _padded(new: _NewNodes, found: QuantizedConvolution) -> str:
    """Make the sound, uint8 of shape (batch, time with pads, channels in)."""
    numbers, _, zero_point = found.quantize.outputs
    begin, end = found.pads
    turned = new.made("Transpose", [numbers], perm=_TURNED)
    return new.made("Pad", [turned, new.constant([0, begin, 0, 0, end, 0]), zero_point])


def _begins(new: _NewNodes, found: QuantizedConvolution, padded: str, pieces: int) -> list[str]:
    """Make for each piece of the result the places at which the kernel begins, int64 of shape (time out,)."""
    length = new.made("Gather", [new.made("Shape", [padded]), new.constant(1)])
    places = new.made("Sub", [length, new.constant((found.numbers.shape[2] - 1) * found.dilation)])
    cuts = [new.constant(0)]
    for number in range(1, pieces):
        cuts.append(new.made("Div", [new.made("Mul", [places, new.constant(number)]), new.constant(pieces)]))
    return [new.made("Range", [begin, end, new.constant(1)]) for begin, end in pairwise([*cuts, places])]


def _columns(new: _NewNodes, found: QuantizedConvolution, padded: str, begins: str) -> str:
    """Make the shifted copies side by side, uint8 of shape (batch, time out, kernel * channels in)."""
    elements = new.constant([element * found.dilation for element in range(found.numbers.shape[2])])
    indices = new.made("Add", [new.made("Unsqueeze", [begins, new.constant([-1])]), elements])
    copies = new.made("Gather", [padded, indices], axis=1)  # (batch, time out, kernel, channels in)
    _, channels, kernel = found.numbers.shape
    return new.made("Reshape", [copies, new.constant([0, -1, kernel * channels])])


def _product(new: _NewNodes, found: QuantizedConvolution, columns: str, number: int) -> str:
    """Make a piece of the result, float32 of shape (batch, time out, channels out).

    The runtime makes one operator of these, unless pieces share a scale, so every second one computes it the other way.
    """
    _, scale, zero_point = found.quantize.outputs
    offset = 128 if found.numbers.dtype == np.uint8 else 0  # the instructions take one signed factor
    weights = new.tensor(f"{found.weights}/columns", _matrix(found, offset))
    zero_of_weights = np.array(found.zero_point - offset, np.int8)
    both_zero = [zero_point, new.tensor(f"{found.weights}/zero_point={found.zero_point}", zero_of_weights)]
    scale_of_weights = new.tensor(f"{found.weights}/scale={found.scale!r}", np.array(found.scale, np.float32))
    both_scales = new.made("Mul", [scale, scale_of_weights] if number % 2 else [scale_of_weights, scale])
    product = new.made("Cast", [new.made("MatMulInteger", [columns, weights, *both_zero])], to=_FLOAT32)
    scaled = new.made("Mul", [product, both_scales])
    return new.made("Add", [scaled, found.bias]) if found.bias else scaled


def _matrix(found: QuantizedConvolution, offset: int) -> npt.NDArray[np.int8]:
    """Return the weights as int8 of shape (kernel * channels in, channels out)."""
    weights = (found.numbers.astype(np.int16) - offset).astype(np.int8)
    return np.ascontiguousarray(weights.transpose(2, 1, 0).reshape(-1, weights.shape[0]))
