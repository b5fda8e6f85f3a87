"""The faster graph: normalisation, activation, what is left alone, and how it is opened."""

import shutil
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from core_engine.kokoro.graph import rewriting
from core_engine.kokoro.graph.rewriting import write_faster
from core_engine.kokoro.model import graph_cache, prepared
from core_engine.kokoro.model.int8_products import largest_pair
from core_engine.kokoro.model.runtime import open_session
from core_engine.tests.decoders import (
    CHANNELS,
    NEEDS_ONNX,
    SNAKE,
    RewritingCase,
    all_nodes,
    decoder,
    faster,
    onnx,
    operators,
    quantized,
    spoken,
    spoken_by,
)


@unittest.skipIf(onnx is None, NEEDS_ONNX)
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


@unittest.skipIf(onnx is None, NEEDS_ONNX)
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


@unittest.skipIf(onnx is None, NEEDS_ONNX)
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
        graph = onnx.load(faster(model)).graph
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
                    self.assertFalse(write_faster(path, self.folder / "faster.onnx", largest_pair()))
                except ValueError:
                    self.assertFalse((self.folder / "faster.onnx").exists())


@unittest.skipIf(onnx is None, NEEDS_ONNX)
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
        for module, what, error in (
            (rewriting, "write_faster", OSError(28, "No space left on device")),
            (rewriting, "write_faster", IndexError()),
            (prepared, "run", ValueError()),
        ):
            with self.subTest(what, error=error), mock.patch.object(module, what, side_effect=error):
                shutil.rmtree(self.folder / "cache", ignore_errors=True)
                sound = self.heard(model)
                self.assertEqual(operators(self.cached_graph())["ConvInteger"], 2)
                np.testing.assert_array_equal(sound, self.heard(model))

    def test_large_model_is_faster_without_a_cache(self) -> None:
        model = quantized(decoder(), self.folder)
        off = mock.patch.dict("os.environ", {graph_cache.SETTING: graph_cache.OFF})
        with off, mock.patch.object(prepared, "_LARGEST_IN_MEMORY", 100):
            expected = spoken(faster(model))
            np.testing.assert_allclose(self.heard(model), expected, rtol=1e-4, atol=1e-4)
