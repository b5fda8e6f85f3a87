"""The two models that are compared: the export as it is, and the same without its loop; both tell pitch and source."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, TensorProto, helper, numpy_helper
from repeats import without_loop

from core_engine.kokoro.model.runtime import session_options

ORIGINAL = "original.onnx"
WITHOUT_LOOP = "without_loop.onnx"

_PITCH = "F0_proj/Conv"
_SOURCE = "l_tanh/Tanh"
_SEED = 19.0
_HERTZ = 150.0
"""Mean pitch given to a network with random weights, which would have none, and without pitch no voiced source."""
_CONTRAST = 100.0
"""Factor on its melody, which would be 0.2 Hz high; 20 Hz are like speech."""


def prepare(model_path: Path, folder: Path, give_pitch: bool) -> None:
    """Write both models into a folder; raise UnknownLoopError for an export of another form."""
    model = onnx.load(model_path)
    pitch, source = (_node_output(model, name) for name in (_PITCH, _SOURCE))
    if give_pitch:
        _give_pitch(model, pitch)
    for node in model.graph.node:
        if node.op_type.startswith("Random") and not any(given.name == "seed" for given in node.attribute):
            node.attribute.append(helper.make_attribute("seed", _SEED))
    model.graph.output.append(helper.make_tensor_value_info(pitch, TensorProto.FLOAT, [1, 1, None]))
    model.graph.output.append(helper.make_tensor_value_info(source, TensorProto.FLOAT, [1, None, 1]))
    onnx.save(model, folder / ORIGINAL)
    onnx.save(without_loop(model), folder / WITHOUT_LOOP)


def largest_difference(folder: Path, threads: int, lengths: tuple[int, ...]) -> float:
    """Return the largest difference of two samples between both models, the same noise drawn by both."""
    original, rewritten = (threads_session(folder / name, threads) for name in (ORIGINAL, WITHOUT_LOOP))
    found = []
    for length in lengths:
        one, other = (session.run(None, inputs(length))[0] for session in (original, rewritten))
        found.append(np.abs(one - other).max() if one.shape == other.shape else np.inf)
    return float(max(found))


def inputs(tokens: int) -> dict[str, np.ndarray]:
    """Return a text of this many random tokens in a random voice, the same for the same number."""
    random = np.random.default_rng(tokens)
    ids = np.array([[0, *random.integers(43, 140, tokens), 0]], np.int64)
    style = random.normal(0, 0.3, (1, 256)).astype(np.float32)
    return {"tokens": ids, "style": style, "speed": np.ones(1, np.float32)}


def threads_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """Return a session with the options that every session of ours has."""
    return onnxruntime.InferenceSession(path, session_options(threads), providers=["CPUExecutionProvider"])


def _node_output(model: ModelProto, ending: str) -> str:
    found = [node.output[0] for node in model.graph.node if node.name.endswith(ending)]
    if len(found) != 1:
        raise SystemExit(f"The model has {len(found)} nodes called …{ending}; this benchmark needs one.")
    return found[0]


def _give_pitch(model: ModelProto, output: str) -> None:
    convolution = next(node for node in model.graph.node if output in node.output)
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if tensor.name == convolution.input[1]:
            tensor.CopyFrom(numpy_helper.from_array(array * np.float32(_CONTRAST), tensor.name))
        elif tensor.name == convolution.input[2]:
            tensor.CopyFrom(numpy_helper.from_array(np.full_like(array, _HERTZ), tensor.name))
