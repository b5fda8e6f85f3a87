"""Find out whether the runtime multiplies int8 exactly and fast on this processor.

With instructions made for it (VNNI and AMX of x86 processors, the dot products of Arm), the runtime adds up products of
int8 in 32 bits. On other x86 processors with AVX2, and on other Arm processors, it adds two of them in 16 bits, which
large ones overflow. So a product of the largest numbers shows which kind it is, on any operating system. Processors
without AVX2, which are slow at anything, are exact, too.
"""

import logging
from functools import lru_cache

import numpy as np
import onnxruntime as ort

from core_engine.kokoro.graph.onnx_graph import Node
from core_engine.kokoro.graph.onnx_writing import small_model

logger = logging.getLogger(__name__)

_SIZE = 64
_OPSET = 13


@lru_cache(maxsize=1)
def multiplies_int8() -> bool:
    """Return whether products of uint8 and int8 matrices are exact; False if the runtime cannot compute one."""
    x = np.repeat(np.array([[0], [255]], np.uint8), _SIZE, axis=1).repeat(_SIZE // 2, axis=0)
    y = np.repeat(np.array([[-128, 127]], np.int8), _SIZE, axis=0).repeat(_SIZE // 2, axis=1)
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
