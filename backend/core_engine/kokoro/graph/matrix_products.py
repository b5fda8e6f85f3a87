"""Compute convolutions of an int8 export as products of int8 matrices.

The sound is turned so that its channels lie side by side, which makes the shifted copies for the elements of the kernel
one matrix, and the weights one that the runtime packs once. The runtime's own int8 convolution packs the sound instead,
which is larger, at every run. All copies together take up to eleven times the memory of the sound, so they are made and
multiplied in pieces. The whole numbers are the same, so the sound is that of the published file, except that the bias
is no longer rounded.
"""

import numpy as np

from core_engine.kokoro.graph import onnx_fields as onnx
from core_engine.kokoro.graph.exact_weights import with_exact_weights
from core_engine.kokoro.graph.new_nodes import NewNodes
from core_engine.kokoro.graph.onnx_writing import Change
from core_engine.kokoro.graph.quantized_convolutions import QuantizedConvolution

_PIECE_BYTES = 1 << 20
"""Size of the shifted copies that are in memory at once, or of what is made of them: both fit a processor's cache."""

_TURNED = (1, 0)  # (channels, time) ↔ (time, channels)


def matrix_product(found: QuantizedConvolution, largest_pair: int) -> Change | None:
    """Return the change that computes a convolution as a product of matrices; None if it has groups: that one stays.

    The sound has the shape (1, channels, time). See `with_exact_weights` for `largest_pair`.
    """
    if found.group != 1:
        return None
    found = with_exact_weights(found, largest_pair)
    new = NewNodes(found.output)
    first = new.constant([0])
    sound = new.made("Squeeze", [found.quantize.outputs[0], first])  # several sounds at once are an error
    turned = new.made("Transpose", [sound], perm=_TURNED)
    places = _places(new, found, turned)
    pieces = new.made("Add", [new.made("Div", [places, new.constant(_most_places(found))]), new.constant(1)])
    size = new.made("Div", [new.made("Sub", [new.made("Add", [places, pieces]), new.constant(1)]), pieces])
    padded = _padded(new, found, turned, new.made("Sub", [new.made("Mul", [pieces, size]), places]))
    begins = new.made("Mul", [_range(new, pieces), _distance(new, found, size)])
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
    reach = (found.numbers.shape[2] - 1) * found.dilation + 1
    room = new.made("Add", [length, new.constant(sum(found.pads) - reach + found.stride)])
    return new.made("Div", [room, new.constant(found.stride)]) if found.stride > 1 else room


def _distance(new: NewNodes, found: QuantizedConvolution, places: str) -> str:
    """Make how far so many places lie apart in the sound."""
    return new.made("Mul", [places, new.constant(found.stride)]) if found.stride > 1 else places


def _padded(new: NewNodes, found: QuantizedConvolution, turned: str, rest: str) -> str:
    """Make the sound, uint8 of shape (time, channels in), with its pads and those for the rest of the last piece."""
    begin, end = found.pads
    behind = new.made("Add", [_distance(new, found, rest), new.constant(end)])
    last = new.made("Unsqueeze", [behind, new.constant([0])])
    pads = new.made("Concat", [new.constant([begin, 0]), last, new.constant([0])], axis=0)
    return new.made("Pad", [turned, pads, found.quantize.outputs[2]])


def _range(new: NewNodes, size: str) -> str:
    """Make the numbers from 0 to `size`."""
    return new.made("Range", [new.constant(0), size, new.constant(1)])


def _product(new: NewNodes, found: QuantizedConvolution, padded: str, begins: str, size: str) -> str:
    """Make the result in pieces that begin at these places, float32 of shape (pieces, size, channels out)."""
    _, channels, kernel = found.numbers.shape
    elements = new.constant([element * found.dilation for element in range(kernel)])
    begin = new.made("Unsqueeze", [_distance(new, found, _range(new, size)), new.constant([-1])])
    places = new.made("Add", [begin, elements])
    inner = new.inside()
    indices = inner.made("Add", [places, inner.piece(onnx.INT64)])
    copies = inner.made("Gather", [padded, indices])  # (size, kernel, channels in)
    columns = inner.made("Reshape", [copies, inner.constant([-1, kernel * channels])])
    _multiply(inner, found, columns)
    return new.scan([begins], inner)


def _multiply(new: NewNodes, found: QuantizedConvolution, columns: str) -> str:
    """Make a piece of the result, float32 of shape (size, channels out). The runtime makes one operator of these."""
    _, scale, zero_point = found.quantize.outputs
    weights = new.tensor(f"{found.output}/weights", np.ascontiguousarray(found.matrix))
    zero_of_weights = new.tensor(f"{found.output}/zero_point", np.array(found.zero_point, found.numbers.dtype))
    scale_of_weights = new.tensor(f"{found.output}/scale", np.array(found.scale, np.float32))
    both_scales = new.made("Mul", [scale, scale_of_weights])
    product = new.made("MatMulInteger", [columns, weights, zero_point, zero_of_weights])
    scaled = new.made("Mul", [new.made("Cast", [product], to=onnx.FLOAT32), both_scales])
    return new.made("Add", [scaled, found.bias]) if found.bias else scaled
