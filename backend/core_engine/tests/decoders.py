"""Small models with the parts of Kokoro's decoder, and their faster versions."""

import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from core_engine.kokoro.graph.rewriting import write_faster
from core_engine.kokoro.model.int8_products import largest_pair
from core_engine.tests.support import FolderTestCase

try:
    import onnx as onnx  # the tests take it from here
except ImportError:  # a development package
    onnx = None  # type: ignore[assignment]

NEEDS_ONNX = "needs the onnx package, a development dependency"

CHANNELS, STYLE = 6, 256

# A sound, convolved, normalised as the style says, and convolved again: the parts of Kokoro's decoder.
DECODER = """
<ir_version: 8, opset_import: ["" : OPSET]>
decoder (int64[1, t] tokens, float[1, 256] style, float[1] speed) => (float[1, 6, n] audio)
<int64[1] two = {2}, int64[1] one_axis = {1}, float one = {1}, float epsilon = {0.00001}, float square = {2}> {
  numbers = Cast <to: int = 1> (tokens)
  row = Unsqueeze (numbers, one_axis)
  sound = Mul (row, gains)
  first = Conv <FIRST> (sound, w1 BIAS)
  styled = Gemm (style, fc, fc_bias)
  column = Unsqueeze (styled, AXIS)
  part, shift = Split <axis: int = 1> (column)
  factor = Add (part, one)
  mean = ReduceMean <axes = [2]> (first)
  centred = Sub (first, mean)
  squared = SQUARED
  variance = ReduceMean <axes = [2]> (squared)
  raised = Add (variance, epsilon)
  deviation = Sqrt (raised)
  normal = Div (centred, deviation)
  scaled = Mul (factor, normal)
  shaped = Add (scaled, shift)
  ACTIVATION
  audio = Conv <kernel_shape = [1]> (wave, w2)
}
"""

SINE = "wave = Sin (shaped)"

# `shaped + inverse * sin(alpha * shaped) ** 2`
SNAKE = """
  angle = Mul (alpha, shaped)
  sine = Sin (angle)
  sine_squared = Pow (sine, square)
  ripple = Mul (inverse, sine_squared)
  wave = Add (shaped, ripple)
"""

# What the published int8 file has behind a convolution.
PUBLISHED = """
  divided = Div (b1, PRODUCT)
  floored = Floor (divided)
  whole = Cast <to: int = 6> (floored)
  whole_column = Reshape (whole, column_shape)
  summed = Add (CONVOLVED, whole_column)
  in_float = Cast <to: int = 1> (summed)
  first = Mul (in_float, PRODUCT)
"""
PLAIN = "kernel_shape = [3], pads = [1, 1]"


