"""The faster graph: convolutions of an int8 export."""

import unittest
from unittest import mock

import numpy as np
import onnxruntime as ort

from core_engine.kokoro.graph import matrix_products
from core_engine.kokoro.graph.rewriting import write_faster
from core_engine.kokoro.model.int8_products import largest_pair
from core_engine.tests.decoders import (
    CHANNELS,
    NEEDS_ONNX,
    PLAIN,
    PUBLISHED,
    SNAKE,
    STYLE,
    RewritingCase,
    decoder,
    faster,
    first_scan,
    matrices,
    onnx,
    operators,
    quantized,
    show,
    spoken,
    two_with_the_same_weights,
    with_bias_in_whole_numbers,
)

FIRSTS = {
    "plain": (PLAIN, 1),
    "dilated": ("kernel_shape = [3], pads = [2, 2], dilations = [2]", 1),
    "strided": ("kernel_shape = [3], pads = [0, 1], strides = [2]", 1),
    "unpadded": ("kernel_shape = [3]", 1),
    "padded at one end": ("kernel_shape = [3], pads = [0, 2]", 1),
    "long": ("kernel_shape = [7], pads = [6, 6], dilations = [2]", 1),
    "very long": ("kernel_shape = [13], pads = [2, 9]", 1),
    "without kernel_shape": ("pads = [1, 1]", 1),
    "of one element": ("kernel_shape = [1]", 1),
    "of one element, padded": ("kernel_shape = [1], pads = [1, 2]", 1),
    "of one element, strided": ("kernel_shape = [1], strides = [2]", 1),
    "grouped": ("kernel_shape = [3], pads = [1, 1], group = 2", 2),
}


