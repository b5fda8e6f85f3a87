"""Find out whether the runtime multiplies int8 exactly on this processor, as it does where that is also fast.

With instructions made for it (VNNI and AMX of x86 processors, the dot products of Arm), the runtime adds up products of
int8 in 32 bits. On other x86 processors with AVX2, it adds two of them in 16 bits, where large ones saturate. So one
product of the largest numbers shows which kind it is, on any operating system.
"""

from functools import lru_cache

import numpy as np
import onnxruntime as ort

from core_engine.kokoro.graph.onnx_graph import Node
from core_engine.kokoro.graph.onnx_writing import small_model

_LENGTH = 64
_OPSET = 13


@lru_cache(maxsize=1)
def multiplies_int8() -> bool:
    """Return whether products of uint8 and int8 matrices are exact; raises the errors of the runtime."""
    largest = {"x": np.full((1, _LENGTH), 255, np.uint8), "y": np.full((_LENGTH, 16), 127, np.int8)}
    model = small_model([Node.new("MatMulInteger", ["x", "y"], "product")], largest, "product", _OPSET)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return bool(np.all(session.run(None, {})[0] == 255 * 127 * _LENGTH))
