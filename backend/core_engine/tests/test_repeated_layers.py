"""The faster graph: layers that share their weights."""

import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from core_engine.kokoro.graph import repeated_layers
from core_engine.kokoro.graph.onnx_graph import Graph
from core_engine.kokoro.graph.rewriting import write_faster
from core_engine.tests.decoders import NEEDS_ONNX, RewritingCase, all_nodes, onnx, operators

SIZE, TIMES = 8, 5

HEAD = """
<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>
encoder (float[1, t, 8] x, float[1] speed) => (float[1, t, 8] y OUTPUTS) {
  shift = Mul (speed, small)
  state0 = Tanh (x)
LAYERS
  y = LAST
}
"""
LAYER = """
  shape@ = Shape (state<)
  flat@ = Reshape (state<, rows)
  product@ = MatMul (flat@, weights)
  moved@ = Add (product@, shift)
  bent@ = com.microsoft.FastGelu (moved@)
  back@ = Reshape (bent@, shape@)
  sum@ = Add (back@, state<)
  state@ = LayerNormalization <axis = -1> (sum@, gains)
"""


def layers(times: int = TIMES) -> str:
    one_by_one = [LAYER.replace("@", str(time + 1)).replace("state<", f"state{time}") for time in range(times)]
    return "".join(one_by_one)