@unittest.skipIf(onnx is None, NEEDS_ONNX)
class ConvolutionTests(RewritingCase):
    def test_int8_convolutions_are_products_with_the_same_result(self) -> None:
        for name, (first, groups) in FIRSTS.items():
            for bias, pair in ((True, largest_pair()), (False, largest_pair()), (True, 0)):
                with self.subTest(name, bias=bias, pair=pair):
                    model = quantized(decoder(first, bias=bias, groups=groups), self.new_folder())
                    changed = faster(model, pair)
                    found = operators(changed)
                    left = int(name == "grouped")
                    self.assertEqual((found["MatMulInteger"], found["ConvInteger"]), (2 - left, left))
                    self.assertEqual(found["Scan"], 0 if name in ("grouped", "of one element") else 2)
                    np.testing.assert_allclose(spoken(changed), spoken(model), rtol=1e-4, atol=1e-4)

    def test_weights_are_signed_where_the_processor_multiplies_them_exactly(self) -> None:
        for weights, seven_bits, smallest_pair in (
            ("QUInt8", True, 127),
            ("QInt8", True, 127),
            ("QUInt8", False, 256),
            ("QInt8", False, 256),
        ):
            model = quantized(decoder(), self.new_folder(), weights, seven_bits=seven_bits)
            for pair in (0, 127, 256):
                with self.subTest(weights, seven_bits=seven_bits, pair=pair):
                    changed = faster(model, pair)
                    signed = {tensor.dims[0]: tensor.data_type == onnx.TensorProto.INT8 for tensor in matrices(changed)}
                    self.assertEqual(signed[3 * CHANNELS], pair >= smallest_pair)
                    if pair <= largest_pair():
                        np.testing.assert_allclose(spoken(changed), spoken(model), rtol=1e-4, atol=1e-4)

    def test_products_of_any_length_in_any_number_of_pieces(self) -> None:
        copies = 13 * CHANNELS  # for one place
        for stride in (1, 3):
            model = quantized(decoder(f"kernel_shape = [13], strides = [{stride}]"), self.new_folder())
            show(model, "first")
            places = 27 // stride + 1  # for 40 tokens
            for limit, size in ((1, 1), (copies, 1), (3 * copies, 3), (1 << 20, places)):
                with mock.patch.object(matrix_products, "_PIECE_BYTES", limit):
                    changed = faster(model)
                scanned = first_scan(changed)
                show(changed, scanned)
                for length in (13, 14, 15, 16, 38, 39, 40):  # up from one place
                    with self.subTest(stride=stride, limit=limit, length=length):
                        sound, expected = (spoken(each, "first", length) for each in (changed, model))
                        self.assertEqual(sound.shape, (1, CHANNELS, (length - 13) // stride + 1))
                        np.testing.assert_allclose(sound, expected, rtol=1e-4, atol=1e-4)
                self.assertAlmostEqual(len(spoken(changed, scanned)), places / size, delta=1)

    def test_products_of_padded_sounds_in_any_number_of_pieces(self) -> None:
        for pads in ("[0, 5]", "[5, 0]", "[4, 3]"):
            for stride in (1, 3):
                text = f"kernel_shape = [4], pads = {pads}, strides = [{stride}]"
                model = quantized(decoder(text), self.new_folder())
                for limit in (1, 7 * 4 * CHANNELS, 1 << 20):
                    with mock.patch.object(matrix_products, "_PIECE_BYTES", limit):
                        changed = faster(model)
                    for length in (1, 9, 40):
                        with self.subTest(text, limit=limit, length=length):
                            sound, expected = (spoken(each, tokens=length) for each in (changed, model))
                            np.testing.assert_allclose(sound, expected, rtol=1e-4, atol=1e-4)

    def test_pieces_with_many_channels_are_joined_at_once(self) -> None:
        model = quantized(decoder("kernel_shape = [13]"), self.new_folder())
        expected = spoken(model)
        for limit in (1, 1 << 20):
            with (
                mock.patch.object(matrix_products, "_FEW_CHANNELS", CHANNELS - 1),
                mock.patch.object(matrix_products, "_PIECE_BYTES", limit),
            ):
                changed = faster(model)
            self.assertEqual(operators(changed)["Scan"], 1)
            np.testing.assert_allclose(spoken(changed), expected, rtol=1e-4, atol=1e-4)

    def test_several_sounds_at_once_are_an_error(self) -> None:
        in_float = self.new_folder() / "float.onnx"
        onnx.save(decoder(activation=SNAKE), in_float)
        for model in (quantized(decoder(), self.new_folder()), in_float):
            changed = onnx.load(faster(model))
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
        changed = faster(path)
        self.assertEqual(operators(changed)["MatMulInteger"], 2)
        np.testing.assert_allclose(spoken(changed), spoken(path), rtol=1e-4, atol=1e-4)

    def test_model_with_names_like_the_new_ones_stays(self) -> None:
        path = quantized(decoder(), self.folder)
        model = onnx.load(path)
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2]), "storyflow_1"))
        onnx.save(model, path)
        self.assertFalse(write_faster(path, self.folder / "faster.onnx", largest_pair()))

    def test_model_with_names_like_those_in_pieces_stays(self) -> None:
        path = quantized(decoder(), self.folder)
        self.assertTrue(write_faster(path, self.folder / "faster.onnx", largest_pair()))
        graph = onnx.load(self.folder / "faster.onnx").graph
        scan = next(node for node in graph.node if node.op_type == "Scan")
        (body,) = (attribute.g for attribute in scan.attribute if attribute.g.node)
        for name in (body.input[0].name, body.node[0].output[0]):
            with self.subTest(name):
                model = onnx.load(path)
                model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2]), name))
                clashing = self.folder / "clashing.onnx"
                onnx.save(model, clashing)
                self.assertFalse(write_faster(clashing, self.folder / "faster.onnx", largest_pair()))

    def test_product_adds_the_bias_in_float(self) -> None:
        model = quantized(decoder(), self.folder)
        show(model, "first")
        biased = spoken(model, "first")
        show(with_bias_in_whole_numbers(model), "first")
        self.assertGreater(np.abs(spoken(model, "first") - biased).max(), 1e-3)  # what rounding the bias costs
        changed = faster(model)
        self.assertEqual(operators(changed)["Floor"], 0)
        np.testing.assert_allclose(spoken(changed, "first"), biased, rtol=1e-4, atol=1e-4)

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
                self.assertTrue(write_faster(model, target, largest_pair()))
                self.assertEqual(operators(target)["ConvInteger"], 1)

    def test_convolution_whose_whole_numbers_are_used_elsewhere_stays(self) -> None:
        path = quantized(decoder(), self.folder)
        model = onnx.load(path)
        whole = next(node.output[0] for node in model.graph.node if node.op_type == "ConvInteger")
        model.graph.node.append(onnx.helper.make_node("Abs", [whole], ["more"]))
        more = onnx.helper.make_tensor_value_info("more", onnx.TensorProto.INT32, [1, CHANNELS, "n"])
        model.graph.output.append(more)
        onnx.save(model, path)
        self.assertEqual(operators(faster(path))["ConvInteger"], 1)
