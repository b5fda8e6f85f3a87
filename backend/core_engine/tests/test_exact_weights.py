"""Weights of int8 convolutions that a processor multiplies exactly: the same values, signed where that is exact."""

import unittest

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core_engine.kokoro.graph.exact_weights import with_exact_weights
from core_engine.kokoro.graph.onnx_graph import Node
from core_engine.kokoro.graph.quantized_convolutions import QuantizedConvolution

NODE = Node.new("ConvInteger", ["x", "w"], "y")
SHAPES = arrays.array_shapes(min_dims=3, max_dims=3, max_side=5)


def convolution(numbers: npt.NDArray[np.generic], zero_point: int) -> QuantizedConvolution:
    return QuantizedConvolution(NODE, NODE, "y", numbers, zero_point, 0.1, None)


@st.composite
def convolutions(draw: st.DrawFn) -> QuantizedConvolution:
    numbers = draw(arrays.arrays(draw(st.sampled_from([np.uint8, np.int8])), SHAPES))
    limits = np.iinfo(numbers.dtype)
    return convolution(numbers, draw(st.integers(limits.min, limits.max)))


def values(found: QuantizedConvolution) -> npt.NDArray[np.int64]:
    return found.numbers.astype(np.int64) - found.zero_point


def sums_of_neighbours(found: QuantizedConvolution) -> list[int]:
    """Return the sums of the magnitudes of every two weights that the runtime may add in 16 bits."""
    channels_out, channels, kernel = found.numbers.shape
    magnitudes = [
        [abs(int(found.numbers[out, channel, element])) for element in range(kernel) for channel in range(channels)]
        for out in range(channels_out)
    ]
    return [sum(row[place : place + 2]) for row in magnitudes for place in range(0, len(row), 2)]


class ExactWeightTests(unittest.TestCase):
    @given(convolutions(), st.sampled_from([0, 127, 256]))
    def test_values_stay_and_signed_neighbours_are_small(self, found: QuantizedConvolution, largest_pair: int) -> None:
        exact = with_exact_weights(found, largest_pair)
        np.testing.assert_array_equal(values(exact), values(found))
        self.assertEqual(exact.numbers.dtype.type(exact.zero_point), exact.zero_point)  # it fits
        if exact.numbers.dtype == np.int8:
            self.assertLessEqual(max(sums_of_neighbours(exact)), largest_pair)
        else:
            self.assertLess(largest_pair, 256)  # where every weight is exact, all are signed

    def test_zero_point_is_taken_off_where_that_makes_weights_small(self) -> None:
        numbers = np.array([[[60], [127], [0]]], np.uint8)  # of seven bits: -3, 64, -63
        exact = with_exact_weights(convolution(numbers, 63), 127)
        self.assertEqual((exact.numbers.dtype, exact.zero_point), (np.int8, 0))
        self.assertEqual(exact.numbers.tolist(), [[[-3], [64], [-63]]])

    def test_neighbours_are_those_of_the_matrix_of_the_product(self) -> None:
        large_then_small = np.array([[[90, 90], [37, 37]]], np.uint8)  # by element: (90, 37), (90, 37)
        self.assertEqual(with_exact_weights(convolution(large_then_small, 0), 127).numbers.dtype, np.int8)
        side_by_side = large_then_small.transpose(0, 2, 1)  # by element: (90, 90), (37, 37)
        self.assertEqual(with_exact_weights(convolution(side_by_side, 0), 127).numbers.dtype, np.uint8)
