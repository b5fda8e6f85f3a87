"""A graph cut in two computes the same, and both parts take about as long to open."""

import threading
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnxruntime as ort

from core_engine.kokoro.graph import halves
from core_engine.kokoro.graph.halves import write_halves
from core_engine.kokoro.model.inference import read_signature
from core_engine.kokoro.model.parts import in_parts, part_paths
from core_engine.kokoro.model.runtime import session_options
from core_engine.tests.decoders import NEEDS_ONNX, SNAKE, RewritingCase, decoder, faster, onnx, quantized, spoken_by

ONE_AFTER_THE_OTHER = """<ir_version: 8, opset_import: ["" : 17]>
row (float[n] a, float[n] b) => (float[n] y, float[n] early) {
  one = Sin (a)
  two = Cos (one)
  early = Sin (two)
  three = Sin (two)
  four = Cos (three)
  five = Add (four, b)
  y = Sin (five)
}"""

# Both parts make an output. The first output's part comes second, and what is passed cannot be an output, too.
WITH_AN_EARLY_OUTPUT = """<ir_version: 8, opset_import: ["" : 17]>
row (float[n] a, float[n] b) => (float[n] y, float[n] early) {
  one = Sin (a)
  two = Cos (one)
  early = Sin (two)
  three = Cos (early)
  four = Sin (three)
  y = Add (four, b)
}"""

# The branches take tensors from around them, which no input of the node names.
WITH_GRAPHS_INSIDE = """<ir_version: 8, opset_import: ["" : 17]>
row (float[n] a, bool yes) => (float[n] y) {
  one = Sin (a)
  two = Cos (one)
  three = If (yes) <
    then_branch = first () => (float[n] p) { p = Sin (two) },
    else_branch = second () => (float[n] q) { q = Cos (two) }
  >
  y = Mul (three, weights)
}"""


def opened(path: Path) -> Any:
    return in_parts(ort.InferenceSession)(str(path), sess_options=session_options(1))


@unittest.skipUnless(onnx, NEEDS_ONNX)
class HalvesCase(RewritingCase):
    def optimised(self, model: Path) -> Path:
        """Return the graph that the runtime makes of a model, in which it declares all types."""
        options = session_options(1)
        options.optimized_model_filepath = str(self.folder / "graph.onnx")
        ort.InferenceSession(str(model), sess_options=options)
        return self.folder / "graph.onnx"

    def written(self, text: str, **tensors: Any) -> Path:
        path = self.folder / "written.onnx"
        model = onnx.parser.parse_model(text)
        for name, values in tensors.items():
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(values, np.float32), name))
        onnx.save(onnx.shape_inference.infer_shapes(model), path)
        return path

    def cut(self, path: Path, smallest: float = 0.4) -> list[Any]:
        """Cut a model, which has too few nodes for two halves if `smallest` is less, and return both graphs."""
        with mock.patch.object(halves, "_SMALLEST_SHARE", smallest):
            self.assertTrue(write_halves(path, *part_paths(path)))
        models = [onnx.load(part) for part in part_paths(path)]
        for model in models:
            onnx.checker.check_model(model)
        return [model.graph for model in models]


