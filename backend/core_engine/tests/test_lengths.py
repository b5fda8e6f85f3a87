"""The faster graph: which tensors are as long as others."""

import unittest
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime as ort

from core_engine.kokoro.graph.instance_norms import instance_norms
from core_engine.kokoro.graph.lengths import lengths
from core_engine.kokoro.graph.onnx_graph import Graph
from core_engine.kokoro.graph.quantized_convolutions import quantized_convolutions
from core_engine.tests.decoders import (
    NEEDS_ONNX,
    PLAIN,
    SNAKE,
    RewritingCase,
    decoder,
    faster,
    onnx,
    operators,
    quantized,
    spoken,
    two_with_the_same_weights,
)

BY_ELEMENT = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[1, 2, t] x, float[1, 2, u] y, float k) => (float[1, 2, v] z)
<float[1, 2, 1] column = {1, 2}, float[1, 1, 3] row = {1, 2, 3}, float square = {2}, int64[3] as_column = {1, -1, 1},
 int64[3] as_row = {1, 1, -1}> {
  relu = LeakyRelu (x)
  scaled = Mul (column, relu)
  residual = Add (x, scaled)
  inverse = Reciprocal (column)
  angle = Div (residual, inverse)
  power = Pow (angle, square)
  broadcast = Add (y, power)
  after = Sin (broadcast)
  stretched = Sub (x, row)
  folded = Reshape (column, as_column)
  moved = Add (folded, x)
  laid = Reshape (column, as_row)
  stretched_too = Add (laid, x)
  of_number = Mul (k, column)
  joined = Concat <axis = 2> (x, y)
  z = Mul (joined, square)
}
"""


SCALED = "firstquant_scaled_output"  # what the first convolution makes, before its bias is added


def found_in(model: Path) -> Mapping[str, str]:
    graph = Graph.read(memoryview(model.read_bytes()))
    return lengths(graph, [*quantized_convolutions(graph)], [*instance_norms(graph)])


@unittest.skipIf(onnx is None, NEEDS_ONNX)
class LengthTests(RewritingCase):
    def test_operators_by_element_are_followed_where_nothing_can_be_broadcast(self) -> None:
        path = self.folder / "model.onnx"
        onnx.save(onnx.parser.parse_model(BY_ELEMENT), path)
        found = found_in(path)
        for name in ("relu", "scaled", "residual", "angle", "power", "moved"):
            self.assertEqual(found[name], "x", name)
        for name in ("broadcast", "stretched", "stretched_too", "joined", "of_number"):  # y may be one long, too
            self.assertEqual(found[name], name)
        self.assertEqual((found["after"], found["z"]), ("broadcast", "joined"))

    def test_convolutions_are_followed_where_they_keep_the_length(self) -> None:
        for first, begins in ((PLAIN, "row"), ("kernel_shape = [3]", SCALED), (f"{PLAIN}, strides = [2]", SCALED)):
            with self.subTest(first):
                model = quantized(decoder(first, activation=SNAKE), self.new_folder())
                self.assertEqual(found_in(model)["wave"], begins)

    def test_equal_lengths_are_computed_once(self) -> None:
        model = quantized(two_with_the_same_weights(), self.folder)
        changed, optimised = faster(model), self.folder / "optimised.onnx"
        self.assertEqual(operators(changed)["MatMulInteger"], 2)
        options = ort.SessionOptions()
        options.optimized_model_filepath = str(optimised)
        ort.InferenceSession(changed, options, providers=["CPUExecutionProvider"])
        self.assertEqual(operators(optimised)["Shape"], 1)
        for tokens in (3, 4, 40):
            np.testing.assert_allclose(
                spoken(changed, tokens=tokens), spoken(model, tokens=tokens), rtol=1e-4, atol=1e-4
            )
