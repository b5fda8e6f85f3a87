"""The faster graph: convolutions of an int8 export."""

import unittest
from unittest import mock

import numpy as np
import onnxruntime as ort

from core_engine.kokoro.graph import float_convolutions, matrix_products
from core_engine.kokoro.graph.rewriting import write_faster
from core_engine.kokoro.model.int8_products import multiplies_int8
from core_engine.tests.decoders import (
    CHANNELS,
    NEEDS_ONNX,
    PLAIN,
    PUBLISHED,
    QUANT_TYPES,
    STYLE,
    RewritingCase,
    decoder,
    faster,
    first_scan,
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
    "grouped": ("kernel_shape = [3], pads = [1, 1], group = 2", 2),
}


@unittest.skipIf(onnx is None, NEEDS_ONNX)
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