class HalvesTest(HalvesCase):
    def test_both_parts_together_compute_the_same(self) -> None:
        for activation in ("wave = Sin (shaped)", SNAKE):
            model = quantized(decoder("kernel_shape = [5], pads = [2, 2]", activation=activation), self.new_folder())
            graph = self.optimised(faster(model))
            self.cut(graph, 0.1)
            whole = spoken_by(ort.InferenceSession(str(graph)))
            np.testing.assert_array_equal(spoken_by(opened(graph)), whole)

    def test_each_part_has_about_half_and_takes_only_what_it_needs(self) -> None:
        first, second = self.cut(self.written(ONE_AFTER_THE_OTHER))
        self.assertEqual(len(first.node) + len(second.node), 7)
        self.assertLessEqual(abs(len(first.node) - len(second.node)), 1)
        self.assertEqual([given.name for given in first.input], ["a"])
        passed = [made.name for made in first.output if made.name != "early"]
        self.assertEqual([given.name for given in second.input], ["b", *passed])
        self.assertEqual(second.output[0].name, "y")

    def test_an_output_is_not_passed(self) -> None:
        first, second = self.cut(self.written(WITH_AN_EARLY_OUTPUT), 0.3)
        self.assertEqual([made.name for made in first.output], ["early", "three"])
        self.assertEqual([made.name for made in second.output], ["y"])
        self.assertNotIn("early", [given.name for given in second.input])

    def test_first_output_is_made_by_the_second_part(self) -> None:
        outputs = "(float[n] y, float[n] early)"
        text = WITH_AN_EARLY_OUTPUT.replace(outputs, "(float[n] early, float[n] y)")
        first, second = self.cut(self.written(text), 0.1)
        self.assertEqual([made.name for made in second.output], ["early", "y"])
        self.assertEqual([made.name for made in first.output], ["two"])

    def test_initializer_that_is_an_input_too_stays_an_initializer(self) -> None:
        _, second = self.cut(self.written(ONE_AFTER_THE_OTHER, b=np.ones(1)))
        self.assertNotIn("b", [given.name for given in second.input])

    def test_weights_count_as_well_as_nodes(self) -> None:
        text = ONE_AFTER_THE_OTHER.replace("one = Sin (a)", "sine = Sin (a)\n one = Add (sine, weights)")
        first, second = self.cut(self.written(text, weights=np.ones(10_000)))
        self.assertLess(len(first.node), len(second.node) - 1)

    def test_few_tensors_are_passed(self) -> None:
        names = [f"t{number}" for number in range(5)]
        middle = "\n".join(f"{name} = Sin (two)" for name in names)
        end = "\n".join(f"{name}_end = Cos ({name})" for name in names)
        text = ONE_AFTER_THE_OTHER.split("early =")[0].replace(", float[n] early", "")
        text += f"{middle}\n{end}\ny = Sum ({', '.join(f'{name}_end' for name in names)})\n}}"
        text = text.replace("two = Cos (one)", "between = Cos (one)\n and = Sin (between)\n two = Cos (and)")
        _, second = self.cut(self.written(text.replace(", float[n] b", "")), 0.1)
        self.assertEqual([given.name for given in second.input], ["two"])
        with mock.patch.object(halves, "_MOST_PASSED", 0):
            self.assertFalse(write_halves(self.folder / "written.onnx", *part_paths(self.folder / "x")))

    def test_what_graphs_inside_take_is_passed(self) -> None:
        path = self.written(WITH_GRAPHS_INSIDE, weights=np.ones(10))
        _, second = self.cut(path, 0.1)
        self.assertIn("If", [node.op_type for node in second.node])
        feed = {"a": np.arange(10, dtype=np.float32), "yes": np.array(True)}
        for yes in (True, False):
            feed["yes"] = np.array(yes)
            whole, parts = (session.run(None, feed)[0] for session in (ort.InferenceSession(path), opened(path)))
            np.testing.assert_array_equal(parts, whole)

    def test_what_cannot_be_cut_stays_whole(self) -> None:
        one_node = ONE_AFTER_THE_OTHER.split("one =")[0].replace(", float[n] early", "") + "y = Add (a, b) }"
        untyped = onnx.parser.parse_model(ONE_AFTER_THE_OTHER)  # its inner tensors have no types
        onnx.save(untyped, self.folder / "untyped.onnx")
        for path in (self.written(one_node), self.folder / "untyped.onnx"):
            self.assertFalse(write_halves(path, *part_paths(path)))
            self.assertFalse(any(part.exists() for part in part_paths(path)))
            self.assertIsInstance(opened(path), ort.InferenceSession)

    def test_file_that_is_no_model_is_an_error(self) -> None:
        (self.folder / "text.onnx").write_bytes(b"no model")
        with self.assertRaises(ValueError):
            write_halves(self.folder / "text.onnx", *part_paths(self.folder / "text.onnx"))


class SessionTest(HalvesCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.written(WITH_AN_EARLY_OUTPUT)
        self.cut(self.path, 0.3)
        self.feed = {"a": np.arange(5, dtype=np.float32), "b": np.ones(5, np.float32)}

    def test_it_is_as_one_session(self) -> None:
        whole, parts = ort.InferenceSession(self.path), opened(self.path)
        self.assertEqual({given.name: given.type for given in parts.get_inputs()}, dict.fromkeys("ab", "tensor(float)"))
        self.assertEqual([made.name for made in parts.get_outputs()], ["y", "early"])
        self.assertEqual(parts.get_providers(), whole.get_providers())
        for names in (None, ["early"], ["early", "y"]):
            for one, other in zip(parts.run(names, self.feed), whole.run(names, self.feed), strict=True):
                np.testing.assert_array_equal(one, other)

    def test_a_graph_of_a_model_keeps_signature_and_metadata(self) -> None:
        model = onnx.load(quantized(decoder(), self.new_folder()))
        onnx.helper.set_model_props(model, {"kokoro_config": "{}"})
        onnx.save(model, self.folder / "noted.onnx")
        graph = self.optimised(faster(self.folder / "noted.onnx"))
        self.cut(graph, 0.1)
        parts = opened(graph)
        self.assertEqual(parts.get_modelmeta().custom_metadata_map, {"kokoro_config": "{}"})
        whole, both = (read_signature(session) for session in (ort.InferenceSession(graph), parts))
        self.assertEqual((both.tokens, both.style, both.audio), (whole.tokens, whole.style, whole.audio))

    def test_both_parts_are_opened_at_once(self) -> None:
        together = threading.Barrier(2)

        def create(*args: Any, **options: Any) -> Any:
            together.wait(10)
            return ort.InferenceSession(*args, **options)

        in_parts(create)(str(self.path), sess_options=session_options(1))

    def test_error_of_a_part_is_that_of_opening(self) -> None:
        part_paths(self.path)[0].write_bytes(b"no model")
        with self.assertRaisesRegex(Exception, "storyflow-first-part"):
            opened(self.path)

    def test_without_both_parts_the_whole_is_opened(self) -> None:
        part_paths(self.path)[1].unlink()
        self.assertIsInstance(opened(self.path), ort.InferenceSession)
        whole = in_parts(ort.InferenceSession)(self.path.read_bytes(), sess_options=session_options(1))
        self.assertIsInstance(whole, ort.InferenceSession)
