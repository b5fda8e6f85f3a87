"""Write the weights of an int8 convolution so that this processor multiplies them exactly, and as fast as it can.

The runtime multiplies signed weights faster than unsigned ones: with AVX2 alone in three quarters of the time, and with
instructions for int8 in much less. But without such instructions only small weights are multiplied exactly (see
`core_engine.kokoro.model.int8_products`). Those of the published file are small once their zero point is taken off: it
was made for all processors, and uses seven of the eight bits.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph.quantized_convolutions import QuantizedConvolution


def with_exact_weights(found: QuantizedConvolution, largest_pair: int) -> QuantizedConvolution:
    """Return the same convolution with signed weights if these are multiplied exactly, otherwise with unsigned ones.

    `largest_pair` is the largest sum of the magnitudes of two signed weights, one below the other in the matrix, whose
    products are exact.
    """
    numbers = found.numbers.astype(np.int16)
    middle = 128 if found.numbers.dtype == np.uint8 else 0
    for offset in (found.zero_point, middle):
        signed = replace(found, numbers=numbers - offset, zero_point=found.zero_point - offset)
        if _fit_int8(signed.numbers) and _largest_pair(signed.matrix) <= largest_pair:
            return replace(signed, numbers=signed.numbers.astype(np.int8))
    offset = middle - 128
    return replace(found, numbers=(numbers - offset).astype(np.uint8), zero_point=found.zero_point - offset)


def _fit_int8(numbers: npt.NDArray[np.generic]) -> bool:
    return np.array_equal(numbers, numbers.astype(np.int8))


def _largest_pair(matrix: npt.NDArray[np.generic]) -> int:
    """Return the largest sum of the magnitudes of two weights in rows 0 and 1, 2 and 3, and so on."""
    return int(np.add.reduceat(np.abs(matrix), range(0, len(matrix), 2)).max())
