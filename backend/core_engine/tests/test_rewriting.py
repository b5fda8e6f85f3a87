"""The faster graph: int8 convolutions in float32, instance normalisation in one operator, and what is left alone."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pytest

from core_engine.kokoro.graph import float_convolutions
from core_engine.kokoro.graph.rewriting import write_faster
from core_engine.kokoro.model import graph_cache, prepared
from core_engine.kokoro.model.runtime import open_session

onnx = pytest.importorskip("onnx", reason="onnx, a development package, is not installed")

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
  wave = Sin (shaped)
  audio = Conv <kernel_shape = [1]> (wave, w2)
}
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
) -> Any:
    """Return the decoder in float32 with random weights; the arguments make it differ."""
    text = DECODER if opset < 18 else DECODER.replace("<axes = [2]> (first)", "(first, two)")
    if opset >= 18:
        text = text.replace("<axes = [2]> (squared)", "(squared, two)").replace(
            "axis: int = 1>", "axis: int = 1, num_outputs: int = 2>"
        )
    text = text.replace("OPSET", str(opset)).replace("FIRST", first).replace("BIAS", ", b1" if bias else "")
    model = onnx.parser.parse_model(text.replace("SQUARED", squared).replace("AXIS", axis))
    random = np.random.default_rng(1)
    shapes = {
        "gains": (1, CHANNELS, 1),
        "w1": (CHANNELS, CHANNELS // groups, 3),
        "w2": (CHANNELS, CHANNELS, 1),
        "fc": (STYLE, 2 * CHANNELS),
        "fc_bias": (2 * CHANNELS,),
    } | ({"b1": (CHANNELS,)} if bias else {})
    for name, shape in shapes.items():
        values = random.normal(size=shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    return model


def quantized(model: Any, folder: Path) -> Path:
    """Save a model with int8 convolutions, as onnxruntime's own tool makes them."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    onnx.save(model, folder / "float.onnx")
    target = folder / "int8.onnx"
    quantize_dynamic(folder / "float.onnx", target, op_types_to_quantize=["Conv"], weight_type=QuantType.QUInt8)
    return target


def with_rounded_weights(path: Path) -> Path:
    """Save the float32 model with the weights of a quantised one: what is left once no input is rounded."""
    model = onnx.load(path.with_name("float.onnx"))
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    for tensor in model.graph.initializer:
        if f"{tensor.name}_quantized" in tensors:
            whole, offset, scale = (tensors[f"{tensor.name}_{part}"] for part in ("quantized", "zero_point", "scale"))
            values = (whole.astype(np.float32) - np.float32(offset)) * scale
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    target = path.with_name("rounded.onnx")
    onnx.save(model, target)
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


def faster(model: Path) -> Path:
    """Return the path of the faster model, which there must be."""
    target = model.with_name("faster.onnx")
    assert write_faster(model, target)
    onnx.checker.check_model(target)
    return target


def operators(model: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load(model).graph.node)


def spoken(model: Path, tokens: Sequence[int] = tuple(range(40))) -> npt.NDArray[np.float32]:
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    style = np.random.default_rng(2).normal(size=(1, STYLE)).astype(np.float32)
    feed = {"tokens": np.array([tokens]), "style": style, "speed": np.ones(1, np.float32)}
    sound: npt.NDArray[np.float32] = session.run(["audio"], feed)[0]
    return sound


@pytest.mark.parametrize(
    ("first", "groups"),
    [
        (PLAIN, 1),
        ("kernel_shape = [3], pads = [2, 2], dilations = [2]", 1),
        ("kernel_shape = [3], pads = [0, 1], strides = [2]", 1),
        ("kernel_shape = [3]", 1),
        ("pads = [1, 1]", 1),
        ("kernel_shape = [3], pads = [1, 1], group = 2", 2),
    ],
    ids=["plain", "dilated", "strided", "unpadded", "without kernel_shape", "grouped"],
)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_int8_convolutions_are_computed_in_float(tmp_path: Path, first: str, groups: int, bias: bool) -> None:
    model = quantized(decoder(first, bias=bias, groups=groups), tmp_path)
    changed = faster(model)
    found = operators(changed)
    assert (found["Conv"], found["ConvInteger"], found["DynamicQuantizeLinear"]) == (2, 0, 0)
    np.testing.assert_allclose(spoken(changed), spoken(with_rounded_weights(model)), atol=1e-3)


