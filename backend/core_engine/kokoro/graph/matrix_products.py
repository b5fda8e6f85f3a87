"""Compute convolutions of an int8 export as products of int8 matrices, the fastest way on processors made for them.

The sound is turned so that its channels lie side by side, which makes the shifted copies for the elements of the kernel
one matrix, and the weights one that the runtime packs once. The runtime's own int8 convolution packs the sound instead,
which is larger, at every run. All copies together take up to eleven times the memory of the sound, so they are made and
multiplied in pieces. The whole numbers are the same, so the sound is that of the published file, except that the bias
is no longer rounded.

The runtime multiplies int8 exactly on processors with instructions for it. On others, sums of two products overflow 16
bits, as the weights here are signed: see `core_engine.kokoro.model.int8_products`.
"""

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph import onnx_fields as onnx
from core_engine.kokoro.graph.new_nodes import NewNodes
from core_engine.kokoro.graph.onnx_writing import Change
from core_engine.kokoro.graph.quantized_convolutions import QuantizedConvolution

_PIECE_BYTES = 1 << 20
"""Size of the shifted copies that are in memory at once, or of what is made of them: both fit a processor's cache."""

_TURNED = (1, 0)  # (channels, time) ↔ (time, channels)


def matrix_product(found: QuantizedConvolution) -> Change | None:
    """Return the change that computes a convolution as a product of matrices; None if it has groups or a stride.

    The sound has the shape (1, channels, time).
    """
    if found.group != 1 or found.stride != 1:
        return None
    new = NewNodes(found.output)
    first = new.constant([0])
    sound = new.made("Squeeze", [found.quantize.outputs[0], first])  # several sounds at once are an error
    turned = new.made("Transpose", [sound], perm=_TURNED)
    places = _places(new, found, turned)
    pieces = new.made("Add", [new.made("Div", [places, new.constant(_most_places(found))]), new.constant(1)])
    size = new.made("Div", [new.made("Sub", [new.made("Add", [places, pieces]), new.constant(1)]), pieces])
    padded = _padded(new, found, turned, new.made("Sub", [new.made("Mul", [pieces, size]), places]))
    begins = new.made("Mul", [_range(new, pieces), size])
    product = _product(new, found, padded, begins, size)
    whole = new.made("Reshape", [product, new.constant([-1, found.numbers.shape[0]])])
    kept = new.made("Slice", [whole, first, new.made("Unsqueeze", [places, first]), first])
    return new.change("Unsqueeze", [new.made("Transpose", [kept], perm=_TURNED), first])


def _most_places(found: QuantizedConvolution) -> int:
    """Return the number of places of the kernel in the largest piece."""
    channels_out, channels, kernel = map(int, found.numbers.shape)
    return max(1, _PIECE_BYTES // max(kernel * channels, np.dtype(np.float32).itemsize * channels_out))


def _places(new: NewNodes, found: QuantizedConvolution, turned: str) -> str:
    """Make the number of places of the kernel, which is the length of the result."""
    length = new.made("Gather", [new.made("Shape", [turned]), new.constant(0)])
    return new.made("Add", [length, new.constant(sum(found.pads) - (found.numbers.shape[2] - 1) * found.dilation)])


def _padded(new: NewNodes, found: QuantizedConvolution, turned: str, rest: str) -> str:
    """Make the sound, uint8 of shape (time, channels in), with its pads and what the last piece lacks."""
    begin, end = found.pads
    last = new.made("Unsqueeze", [new.made("Add", [rest, new.constant(end)]), new.constant([0])])
    pads = new.made("Concat", [new.constant([begin, 0]), last, new.constant([0])], axis=0)
    return new.made("Pad", [turned, pads, found.quantize.outputs[2]])


def _range(new: NewNodes, size: str) -> str:
    """Make the numbers from 0 to `size`."""
    return new.made("Range", [new.constant(0), size, new.constant(1)])


def _product(new: NewNodes, found: QuantizedConvolution, padded: str, begins: str, size: str) -> str:
    """Make the result in pieces that begin at these places, float32 of shape (pieces, size, channels out)."""
    _, channels, kernel = found.numbers.shape
    elements = new.constant([element * found.dilation for element in range(kernel)])
    places = new.made("Add", [new.made("Unsqueeze", [_range(new, size), new.constant([-1])]), elements])
    inner = new.inside()
    indices = inner.made("Add", [places, inner.piece(onnx.INT64)])
    copies = inner.made("Gather", [padded, indices])  # (size, kernel, channels in)
    columns = inner.made("Reshape", [copies, inner.constant([-1, kernel * channels])])
    _multiply(inner, found, columns)
    return new.scan([begins], inner)


def _multiply(new: NewNodes, found: QuantizedConvolution, columns: str) -> str:
    """Make a piece of the result, float32 of shape (size, channels out). The runtime makes one operator of these."""
    _, scale, zero_point = found.quantize.outputs
    offset = 128 if found.numbers.dtype == np.uint8 else 0  # the instructions take one signed factor
    weights = new.tensor(f"{found.weights}/columns", _matrix(found, offset))
    zero_of_weights = np.array(found.zero_point - offset, np.int8)
    both_zero = [zero_point, new.tensor(f"{found.weights}/zero_point={found.zero_point}", zero_of_weights)]
    scale_of_weights = new.tensor(f"{found.weights}/scale={found.scale!r}", np.array(found.scale, np.float32))
    both_scales = new.made("Mul", [scale, scale_of_weights])
    product = new.made("Cast", [new.made("MatMulInteger", [columns, weights, *both_zero])], to=onnx.FLOAT32)
    scaled = new.made("Mul", [product, both_scales])
    return new.made("Add", [scaled, found.bias]) if found.bias else scaled


def _matrix(found: QuantizedConvolution, offset: int) -> npt.NDArray[np.int8]:
    """Return the weights as int8 of shape (kernel * channels in, channels out)."""
    weights = (found.numbers.astype(np.int16) - offset).astype(np.int8)
    return np.ascontiguousarray(weights.transpose(2, 1, 0).reshape(-1, weights.shape[0]))
