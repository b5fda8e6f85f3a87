"""Find out whether the runtime multiplies int8 exactly on this processor, as it does where that is also fast.

With instructions made for it (VNNI and AMX of x86 processors, the dot products of Arm), the runtime adds up products of
int8 in 32 bits. On other x86 processors with AVX2, it adds two of them in 16 bits, where large ones saturate. So one
product of the largest numbers shows which kind it is, on any operating system.
"""

import logging
from functools import lru_cache

import numpy as np
import onnxruntime as ort

from core_engine.kokoro.graph.onnx_graph import Node
from core_engine.kokoro.graph.onnx_writing import small_model

logger = logging.getLogger(__name__)

_LENGTH = 64
_OPSET = 13


@lru_cache(maxsize=1)
def multiplies_int8() -> bool:
    """Return whether products of uint8 and int8 matrices are exact; False if the runtime cannot compute one."""
    largest = {"x": np.full((1, _LENGTH), 255, np.uint8), "y": np.full((_LENGTH, 16), 127, np.int8)}
    model = small_model([Node.new("MatMulInteger", ["x", "y"], "product")], largest, "product", _OPSET)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        (product,) = session.run(None, {})
    except Exception:  # the runtime has a dozen exception types for this
        logger.debug("The product of int8 cannot be tried", exc_info=True)
        return False
    return bool(np.all(product == 255 * 127 * _LENGTH))
