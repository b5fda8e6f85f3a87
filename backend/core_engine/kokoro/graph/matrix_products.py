"""Compute convolutions of an int8 export as products of int8 matrices.

The sound is turned so that its channels lie side by side, which makes the shifted copies for the elements of the kernel
one matrix, and the weights one that the runtime packs once. The runtime's own int8 convolution packs the sound instead,
which is larger, at every run. All copies together take up to eleven times the memory of the sound, so they are made and
multiplied in pieces, unless the kernel has one element, and each product is turned back while it is in the processor's
cache. The whole numbers are the same, so the sound is that of the published file, except that the bias is no longer
rounded.

A session opens in a time that grows with the number of nodes. So what depends on the length of the sound is computed
from the same tensor for all convolutions that it passes through, and the runtime makes one node of equal ones.
"""

import math

import numpy as np

from core_engine.kokoro.graph import onnx_fields as onnx
from core_engine.kokoro.graph.exact_weights import with_exact_weights
from core_engine.kokoro.graph.new_nodes import NewNodes
from core_engine.kokoro.graph.onnx_writing import Change
from core_engine.kokoro.graph.quantized_convolutions import QuantizedConvolution

_PIECE_BYTES = 1 << 20
"""Size of the shifted copies that are in memory at once, or of what is made of them: both fit a processor's cache."""

_FEW_CHANNELS = 128
"""Kokoro's longest tensors, of 70 MB, have as many."""

_PARTS = 4
"""So few channels are joined in so many parts, one after the other."""

_TURNED = (1, 0)  # (channels, time) → (time, channels), and back
_BY_CHANNEL = (1, 0, 2)  # (pieces, channels, time) → (channels, pieces, time)


def matrix_product(found: QuantizedConvolution, as_long: str, largest_pair: int) -> Change | None:
    """Return the change that computes a convolution as a product of matrices; None if it has groups: that one stays.

    The sound has the shape (1, channels, time), and the last axis of the tensor `as_long` is as long. See
    `with_exact_weights` for `largest_pair`.
    """
    if found.group != 1:
        return None
    found = with_exact_weights(found, largest_pair)
    new = NewNodes(found.output)
    sound = new.made("Squeeze", [found.quantize.outputs[0], new.constant([0])])  # several sounds at once are an error
    turned = new.made("Transpose", [sound], perm=_TURNED)
    if found.reach == found.stride == 1 and not any(found.pads):  # no copies are needed
        turned_back = new.made("Transpose", [_multiply(new, found, turned)], perm=_TURNED)
        return new.change("Unsqueeze", [turned_back, new.constant([0])])
    return _in_pieces(new, found, turned, as_long)


def _in_pieces(new: NewNodes, found: QuantizedConvolution, turned: str, as_long: str) -> Change:
    """Return the change that makes the result a piece of time after the other."""
    most = _most_places(found)
    places = _places(new, found, as_long)
    pieces = new.made("Add", [new.made("Div", [places, new.constant(most)]), new.constant(1)])
    size = new.made("Add", [new.made("Div", [places, pieces]), new.constant(1)])  # `most`, if not fewer
    begins = _in_sound(new, found, new.made("Range", [new.constant(0), places, size]))
    begin, end = found.pads
    # The last piece may end behind the sound, by less than its size.
    pads = new.constant([begin, 0, end + most * found.stride, 0])
    padded = new.made("Pad", [turned, pads, found.quantize.outputs[2]])
    return _joined(new, _scanned(new, found, padded, begins, size), places, int(found.numbers.shape[0]))


def _joined(new: NewNodes, pieces: str, places: str, channels: int) -> Change:
    """Return the change that puts pieces, of shape (pieces, channels, time), behind each other: so many places of them.

    Long sounds have few channels. A part of these is joined at a time: the sound is in memory twice, not three times.
    """
    end = new.made("Unsqueeze", [places, new.constant([0])])
    parts = math.gcd(channels, _PARTS)
    if channels > _FEW_CHANNELS or parts == 1:
        return new.change("Unsqueeze", [_in_a_row(new, pieces, channels, end), new.constant([0])])
    few = channels // parts
    all_parts = new.made("Reshape", [pieces, new.constant([0, parts, few, -1])])
    inner = new.inside()
    _in_a_row(inner, inner.made("Gather", [all_parts, inner.piece()], axis=1), few, end)
    joined = new.scan([new.constant([*range(parts)])], inner)
    return new.change("Reshape", [joined, new.constant([1, channels, -1])])


def _in_a_row(new: NewNodes, pieces: str, channels: int, end: str) -> str:
    """Make a tensor of shape (channels, end) of one of shape (pieces, channels, time)."""
    by_channel = new.made("Transpose", [pieces], perm=_BY_CHANNEL)
    row = new.made("Reshape", [by_channel, new.constant([channels, -1])])
    return new.made("Slice", [row, new.constant([0]), end, new.constant([1])])


def _most_places(found: QuantizedConvolution) -> int:
    """Return the number of places of the kernel in the largest piece."""
    channels_out, channels, kernel = map(int, found.numbers.shape)
    return max(1, _PIECE_BYTES // max(kernel * channels, np.dtype(np.float32).itemsize * channels_out))


def _places(new: NewNodes, found: QuantizedConvolution, as_long: str) -> str:
    """Make the number of places of the kernel, which is the length of the result."""
    length = new.made("Gather", [new.made("Shape", [as_long]), new.constant(-1)])
    if found.keeps_length:
        return length
    room = new.made("Add", [length, new.constant(sum(found.pads) - found.reach + found.stride)])
    return new.made("Div", [room, new.constant(found.stride)])


def _in_sound(new: NewNodes, found: QuantizedConvolution, places: str) -> str:
    """Make the indices in the sound at which these places of the kernel begin."""
    return new.made("Mul", [places, new.constant(found.stride)]) if found.stride > 1 else places


def _scanned(new: NewNodes, found: QuantizedConvolution, padded: str, begins: str, size: str) -> str:
    """Make the result in pieces that begin there, float32 of shape (pieces, channels out, size)."""
    _, channels, kernel = found.numbers.shape
    place = _in_sound(new, found, new.made("Range", [new.constant(0), size, new.constant(1)]))
    elements = new.constant([element * found.dilation for element in range(kernel)])
    indices = new.made("Add", [new.made("Unsqueeze", [place, new.constant([-1])]), elements])
    inner = new.inside()
    moved = inner.made("Add", [indices, inner.piece()])
    copies = inner.made("Gather", [padded, moved])  # (size, kernel, channels in)
    columns = inner.made("Reshape", [copies, inner.constant([-1, kernel * channels])])
    inner.made("Transpose", [_multiply(inner, found, columns)], perm=_TURNED)
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
