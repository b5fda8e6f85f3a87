"""A graph cut in two computes the same, and both parts take about as long to open."""

import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnxruntime as ort

from core_engine.kokoro.graph import halves
from core_engine.kokoro.graph.halves import write_halves
from core_engine.kokoro.model.parts import part_paths
from core_engine.tests.cut_graphs import (
    ONE_AFTER_THE_OTHER,
    WITH_AN_EARLY_OUTPUT,
    WITH_BRANCHES,
    WITH_GRAPHS_INSIDE,
    CutCase,
    opened,
)
from core_engine.tests.decoders import NEEDS_ONNX, SINE, SNAKE, decoder, faster, onnx, quantized, spoken_by


def names(tensors: Any) -> list[str]:
    return [tensor.name for tensor in tensors]


@unittest.skipUnless(onnx, NEEDS_ONNX)
class HalvesTest(CutCase):
    def test_both_parts_together_compute_the_same(self) -> None:
        for activation in (SINE, SNAKE):
            model = quantized(decoder("kernel_shape = [5], pads = [2, 2]", activation=activation), self.new_folder())
            graph = self.optimised(faster(model))
            self.cut(graph, 0.1)
            whole = spoken_by(ort.InferenceSession(str(graph)))
            np.testing.assert_array_equal(spoken_by(opened(graph)), whole)

    def test_each_part_has_about_half_and_takes_only_what_it_needs(self) -> None:
        first, second = self.cut(self.written(ONE_AFTER_THE_OTHER))
        self.assertEqual((len(first.node), len(second.node)), (3, 3))
        self.assertEqual((names(first.input), names(first.output)), (["a"], ["three"]))
        self.assertEqual((names(second.input), names(second.output)), (["b", "three"], ["y"]))

    def test_weights_count_as_well_as_nodes(self) -> None:
        text = ONE_AFTER_THE_OTHER.replace("one = Sin (a)", "sine = Sin (a)\n one = Add (sine, weights)")
        first, second = self.cut(self.written(text, weights=np.ones(6_000)))
        self.assertLess(len(first.node), len(second.node) - 1)

    def test_few_tensors_are_passed(self) -> None:
        _, second = self.cut(self.written(WITH_BRANCHES), 0.2)
        self.assertEqual(names(second.input), ["three"])
        with mock.patch.object(halves, "_MOST_PASSED", 0):
            self.assertFalse(write_halves(self.folder / "written.onnx", *part_paths(self.folder / "written.onnx")))

    def test_an_output_is_not_passed(self) -> None:
        first, second = self.cut(self.written(WITH_AN_EARLY_OUTPUT), 0.3)
        self.assertEqual(names(first.output), ["early", "three"])
        self.assertEqual((names(second.input), names(second.output)), (["b", "three"], ["y"]))

    def test_first_output_is_made_by_the_second_part(self) -> None:
        outputs = "(float[n] y, float[n] early)"
        first, second = self.cut(
            self.written(WITH_AN_EARLY_OUTPUT.replace(outputs, "(float[n] early, float[n] y)")), 0.1
        )
        self.assertEqual((names(first.output), names(second.output)), (["two"], ["early", "y"]))

    def test_initializer_that_is_an_input_too_stays_an_initializer(self) -> None:
        _, second = self.cut(self.written(ONE_AFTER_THE_OTHER, b=np.ones(1)))
        self.assertNotIn("b", names(second.input))

    def test_what_graphs_inside_take_is_passed(self) -> None:
        path = self.written(WITH_GRAPHS_INSIDE, weights=np.ones(10))
        _, second = self.cut(path, 0.1)
        self.assertIn("If", [node.op_type for node in second.node])
        for yes in (True, False):
            feed = {"a": np.arange(10, dtype=np.float32), "yes": np.array(yes)}
            whole, parts = (session.run(None, feed)[0] for session in (ort.InferenceSession(path), opened(path)))
            np.testing.assert_array_equal(parts, whole)

    def test_what_cannot_be_cut_stays_whole(self) -> None:
        untyped = self.folder / "untyped.onnx"
        onnx.save(onnx.parser.parse_model(ONE_AFTER_THE_OTHER), untyped)  # its inner tensors have no types
        with_an_input_as_output = ONE_AFTER_THE_OTHER.replace("=> (float[n] y)", "=> (float[n] y, float[n] a)")
        one_node = ONE_AFTER_THE_OTHER.split("one =")[0] + "y = Add (a, b) }"
        self.check_stays_whole(untyped)
        self.check_stays_whole(self.written(with_an_input_as_output))
        self.check_stays_whole(self.written(one_node))

    def check_stays_whole(self, path: Path) -> None:
        self.assertFalse(write_halves(path, *part_paths(path)))
        self.assertFalse(any(part.exists() for part in part_paths(path)))

    def test_file_that_is_no_model_is_an_error(self) -> None:
        (self.folder / "text.onnx").write_bytes(b"no model")
        with self.assertRaises(ValueError):
            write_halves(self.folder / "text.onnx", *part_paths(self.folder / "text.onnx"))