@unittest.skipIf(onnx is None, NEEDS_ONNX)
class RepeatedLayerTests(RewritingCase):
    def setUp(self) -> None:
        super().setUp()
        small = mock.patch.object(repeated_layers, "_FEWEST_WEIGHTS", SIZE * SIZE)
        small.start()
        self.addCleanup(small.stop)

    def model(self, of_layers: str, last: str = f"Sigmoid (state{TIMES})", outputs: str = "") -> Path:
        text = HEAD.replace("LAYERS", of_layers).replace("LAST", last).replace("OUTPUTS", outputs)
        model = onnx.parser.parse_model(text)
        random = np.random.default_rng(1)
        shapes = {"weights": (SIZE, SIZE), "others": (SIZE, SIZE), "gains": (SIZE,), "small": (1,)}
        tensors = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
        for name, values in (tensors | {"rows": np.array([-1, SIZE])}).items():
            model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
        path = self.new_folder() / "model.onnx"
        onnx.save(model, path)
        return path

    def check(self, model: Path, times: int) -> None:
        """Check that so many layers become a loop with the same result; none stay as they are if it is 0."""
        target = model.with_name("faster.onnx")
        self.assertEqual(write_faster(model, target, 127), times > 0)
        if times:
            whole = operators(model)["MatMul"]
            self.assertEqual(operators(target)["MatMul"], whole - times + 1)
            graph = onnx.load(target).graph
            (loop,) = (node for node in graph.node if node.op_type == "Scan")
            (count,) = (tensor.dims[0] for tensor in graph.initializer if tensor.name == loop.input[1])
            self.assertEqual(count, times)
            for length in (1, 7):
                np.testing.assert_allclose(said(target, length), said(model, length), rtol=1e-6)

    def test_equal_layers_become_a_loop(self) -> None:
        for times in (3, TIMES, 12):
            with self.subTest(times):
                self.check(self.model(layers(times), f"Sigmoid (state{times})"), times)

    def test_two_layers_stay(self) -> None:
        self.check(self.model(layers(2), "Sigmoid (state2)"), 0)

    def test_small_layers_stay(self) -> None:
        with mock.patch.object(repeated_layers, "_FEWEST_WEIGHTS", SIZE * SIZE + SIZE + 3):
            self.check(self.model(layers()), 0)

    def test_layers_behind_one_that_differs_become_a_loop(self) -> None:
        for old, new in (
            ("com.microsoft.FastGelu (moved2)", "Relu (moved2)"),
            ("<axis = -1> (sum2", "<axis = 2> (sum2"),
        ):
            with self.subTest(new):
                self.check(self.model(layers().replace(old, new)), 3)

    def test_layers_may_begin_anywhere(self) -> None:
        self.check(self.model(layers(), "Add (sum5, state5)"), TIMES - 1)  # from behind a sum to the next

    def test_two_layers_and_parts_of_others_stay(self) -> None:
        self.check(self.model(layers(3), "Add (sum3, state3)"), 0)

    def test_layers_of_which_one_differs_in_its_outputs_or_in_how_many_inputs_each_node_has_stay(self) -> None:
        halves = [
            f"p{time} = MatMul (s{time}, weights)  a{time}, b{time} = Split <axis = 2> (p{time}) "
            f"m{time} = ReduceMean <axes = [2]> (a{time})  s{time + 1} = Add (s{time}, m{time}) "
            for time in range(TIMES)
        ]
        sums = [
            f"p{time} = MatMul (s{time}, weights)  q{time} = Sum (p{time}, gains)  r{time} = Sum (small) "
            f"s{time + 1} = Mul (q{time}, r{time}) "
            for time in range(TIMES)
        ]
        begin, last = "s0 = Sin (x) ", f"Sigmoid (s{TIMES})"
        self.check(self.model(begin + "".join(halves), last), TIMES)
        self.check(self.model(begin + "".join(halves).replace("a3, b3", "a3, b3, c3, d3"), last), 0)
        self.check(self.model(begin + "".join(sums), last), TIMES)
        other = (
            "".join(sums).replace("Sum (p3, gains)", "Sum (p3)").replace("r3 = Sum (small)", "r3 = Sum (gains, small)")
        )
        self.check(self.model(begin + other, last), 0)

    def test_layers_of_which_another_change_needs_a_part_stay(self) -> None:
        graph = Graph.read(memoryview(self.model(layers()).read_bytes()))
        self.assertIsNotNone(repeated_layers.repeated_layers(graph, {f"state{TIMES}"}))
        self.assertIsNone(repeated_layers.repeated_layers(graph, {f"sum{TIMES}", f"product{TIMES}"}))

    def test_model_with_names_like_the_new_ones_stays(self) -> None:
        path = self.model(layers())
        model = onnx.load(path)
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2]), f"state{TIMES}/time"))
        onnx.save(model, path)
        self.check(path, 0)

    def test_layers_in_half_precision_become_a_loop(self) -> None:
        path = self.model(layers())
        model = onnx.load(path)
        for tensor in model.graph.initializer:
            values = onnx.numpy_helper.to_array(tensor)
            if values.dtype == np.float32:
                tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), tensor.name))
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
        onnx.save(model, path)
        self.assertTrue(write_faster(path, self.folder / "faster.onnx", 127))
        session = ort.InferenceSession(self.folder / "faster.onnx", providers=["CPUExecutionProvider"])
        self.assertEqual(session.get_outputs()[0].type, "tensor(float16)")

    def test_layers_of_which_one_takes_other_tensors_stay(self) -> None:
        for old, new in (
            ("(flat2, weights)", "(flat2, others)"),
            ("(back2, state1)", "(back2, back2)"),
            ("(back5, state4)", "(back5, state1)"),
            ("(back5, state4)", "(back5, back4)"),
        ):
            with self.subTest(new):
                self.check(self.model(layers().replace(old, new)), 0)

    def test_layers_of_which_something_else_takes_a_part_stay(self) -> None:
        for last, outputs in (
            ("Add (state2, state5)", ""),
            ("Sigmoid (state5)", ", float[1, t, 8] state2"),
            ("Sigmoid (state5)", ", float[1, t, 8] sum3"),
        ):
            with self.subTest(last, outputs=outputs):
                self.check(self.model(layers(), last, outputs), 0)

    def test_what_a_layer_takes_from_around_it_is_kept(self) -> None:
        target = self.folder / "faster.onnx"
        self.assertTrue(write_faster(self.model(layers()), target, 127))
        names = {name for node in all_nodes(onnx.load(target).graph) for name in node.output}
        self.assertIn("shift", names)
        self.assertNotIn("state1", {name for node in onnx.load(target).graph.node for name in node.output})


def said(model: Path, length: int) -> npt.NDArray[np.float32]:
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(2).normal(size=(1, length, SIZE)).astype(np.float32)
    sound: npt.NDArray[np.float32] = session.run(["y"], {"x": x, "speed": np.ones(1, np.float32)})[0]
    return sound
