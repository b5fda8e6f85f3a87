"""Find out which int8 weights the runtime multiplies exactly on this processor.

With instructions made for it (VNNI and AMX of x86 processors, the dot products of Arm), the runtime adds up products of
int8 in 32 bits. On other processors it first adds two of them in 16 bits. With AVX2 they are those of two neighbouring
weights, which is exact if the two are together at most 128, since the sound is at most 255, and 255 * 128 < 2**15. On
Arm they are those of other weights and of a sound between -128 and 127, which is exact if no weight is -128. A sum of
127 is exact on both. Products of the largest weights show which kind a processor is, on any operating system.
"""

import logging
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import onnxruntime as ort

from core_engine.kokoro.graph.onnx_graph import Node
from core_engine.kokoro.graph.onnx_writing import small_model

logger = logging.getLogger(__name__)

_HARDEST = {
    256: ((127, 127), (-128, -128)),  # any weights
    127: ((127, 0), (0, 127), (63, 64), (-127, 0), (0, -127), (-63, -64)),
}
"""By the sum of their magnitudes, the pairs of neighbouring weights that are the hardest to multiply."""

_SIZE = 64
_OPSET = 13


@lru_cache(maxsize=1)
def largest_pair() -> int:
    """Return up to which sum of their magnitudes two neighbouring weights are multiplied exactly: 256, 127 or 0."""
    return next((largest for largest, pairs in _HARDEST.items() if _are_exact(pairs)), 0)


def _are_exact(pairs: Sequence[tuple[int, int]]) -> bool:
    """Return whether products of these weights and of the largest sound are exact; False if there is no product."""
    x = np.repeat(np.array([[0], [255]], np.uint8), _SIZE, axis=1).repeat(_SIZE // 2, axis=0)
    y = np.tile(np.array(pairs, np.int8).T, (_SIZE // 2, _SIZE // len(pairs)))
    tensors = {"x": x, "y": y, "zero of x": np.array(1, np.uint8), "zero of y": np.array(1, np.int8)}
    model = small_model(Node.new("MatMulInteger", [*tensors], "product"), tensors, _OPSET)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        (product,) = session.run(None, {})
    except Exception:  # the runtime has a dozen exception types for this
        logger.debug("The product of int8 cannot be tried", exc_info=True)
        return False
    return np.array_equal(product, (x.astype(np.int64) - 1) @ (y.astype(np.int64) - 1))