def test_bias_in_whole_numbers_is_added_in_float(tmp_path: Path) -> None:
    model = with_bias_in_whole_numbers(quantized(decoder(), tmp_path))
    changed = faster(model)
    found = operators(changed)
    assert (found["Conv"], found["ConvInteger"], found["Floor"]) == (2, 0, 0)
    np.testing.assert_allclose(spoken(changed), spoken(with_rounded_weights(model)), atol=1e-3)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Div (b1, PRODUCT)", "Div (b1, one)"),
        ("Floor (divided)", "Floor (b1)"),
        ("divided = Div (b1, PRODUCT)", "divided = Cast <to: int = 1> (floored)"),
    ],
    ids=["other divisor", "not divided", "cyclic"],
)
def test_bias_of_another_meaning_leaves_the_convolution_as_it_is(tmp_path: Path, old: str, new: str) -> None:
    model = with_bias_in_whole_numbers(quantized(decoder(), tmp_path), PUBLISHED.replace(old, new))
    target = tmp_path / "faster.onnx"
    assert write_faster(model, target)
    assert operators(target)["ConvInteger"] == 1


def test_weights_that_two_convolutions_share_are_written_once(tmp_path: Path) -> None:
    model = decoder()
    last = next(node for node in model.graph.node if node.output[0] == "audio")
    last.input[1] = "w1"
    last.attribute[0].ints[0] = 3
    path = quantized(model, tmp_path)
    tensors = [tensor for tensor in onnx.load(faster(path)).graph.initializer if len(tensor.dims) == 4]
    assert len(tensors) == 1
    np.testing.assert_allclose(spoken(faster(path)), spoken(with_rounded_weights(path)), atol=1e-3)


@pytest.mark.parametrize("squared", ["Mul (centred, centred)", "Pow (centred, square)"])
@pytest.mark.parametrize("opset", [17, 20])
def test_normalisation_becomes_one_operator(tmp_path: Path, squared: str, opset: int) -> None:
    onnx.save(decoder(squared=squared, opset=opset), tmp_path / "model.onnx")
    changed = faster(tmp_path / "model.onnx")
    found = operators(changed)
    assert found["InstanceNormalization"] == 1
    assert not {"ReduceMean", "Sqrt", "Div", "Sub"}.intersection(found)
    np.testing.assert_allclose(spoken(changed), spoken(tmp_path / "model.onnx"), rtol=1e-4, atol=1e-4)


def test_inputs_outputs_and_metadata_stay(tmp_path: Path) -> None:
    model = decoder()
    onnx.helper.set_model_props(model, {"version": "1.0"})
    model.producer_name = "somebody"
    path = quantized(model, tmp_path)
    before, after = onnx.load(path), onnx.load(faster(path))
    assert list(after.graph.input) == list(before.graph.input)
    assert list(after.graph.output) == list(before.graph.output)
    assert list(after.metadata_props) == list(before.metadata_props)
    assert list(after.opset_import) == list(before.opset_import)
    assert after.producer_name == before.producer_name


def test_nothing_unused_is_left(tmp_path: Path) -> None:
    graph = onnx.load(faster(quantized(decoder(), tmp_path))).graph
    used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    assert {tensor.name for tensor in graph.initializer} <= used
    assert all(used.intersection(node.output) for node in graph.node)


def test_large_convolutions_stay_in_int8(tmp_path: Path) -> None:
    model = quantized(decoder(), tmp_path)
    with mock.patch.object(float_convolutions, "_MOST_WEIGHTS", CHANNELS * CHANNELS):  # of the second
        found = operators(faster(model))
    assert (found["Conv"], found["ConvInteger"]) == (1, 1)


def test_convolution_whose_whole_numbers_are_used_elsewhere_stays(tmp_path: Path) -> None:
    path = quantized(decoder(), tmp_path)
    model = onnx.load(path)
    whole = next(node.output[0] for node in model.graph.node if node.op_type == "ConvInteger")
    model.graph.node.append(onnx.helper.make_node("Abs", [whole], ["more"]))
    model.graph.output.append(onnx.helper.make_tensor_value_info("more", onnx.TensorProto.INT32, [1, CHANNELS, "n"]))
    onnx.save(model, path)
    assert operators(faster(path))["ConvInteger"] == 1


@pytest.mark.parametrize(
    "model",
    [
        decoder(axis="one_axis"),  # not a number for each channel
        decoder(squared="Mul (centred, first)"),
        decoder(squared="Pow (centred, one)"),
    ],
    ids=["other axis", "other product", "other power"],
)
def test_what_only_resembles_a_normalisation_stays(tmp_path: Path, model: Any) -> None:
    onnx.save(model, tmp_path / "model.onnx")
    assert not write_faster(tmp_path / "model.onnx", tmp_path / "faster.onnx")
    assert not (tmp_path / "faster.onnx").exists()


