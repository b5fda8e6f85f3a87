"""Small graphs, and their two parts."""

from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnxruntime as ort

from core_engine.kokoro.graph import halves
from core_engine.kokoro.graph.halves import write_halves
from core_engine.kokoro.model.parts import in_parts, part_paths
from core_engine.kokoro.model.runtime import session_options
from core_engine.tests.decoders import RewritingCase, onnx

ONE_AFTER_THE_OTHER = """<ir_version: 8, opset_import: ["" : 17]>
row (float[n] a, float[n] b) => (float[n] y) {
  one = Sin (a)
  two = Cos (one)
  three = Sin (two)
  four = Cos (three)
  five = Add (four, b)
  y = Sin (five)
}"""

# In the middle is an output.
WITH_AN_EARLY_OUTPUT = """<ir_version: 8, opset_import: ["" : 17]>
row (float[n] a, float[n] b) => (float[n] y, float[n] early) {
  one = Sin (a)
  two = Cos (one)
  early = Sin (two)
  three = Cos (early)
  four = Sin (three)
  y = Add (four, b)
}"""

# From three nodes that are in a row, three rows go out.
WITH_BRANCHES = """<ir_version: 8, opset_import: ["" : 17]>
row (float[n] a) => (float[n] y) {
  one = Sin (a)
  two = Cos (one)
  three = Sin (two)
  first = Cos (three)
  second = Exp (three)
  third = Tanh (three)
  first_end = Sin (first)
  second_end = Sin (second)
  third_end = Sin (third)
  y = Sum (first_end, second_end, third_end)
}"""

# The branches take a tensor from around them, which no input of the node names.
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


class CutCase(RewritingCase):
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