def decoder(
    first: str = PLAIN,
    *,
    bias: bool = True,
    squared: str = "Mul (centred, centred)",
    opset: int = 17,
    axis: str = "two",
    groups: int = 1,
    activation: str = SINE,
) -> Any:
    """Return the decoder in float32 with random weights; the arguments make it differ."""
    text = DECODER if opset < 18 else DECODER.replace("<axes = [2]> (first)", "(first, two)")
    if opset >= 18:
        text = text.replace("<axes = [2]> (squared)", "(squared, two)").replace(
            "axis: int = 1>", "axis: int = 1, num_outputs: int = 2>"
        )
    text = text.replace("OPSET", str(opset)).replace("FIRST", first).replace("BIAS", ", b1" if bias else "")
    model = onnx.parser.parse_model(
        text.replace("SQUARED", squared).replace("AXIS", axis).replace("ACTIVATION", activation)
    )
    random = np.random.default_rng(1)
    kernel = re.search(r"kernel_shape = \[(\d+)\]", first)
    shapes = {
        "gains": (1, CHANNELS, 1),
        "w1": (CHANNELS, CHANNELS // groups, int(kernel[1]) if kernel else 3),
        "w2": (CHANNELS, CHANNELS, 1),
        "fc": (STYLE, 2 * CHANNELS),
        "fc_bias": (2 * CHANNELS,),
    } | ({"b1": (CHANNELS,)} if bias else {})
    if activation != SINE:
        shapes |= {"alpha": (1, CHANNELS, 1), "inverse": (1, CHANNELS, 1)}
    for name, shape in shapes.items():
        values = random.normal(size=shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    return model


def two_with_the_same_weights() -> Any:
    """Return a decoder whose second convolution has the weights of the first."""
    model = decoder()
    last = next(node for node in model.graph.node if node.output[0] == "audio")
    last.input[1] = "w1"
    last.attribute[0].ints[0] = 3
    return model


def quantized(model: Any, folder: Path, weights: str = "QUInt8", *, seven_bits: bool = False) -> Path:
    """Save a model with int8 convolutions, as onnxruntime's own tool makes them, for all processors in seven bits."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    onnx.save(model, folder / "float.onnx")
    target = folder / "int8.onnx"
    kinds, type_of_weights = ["Conv"], QuantType[weights]
    quantize_dynamic(folder / "float.onnx", target, kinds, reduce_range=seven_bits, weight_type=type_of_weights)
    return target


def with_bias_in_whole_numbers(path: Path, operators: str = PUBLISHED) -> Path:
    """Let the first convolution of a quantised model add its bias as the published file does: before it is scaled."""
    model = onnx.load(path)
    nodes = {node.output[0]: node for node in model.graph.node}
    add = nodes["first"]
    scaled = next(nodes[name] for name in add.input if nodes[name].op_type == "Mul")
    cast = next(nodes[name] for name in scaled.input if nodes[name].op_type == "Cast")
    product = next(name for name in scaled.input if name != cast.output[0])
    text = operators.replace("PRODUCT", '"' + product + '"').replace("CONVOLVED", cast.input[0])
    text = f"<ir_version: 8, opset_import: ['' : 17]> g () => () {{ {text} }}".replace("'", '"')
    instead = onnx.parser.parse_model(text).graph.node
    kept = [node for node in model.graph.node if node.output[0] not in ("first", scaled.output[0], cast.output[0])]
    place = next(index for index, node in enumerate(kept) if node.op_type == "ConvInteger") + 1
    del model.graph.node[:]
    model.graph.node.extend([*kept[:place], *instead, *kept[place:]])
    column = np.array([1, -1, 1], np.int64)
    model.graph.initializer.append(onnx.numpy_helper.from_array(column, "column_shape"))
    onnx.save(model, path)
    return path


def faster(model: Path, pair: int | None = None) -> Path:
    """Return the path of the faster model, which there must be, for this processor or one with this largest pair."""
    target = model.with_name("faster.onnx")
    assert write_faster(model, target, largest_pair() if pair is None else pair)
    onnx.checker.check_model(target)
    return target


def operators(model: Path) -> Counter[str]:
    return Counter(node.op_type for node in all_nodes(onnx.load(model).graph))


def all_nodes(graph: Any) -> Iterator[Any]:
    """Yield the nodes of a graph and of those that they contain."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from all_nodes(attribute.g)


def matrices(model: Path) -> list[Any]:
    """Return the tensors that products of int8 multiply with."""
    graph = onnx.load(model).graph
    names = {node.input[1] for node in all_nodes(graph) if node.op_type == "MatMulInteger"}
    return [tensor for tensor in graph.initializer if tensor.name in names]


def show(model: Path, tensor: str) -> None:
    """Let a model return a tensor of three dimensions, too, if it does not do so yet."""
    shown = onnx.load(model)
    if tensor not in [output.name for output in shown.graph.output]:
        info = onnx.helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, [None, None, None])
        shown.graph.output.append(info)
        onnx.save(shown, model)


def first_scan(model: Path) -> str:
    """Return the name of what the first Scan makes."""
    return str(next(node.output[0] for node in onnx.load(model).graph.node if node.op_type == "Scan"))


def spoken(model: Path, output: str = "audio", tokens: int = 40) -> npt.NDArray[np.float32]:
    return spoken_by(ort.InferenceSession(model, providers=["CPUExecutionProvider"]), output, tokens)


def spoken_by(session: Any, output: str = "audio", tokens: int = 40) -> npt.NDArray[np.float32]:
    style = np.random.default_rng(2).normal(size=(1, STYLE)).astype(np.float32)
    feed = {"tokens": np.arange(tokens)[None], "style": style, "speed": np.ones(1, np.float32)}
    sound: npt.NDArray[np.float32] = session.run([output], feed)[0]
    return sound


class RewritingCase(FolderTestCase):
    def new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))

    def check_stays(self, model: Any) -> None:
        path = self.new_folder() / "model.onnx"
        onnx.save(model, path)
        self.assertFalse(write_faster(path, path.with_name("faster.onnx"), largest_pair()))
        self.assertFalse(path.with_name("faster.onnx").exists())