def test_norm_over_another_axis_stays(tmp_path: Path) -> None:
    model = decoder()
    for node in model.graph.node:
        if node.op_type == "ReduceMean":
            node.attribute[0].ints[0] = 1
    onnx.save(model, tmp_path / "model.onnx")
    assert not write_faster(tmp_path / "model.onnx", tmp_path / "faster.onnx")


def test_norm_without_its_axis_stays(tmp_path: Path) -> None:
    model = decoder()
    for node in model.graph.node:
        if node.op_type == "ReduceMean":
            node.attribute.append(onnx.helper.make_attribute("keepdims", 0))
    onnx.save(model, tmp_path / "model.onnx")
    assert not write_faster(tmp_path / "model.onnx", tmp_path / "faster.onnx")


def test_opset_before_13_stays(tmp_path: Path) -> None:
    model = decoder()
    model.opset_import[0].version = 12
    onnx.save(model, tmp_path / "model.onnx")
    assert not write_faster(tmp_path / "model.onnx", tmp_path / "faster.onnx")


def test_initializer_that_is_an_input_too_stays_an_initializer(tmp_path: Path) -> None:
    model = quantized(decoder(), tmp_path)
    listed = onnx.load(model)
    weights = next(tensor for tensor in listed.graph.initializer if tensor.name == "w1_quantized")
    listed.graph.input.append(onnx.helper.make_tensor_value_info("w1_quantized", weights.data_type, weights.dims))
    onnx.save(listed, model)
    names = [each.name for each in ort.InferenceSession(faster(model)).get_inputs()]
    assert names == ["tokens", "style", "speed"]


def test_graph_with_graphs_inside_stays(tmp_path: Path) -> None:
    model = decoder()
    inner = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["centred"], ["y"])], "inner", [], [onnx.ValueInfoProto(name="y")]
    )
    model.graph.node.append(onnx.helper.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=inner))
    onnx.save(model, tmp_path / "model.onnx")
    assert not write_faster(tmp_path / "model.onnx", tmp_path / "faster.onnx")


@pytest.mark.parametrize("content", [b"", b"no model", b"\x3a\x02\x0a\x00", b"\x3a\xff\xff\x03"])
def test_file_that_is_no_model_is_an_error_or_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    try:
        assert not write_faster(tmp_path / "model.onnx", tmp_path / "faster.onnx")
    except ValueError:
        assert not (tmp_path / "faster.onnx").exists()


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Cache graphs of models of any size; return the folder."""
    monkeypatch.setenv(graph_cache.SETTING, str(tmp_path / "cache"))
    monkeypatch.setattr(graph_cache, "SMALLEST_BYTES", 1)
    return tmp_path / "cache" / "graphs"


def heard(session: Any) -> npt.NDArray[np.float32]:
    feed = {"tokens": np.arange(40)[None], "style": np.ones((1, STYLE), np.float32), "speed": np.ones(1, np.float32)}
    sound: npt.NDArray[np.float32] = session.run(["audio"], feed)[0]
    return sound


def test_cached_graph_is_the_faster_one(tmp_path: Path, cached: Path) -> None:
    model = quantized(decoder(), tmp_path)
    first, second = (heard(open_session(model, 1)) for _ in range(2))
    np.testing.assert_allclose(first, second, atol=1e-3)  # the second has no prepacked weights
    (kept,) = cached.glob("*/graph.onnx")
    found = operators(kept)
    assert found["InstanceNormalization"] == 1
    assert found["ConvInteger"] == 0
    assert sorted(path.name for path in kept.parent.iterdir() if path.suffix == ".onnx") == ["graph.onnx"]


@pytest.mark.parametrize(
    ("what", "error"),
    [("write_faster", OSError(28, "No space left on device")), ("write_faster", IndexError()), ("run", ValueError())],
)
def test_whatever_goes_wrong_the_model_itself_is_opened(
    tmp_path: Path, cached: Path, monkeypatch: pytest.MonkeyPatch, what: str, error: Exception
) -> None:
    model = quantized(decoder(), tmp_path)
    monkeypatch.setattr(prepared, what, mock.Mock(side_effect=error))
    sound = heard(open_session(model, 1))
    (kept,) = cached.glob("*/graph.onnx")
    assert operators(kept)["ConvInteger"] == 2
    np.testing.assert_array_equal(sound, heard(open_session(model, 1)))
