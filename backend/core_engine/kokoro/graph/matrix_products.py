"""Compute convolutions of an int8 export as products of int8 matrices, the fastest way on processors made for them.

The sound is turned so that its channels lie side by side, which makes the shifted copies for the elements of the kernel
one matrix, and the weights one that the runtime packs once. The runtime's own int8 convolution packs the sound instead,
which is larger, at every run. The whole numbers are the same, so the sound is that of the published file, except that
the bias is no longer rounded.

The runtime multiplies int8 exactly on processors with instructions for it. On others its sums of two products saturate
at 16 bits, because it uses signed weights there: see `core_engine.kokoro.model.int8_products`.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph.onnx_graph import Node
from core_engine.kokoro.graph.onnx_writing import Change
from core_engine.kokoro.graph.quantized_convolutions import QuantizedConvolution

_ZERO, _ONE, _LAST_AXIS, _FLAT = "storyflow_zero", "storyflow_one", "storyflow_last_axis", "storyflow_flat_columns"
_TURNED = (0, 2, 1)  # (batch, channels, time) ↔ (batch, time, channels)
_FLOAT32 = 1  # as onnx.proto numbers element types

_Tensors = dict[str, npt.NDArray[np.generic]]


def matrix_product(found: QuantizedConvolution) -> Change | None:
    """Return the change that computes a convolution as a product of matrices; None if it has groups or a stride."""
    if found.group != 1 or found.stride != 1:
        return None
    tensors: _Tensors = {}
    nodes = (*_columns(found, tensors), *_product(found, tensors))
    return Change(found.output, nodes, tensors)


def _columns(found: QuantizedConvolution, tensors: _Tensors) -> Iterator[Node]:
    """Yield the nodes that lay the sound out as uint8 of shape (batch, time out, kernel * channels in)."""
    numbers, _, zero_point = found.quantize.outputs
    turned, padded, shape, length, places, begins, column, indices, gathered = (
        f"{found.output}/{what}"
        for what in ("turned", "padded", "shape", "length", "places", "begins", "column", "indices", "gathered")
    )
    begin, end = found.pads
    elements = np.arange(found.numbers.shape[2]) * found.dilation
    tensors |= {_ZERO: np.array(0), _ONE: np.array(1), _LAST_AXIS: np.array([-1]), _FLAT: np.array([0, 0, -1])}
    pads = _constant(tensors, np.array([0, begin, 0, 0, end, 0]))
    yield Node.new("Transpose", [numbers], turned, perm=_TURNED)
    yield Node.new("Pad", [turned, pads, zero_point], padded)
    yield Node.new("Shape", [padded], shape)
    yield Node.new("Gather", [shape, _ONE], length)
    yield Node.new("Sub", [length, _constant(tensors, elements[-1])], places)
    yield Node.new("Range", [_ZERO, places, _ONE], begins)
    yield Node.new("Unsqueeze", [begins, _LAST_AXIS], column)
    yield Node.new("Add", [column, _constant(tensors, elements)], indices)
    yield Node.new("Gather", [padded, indices], gathered, axis=1)  # (batch, time out, kernel, channels in)
    yield Node.new("Reshape", [gathered, _FLAT], _columns_of(found))


def _product(found: QuantizedConvolution, tensors: _Tensors) -> Iterator[Node]:
    """Yield the nodes that multiply, scale, add the bias and turn the sound back: the runtime makes two of them."""
    _, scale, zero_point = found.quantize.outputs
    weights, zero_of_weights, scale_of_weights = (
        f"{found.weights}/{what}" for what in ("columns", f"zero_point={found.zero_point}", f"scale={found.scale!r}")
    )
    tensors[weights], tensors[zero_of_weights] = _signed(found)
    tensors[scale_of_weights] = np.array(found.scale, np.float32)
    whole, in_float, both_scales, scaled, biased = (
        f"{found.output}/{what}" for what in ("product", "float", "scale", "scaled", "biased")
    )
    yield Node.new("MatMulInteger", [_columns_of(found), weights, zero_point, zero_of_weights], whole)
    yield Node.new("Cast", [whole], in_float, to=_FLOAT32)
    yield Node.new("Mul", [scale, scale_of_weights], both_scales)
    yield Node.new("Mul", [in_float, both_scales], scaled)
    if found.bias:
        yield Node.new("Add", [scaled, found.bias], biased)
    yield Node.new("Transpose", [biased if found.bias else scaled], found.output, perm=_TURNED)


def _signed(found: QuantizedConvolution) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Return the weights as int8 of shape (kernel * channels in, channels out), and their zero point."""
    offset = 128 if found.numbers.dtype == np.uint8 else 0  # the instructions take one signed factor
    weights = (found.numbers.astype(np.int16) - offset).astype(np.int8)
    columns = weights.transpose(2, 1, 0).reshape(-1, weights.shape[0])
    return np.ascontiguousarray(columns), np.array(found.zero_point - offset, np.int8)


def _columns_of(found: QuantizedConvolution) -> str:
    return f"{found.output}/columns"


def _constant(tensors: _Tensors, values: npt.NDArray[np.int64]) -> str:
    """Add a tensor and return its name."""
    name = f"storyflow_{values.tolist()}"
    tensors[name] = np.asarray(values)
    return name
