"""The faster graph: int8 convolutions, instance normalisation in one operator, and what is left alone."""

import re
import shutil
import tempfile
import unittest
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from core_engine.kokoro.graph import float_convolutions, matrix_products
from core_engine.kokoro.graph.rewriting import write_faster
from core_engine.kokoro.model import graph_cache, prepared
from core_engine.kokoro.model.int8_products import multiplies_int8
from core_engine.kokoro.model.runtime import open_session
from core_engine.tests.support import FolderTestCase

try:
    import onnx
except ImportError:  # a development package
    onnx = None  # type: ignore[assignment]

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
QUANT_TYPES = ("QUInt8", "QInt8")


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


def quantized(model: Any, folder: Path, weights: str = "QUInt8") -> Path:
    """Save a model with int8 convolutions, as onnxruntime's own tool makes them."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    onnx.save(model, folder / "float.onnx")
    target = folder / "int8.onnx"
    quantize_dynamic(folder / "float.onnx", target, op_types_to_quantize=["Conv"], weight_type=QuantType[weights])
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


def faster(model: Path, *, multiplies_int8: bool = False) -> Path:
    """Return the path of the faster model, which there must be, for a processor that multiplies int8 well or not."""
    target = model.with_name("faster.onnx")
    assert write_faster(model, target, multiplies_int8=multiplies_int8)
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


FIRSTS = {
    "plain": (PLAIN, 1),
    "dilated": ("kernel_shape = [3], pads = [2, 2], dilations = [2]", 1),
    "strided": ("kernel_shape = [3], pads = [0, 1], strides = [2]", 1),
    "unpadded": ("kernel_shape = [3]", 1),
    "padded at one end": ("kernel_shape = [3], pads = [0, 2]", 1),
    "long": ("kernel_shape = [7], pads = [6, 6], dilations = [2]", 1),
    "very long": ("kernel_shape = [13], pads = [2, 9]", 1),
    "without kernel_shape": ("pads = [1, 1]", 1),
    "grouped": ("kernel_shape = [3], pads = [1, 1], group = 2", 2),
}


class RewritingCase(FolderTestCase):
    def new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))

    def check_is_with_rounded_weights(self, model: Path) -> Counter[str]:
        """Check that the faster model computes in float32 with the weights in int8; return its operators."""
        changed = faster(model)
        np.testing.assert_allclose(spoken(changed), spoken(with_rounded_weights(model)), atol=1e-3)
        return operators(changed)

    def check_stays(self, model: Any) -> None:
        path = self.new_folder() / "model.onnx"
        onnx.save(model, path)
        self.assertFalse(write_faster(path, path.with_name("faster.onnx"), multiplies_int8=True))
        self.assertFalse(path.with_name("faster.onnx").exists())


@unittest.skipIf(onnx is None, "needs the onnx package, a development dependency")
class ConvolutionTests(RewritingCase):
    def test_int8_convolutions_are_computed_in_float(self) -> None:
        for name, (first, groups) in FIRSTS.items():
            for bias in (True, False):
                with self.subTest(name, bias=bias):
                    model = quantized(decoder(first, bias=bias, groups=groups), self.new_folder())
                    found = self.check_is_with_rounded_weights(model)
                    kinds = (found["Conv"], found["ConvInteger"], found["DynamicQuantizeLinear"])
                    self.assertEqual(kinds, (2, 0, 0))

    def test_int8_convolutions_are_products_where_the_processor_multiplies_int8(self) -> None:
        for name, (first, groups) in FIRSTS.items():
            for weights in QUANT_TYPES if name == "dilated" else QUANT_TYPES[:1]:
                with self.subTest(name, weights=weights):
                    model = quantized(decoder(first, groups=groups), self.new_folder(), weights)
                    changed = faster(model, multiplies_int8=True)
                    found = operators(changed)
                    in_float = 1 if name in ("strided", "grouped") else 0  # what is no plain product
                    kinds = (found["MatMulInteger"], found["Conv"], found["ConvInteger"])
                    self.assertEqual(kinds, (2 - in_float, in_float, 0))
                    if not in_float and multiplies_int8():
                        np.testing.assert_allclose(spoken(changed), spoken(model), rtol=1e-4, atol=1e-4)

    def test_products_of_any_length_in_any_number_of_pieces(self) -> None:
        model = quantized(decoder("kernel_shape = [13]"), self.folder)
        show(model, "first")
        copies = 13 * CHANNELS  # for one place
        for limit, of_28_places in ((1, 28), (copies, 29), (3 * copies, 10), (1 << 20, 1)):
            with mock.patch.object(matrix_products, "_PIECE_BYTES", limit):
                changed = faster(model, multiplies_int8=True)
            scanned = first_scan(changed)
            show(changed, scanned)
            for length in (13, 14, 15, 40):  # down to one place
                with self.subTest(limit=limit, length=length):
                    sound, expected = (spoken(each, "first", length) for each in (changed, model))
                    self.assertEqual(sound.shape, (1, CHANNELS, length - 12))
                    if multiplies_int8():
                        np.testing.assert_allclose(sound, expected, rtol=1e-4, atol=1e-4)
            self.assertAlmostEqual(len(spoken(changed, scanned)), of_28_places, delta=1)

    def test_several_sounds_at_once_are_an_error(self) -> None:
        changed = onnx.load(faster(quantized(decoder(), self.folder), multiplies_int8=True))
        changed.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
        session = ort.InferenceSession(changed.SerializeToString())
        feed = {"tokens": np.ones((2, 9), np.int64), "style": np.ones((1, STYLE), np.float32)}
        with self.assertRaisesRegex(Exception, "Squeeze"):
            session.run(None, feed | {"speed": np.ones(1, np.float32)})

    def test_weights_that_two_products_share_have_the_scale_and_zero_point_of_each(self) -> None:
        path = quantized(two_with_the_same_weights(), self.folder)
        model = onnx.load(path)
        tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        for name, value in (("w1_scale", tensors["w1_scale"] * 2), ("w1_zero_point", tensors["w1_zero_point"] + 1)):
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), f"{name}_of_second"))
            second = [node for node in model.graph.node if name in node.input][-1]
            second.input[[*second.input].index(name)] = f"{name}_of_second"
        onnx.save(model, path)
        changed = faster(path, multiplies_int8=True)
        self.assertEqual(operators(changed)["MatMulInteger"], 2)
        if multiplies_int8():
            np.testing.assert_allclose(spoken(changed), spoken(path), rtol=1e-4, atol=1e-4)

    def test_model_with_names_like_the_new_ones_stays(self) -> None:
        path = quantized(decoder(), self.folder)
        model = onnx.load(path)
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2]), "storyflow_1"))
        onnx.save(model, path)
        self.assertFalse(write_faster(path, self.folder / "faster.onnx", multiplies_int8=True))

    def test_model_with_names_like_those_in_pieces_stays(self) -> None:
        path = quantized(decoder(), self.folder)
        self.assertTrue(write_faster(path, self.folder / "faster.onnx", multiplies_int8=True))
        graph = onnx.load(self.folder / "faster.onnx").graph
        scan = next(node for node in graph.node if node.op_type == "Scan")
        (body,) = (attribute.g for attribute in scan.attribute if attribute.g.node)
        for name in (body.input[0].name, body.node[0].output[0]):
            with self.subTest(name):
                model = onnx.load(path)
                model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2]), name))
                clashing = self.folder / "clashing.onnx"
                onnx.save(model, clashing)
                self.assertFalse(write_faster(clashing, self.folder / "faster.onnx", multiplies_int8=True))

    def test_product_adds_the_bias_in_float(self) -> None:
        model = quantized(decoder(), self.folder)
        show(model, "first")
        biased = spoken(model, "first")
        show(with_bias_in_whole_numbers(model), "first")
        self.assertGreater(np.abs(spoken(model, "first") - biased).max(), 1e-3)  # what rounding the bias costs
        changed = faster(model, multiplies_int8=True)
        self.assertEqual(operators(changed)["Floor"], 0)
        if multiplies_int8():
            np.testing.assert_allclose(spoken(changed, "first"), biased, rtol=1e-4, atol=1e-4)

    def test_bias_in_whole_numbers_is_added_in_float(self) -> None:
        model = with_bias_in_whole_numbers(quantized(decoder(), self.folder))
        found = self.check_is_with_rounded_weights(model)
        self.assertEqual((found["Conv"], found["ConvInteger"], found["Floor"]), (2, 0, 0))

    def test_bias_of_another_meaning_leaves_the_convolution_as_it_is(self) -> None:
        for old, new in (
            ("Div (b1, PRODUCT)", "Div (b1, one)"),
            ("Floor (divided)", "Floor (b1)"),
            ("divided = Div (b1, PRODUCT)", "divided = Cast <to: int = 1> (floored)"),  # a cycle
        ):
            with self.subTest(new):
                whole = PUBLISHED.replace(old, new)
                model = with_bias_in_whole_numbers(quantized(decoder(), self.new_folder()), whole)
                target = model.with_name("faster.onnx")
                self.assertTrue(write_faster(model, target, multiplies_int8=False))
                self.assertEqual(operators(target)["ConvInteger"], 1)

    def test_weights_that_two_convolutions_share_are_written_once(self) -> None:
        path = quantized(two_with_the_same_weights(), self.folder)
        self.check_is_with_rounded_weights(path)
        tensors = onnx.load(path.with_name("faster.onnx")).graph.initializer
        self.assertEqual(sum(len(tensor.dims) == 4 for tensor in tensors), 1)

    def test_large_convolutions_stay_in_int8(self) -> None:
        model = quantized(decoder(), self.folder)
        with mock.patch.object(float_convolutions, "_MOST_WEIGHTS", CHANNELS * CHANNELS):  # of the second
            found = operators(faster(model))
        self.assertEqual((found["Conv"], found["ConvInteger"]), (1, 1))

    def test_convolution_whose_whole_numbers_are_used_elsewhere_stays(self) -> None:
        path = quantized(decoder(), self.folder)
        model = onnx.load(path)
        whole = next(node.output[0] for node in model.graph.node if node.op_type == "ConvInteger")
        model.graph.node.append(onnx.helper.make_node("Abs", [whole], ["more"]))
        more = onnx.helper.make_tensor_value_info("more", onnx.TensorProto.INT32, [1, CHANNELS, "n"])
        model.graph.output.append(more)
        onnx.save(model, path)
        self.assertEqual(operators(faster(path))["ConvInteger"], 1)


@unittest.skipIf(onnx is None, "needs the onnx package, a development dependency")
class NormTests(RewritingCase):
    def test_normalisation_becomes_one_operator(self) -> None:
        for squared in ("Mul (centred, centred)", "Pow (centred, square)"):
            for opset in (17, 20):
                with self.subTest(squared, opset=opset):
                    path = self.new_folder() / "model.onnx"
                    onnx.save(decoder(squared=squared, opset=opset), path)
                    changed = faster(path)
                    found = operators(changed)
                    self.assertEqual(found["InstanceNormalization"], 1)
                    self.assertFalse({"ReduceMean", "Sqrt", "Div", "Sub"}.intersection(found))
                    np.testing.assert_allclose(spoken(changed), spoken(path), rtol=1e-4, atol=1e-4)

    def test_what_only_resembles_a_normalisation_stays(self) -> None:
        for name, model in {
            "other axis of the factor": decoder(axis="one_axis"),
            "other product": decoder(squared="Mul (centred, first)"),
            "other power": decoder(squared="Pow (centred, one)"),
        }.items():
            with self.subTest(name):
                self.check_stays(model)

    def test_norm_over_another_axis_or_without_it_stays(self) -> None:
        other, without = decoder(), decoder()
        for node in other.graph.node:
            if node.op_type == "ReduceMean":
                node.attribute[0].ints[0] = 1
        for node in without.graph.node:
            if node.op_type == "ReduceMean":
                node.attribute.append(onnx.helper.make_attribute("keepdims", 0))
        self.check_stays(other)
        self.check_stays(without)


@unittest.skipIf(onnx is None, "needs the onnx package, a development dependency")
class SnakeTests(RewritingCase):
    def test_snake_is_computed_a_few_channels_at_a_time(self) -> None:
        for name, snake in {
            "power": SNAKE,
            "product": SNAKE.replace("Pow (sine, square)", "Mul (sine, sine)"),
            "inverse computed": SNAKE.replace("angle =", "computed = Div (one, alpha) angle =").replace(
                "(inverse,", "(computed,"
            ),
            "other order": SNAKE.replace("(alpha, shaped)", "(shaped, alpha)").replace(
                "(shaped, ripple)", "(ripple, shaped)"
            ),
        }.items():
            with self.subTest(name):
                path = self.new_folder() / "model.onnx"
                onnx.save(decoder(activation=snake), path)
                changed = faster(path)
                graph = onnx.load(changed).graph
                self.assertNotIn("Sin", [node.op_type for node in graph.node])
                self.assertEqual((operators(changed)["Scan"], operators(changed)["Sin"]), (1, 1))
                np.testing.assert_allclose(spoken(changed), spoken(path), rtol=1e-4, atol=1e-4)

    def test_what_only_resembles_a_snake_is_computed_as_before(self) -> None:
        for old, new in (
            ("Pow (sine, square)", "Pow (sine, one)"),
            ("Pow (sine, square)", "Mul (sine, angle)"),
            ("Sin (angle)", "Cos (angle)"),
            ("Mul (alpha, shaped)", "Mul (alpha, first)"),
            ("Mul (alpha, shaped)", "Mul (one, shaped)"),
            ("Add (shaped, ripple)", "Add (first, ripple)"),
            ("Add (shaped, ripple)", "Sub (shaped, ripple)"),
        ):
            with self.subTest(new):
                self.check_is_no_snake(decoder(activation=SNAKE.replace(old, new)))

    def test_snake_with_other_shapes_is_computed_as_before(self) -> None:
        channels = (1, CHANNELS, 1)
        for alpha, inverse in (((1,), channels), ((1, 1, 1), (1, 1, 1)), (channels, (1, 1, 1)), (channels, (1, 1, 40))):
            with self.subTest(alpha=alpha, inverse=inverse):
                model = decoder(activation=SNAKE)
                for tensor in model.graph.initializer:
                    shape = {"alpha": alpha, "inverse": inverse}.get(tensor.name)
                    if shape:
                        values = np.full(shape, 0.7, np.float32)
                        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
                self.check_is_no_snake(model)

    def check_is_no_snake(self, model: Any) -> None:
        path = self.new_folder() / "model.onnx"
        onnx.save(model, path)
        changed = faster(path)
        self.assertEqual(operators(changed)["Scan"], 0)
        np.testing.assert_allclose(spoken(changed), spoken(path), rtol=1e-4, atol=1e-4)

    def test_normalised_sound_that_is_used_elsewhere_is_made_too(self) -> None:
        path = self.folder / "model.onnx"
        onnx.save(decoder(activation=f"{SNAKE.replace('wave =', 'wriggled =')} wave = Mul (shaped, wriggled)"), path)
        changed = faster(path)
        self.assertEqual(operators(changed)["InstanceNormalization"], 2)
        np.testing.assert_allclose(spoken(changed), spoken(path), rtol=1e-4, atol=1e-4)


@unittest.skipIf(onnx is None, "needs the onnx package, a development dependency")
class ModelTests(RewritingCase):
    def test_inputs_outputs_and_metadata_stay(self) -> None:
        model = decoder()
        onnx.helper.set_model_props(model, {"version": "1.0"})
        model.producer_name = "somebody"
        path = quantized(model, self.folder)
        before, after = onnx.load(path), onnx.load(faster(path))
        self.assertEqual(list(after.graph.input), list(before.graph.input))
        self.assertEqual(list(after.graph.output), list(before.graph.output))
        self.assertEqual(list(after.metadata_props), list(before.metadata_props))
        self.assertEqual(list(after.opset_import), list(before.opset_import))
        self.assertEqual(after.producer_name, before.producer_name)

    def test_nothing_unused_is_left(self) -> None:
        model = quantized(decoder(activation=SNAKE), self.folder)
        graph = onnx.load(faster(model, multiplies_int8=True)).graph
        used = {name for node in all_nodes(graph) for name in node.input} | {output.name for output in graph.output}
        self.assertLessEqual({tensor.name for tensor in graph.initializer}, used)
        self.assertTrue(all(used.intersection(node.output) for node in graph.node))

    def test_initializer_that_is_an_input_too_stays_an_initializer(self) -> None:
        model = quantized(decoder(), self.folder)
        listed = onnx.load(model)
        weights = next(tensor for tensor in listed.graph.initializer if tensor.name == "w1_quantized")
        info = onnx.helper.make_tensor_value_info("w1_quantized", weights.data_type, weights.dims)
        listed.graph.input.append(info)
        onnx.save(listed, model)
        names = [each.name for each in ort.InferenceSession(faster(model)).get_inputs()]
        self.assertEqual(names, ["tokens", "style", "speed"])

    def test_old_opset_and_graphs_inside_stay(self) -> None:
        old, nested = decoder(), decoder()
        old.opset_import[0].version = 12
        inner = onnx.helper.make_graph(
            [onnx.helper.make_node("Identity", ["centred"], ["y"])], "inner", [], [onnx.ValueInfoProto(name="y")]
        )
        node = onnx.helper.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=inner)
        nested.graph.node.append(node)
        self.check_stays(old)
        self.check_stays(nested)

    def test_file_that_is_no_model_is_an_error_or_nothing(self) -> None:
        path = self.folder / "model.onnx"
        for content in (b"", b"no model", b"\x3a\x02\x0a\x00", b"\x3a\xff\xff\x03"):
            with self.subTest(content):
                path.write_bytes(content)
                try:
                    self.assertFalse(write_faster(path, self.folder / "faster.onnx", multiplies_int8=True))
                except ValueError:
                    self.assertFalse((self.folder / "faster.onnx").exists())


@unittest.skipIf(onnx is None, "needs the onnx package, a development dependency")
class OpeningTests(RewritingCase):
    """Graphs of models of any size are cached."""

    def setUp(self) -> None:
        super().setUp()
        for patch in (
            mock.patch.dict("os.environ", {graph_cache.SETTING: str(self.folder / "cache")}),
            mock.patch.object(graph_cache, "SMALLEST_BYTES", 1),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def heard(self, model: Path) -> npt.NDArray[np.float32]:
        return spoken_by(open_session(model, 1))

    def cached_graph(self) -> Path:
        (found,) = (self.folder / "cache" / "graphs").glob("*/graph.onnx")
        return found

    def test_cached_graph_is_the_faster_one(self) -> None:
        model = quantized(decoder(), self.folder)
        first, second = self.heard(model), self.heard(model)
        np.testing.assert_allclose(first, second, atol=1e-3)  # in float32, the second has no prepacked weights
        found = operators(self.cached_graph())
        self.assertEqual((found["InstanceNormalization"], found["ConvInteger"]), (1, 0))
        self.assertEqual([path.name for path in self.cached_graph().parent.glob("*.onnx")], ["graph.onnx"])

    def test_whatever_goes_wrong_the_model_itself_is_opened(self) -> None:
        model = quantized(decoder(), self.folder)
        for what, error in (
            ("write_faster", OSError(28, "No space left on device")),
            ("write_faster", IndexError()),
            ("run", ValueError()),
        ):
            with self.subTest(what, error=error), mock.patch.object(prepared, what, side_effect=error):
                shutil.rmtree(self.folder / "cache", ignore_errors=True)
                sound = self.heard(model)
                self.assertEqual(operators(self.cached_graph())["ConvInteger"], 2)
                np.testing.assert_array_equal(sound, self.heard(model))

    def test_large_model_is_faster_without_a_cache(self) -> None:
        model = quantized(decoder(), self.folder)
        off = mock.patch.dict("os.environ", {graph_cache.SETTING: graph_cache.OFF})
        with off, mock.patch.object(prepared, "_LARGEST_IN_MEMORY", 100):
            expected = spoken(faster(model, multiplies_int8=multiplies_int8()))
            np.testing.assert_allclose(self.heard(model), expected, rtol=1e-4, atol=1e-4)
