"""One run of the model: names, ranks and types come from the session. Tested on every published kind of export."""

import unittest
from typing import Any

import numpy as np
import onnxruntime as ort
from django.test import SimpleTestCase

from core_engine.kokoro.errors import ModelFileError, SynthesisError
from core_engine.kokoro.model.inference import read_signature, run
from core_engine.tests.support import random_pack

try:
    import onnx
    from onnx import TensorProto, helper
except ImportError:  # a development package
    onnx = None  # type: ignore[assignment]

IDS = [50, 83, 54]
STYLE = random_pack(1)[3]


def tiny_session(
    tokens: str = "tokens",
    tokens_shape: tuple[int | None, ...] = (1, None),
    style_shape: tuple[int, ...] = (1, 256),
    speed_type: str = "FLOAT",
    speed_shape: tuple[int, ...] = (1,),
    audio: str = "audio",
    audio_shape: tuple[int, ...] = (-1,),
    extra: bool = False,
) -> Any:
    """Return a real session whose 'audio' is its tokens, its speed and the mean of its style."""
    speed_elem, float_elem = getattr(TensorProto, speed_type), TensorProto.FLOAT
    nodes = [
        helper.make_node("Cast", [tokens], ["tokens_f"], to=float_elem),
        helper.make_node("Reshape", ["tokens_f", "flat"], ["a"]),
        helper.make_node("Cast", ["speed"], ["speed_f"], to=float_elem),
        helper.make_node("Reshape", ["speed_f", "flat"], ["b"]),
        helper.make_node("ReduceMean", ["style"], ["style_mean"], keepdims=0),
        helper.make_node("Reshape", ["style_mean", "flat"], ["c"]),
        helper.make_node("Concat", ["a", "b", "c"], ["joined"], axis=0),
        helper.make_node("Reshape", ["joined", "audio_shape"], [audio]),
        helper.make_node("Identity", ["a"], ["duration"]),
    ]
    inputs = [
        helper.make_tensor_value_info(tokens, TensorProto.INT64, tokens_shape),
        helper.make_tensor_value_info("style", float_elem, style_shape),
        helper.make_tensor_value_info("speed", speed_elem, speed_shape),
    ]
    outputs = [helper.make_tensor_value_info(audio, float_elem, None)]
    if extra:
        outputs.insert(0, helper.make_tensor_value_info("duration", float_elem, None))
    shapes = [
        helper.make_tensor("flat", TensorProto.INT64, [1], [-1]),
        helper.make_tensor("audio_shape", TensorProto.INT64, [len(audio_shape)], audio_shape),
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, shapes)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return ort.InferenceSession(model.SerializeToString())


@unittest.skipIf(onnx is None, "needs the onnx package, a development dependency")
class ExportTests(SimpleTestCase):
    def heard(self, speed: float = 0.8, **form: Any) -> Any:
        session = tiny_session(**form)
        return run(session, read_signature(session), IDS, STYLE, speed).audio

    def test_every_published_kind_of_export_is_fed_and_read(self) -> None:
        forms: dict[str, dict[str, Any]] = {
            "v0.19": {},
            "authors": {"tokens": "input_ids", "audio": "waveform", "extra": True},
            "community": {"tokens": "input_ids", "audio": "waveform", "audio_shape": (1, -1)},
            "flat tokens": {"tokens_shape": (None,), "style_shape": (256,), "speed_shape": ()},
            "three dimensions": {"style_shape": (1, 1, 256), "audio_shape": (1, 1, -1)},
            "double speed": {"speed_type": "DOUBLE"},
            "half speed": {"speed_type": "FLOAT16"},
        }
        for name, form in forms.items():
            with self.subTest(name):
                audio = self.heard(**form)
                self.assertEqual((audio.dtype, audio.ndim), (np.float32, 1))
                np.testing.assert_allclose(audio[:6], [0, *IDS, 0, 0.8], rtol=1e-3)
                self.assertAlmostEqual(float(audio[6]), float(STYLE.mean()), places=5)

    def test_integer_speed_is_never_zero_and_rounding_is_logged(self) -> None:
        for speed, expected in ((0.5, 1), (0.8, 1), (1.2, 1), (1.5, 2), (2.0, 2)):
            for speed_type in ("INT32", "INT64"):
                if speed == expected:
                    audio = self.heard(speed, speed_type=speed_type)
                else:
                    with self.assertLogs("core_engine.kokoro.model.inference", "WARNING"):
                        audio = self.heard(speed, speed_type=speed_type)
                self.assertEqual(audio[5], expected)

    def test_model_that_is_not_a_kokoro_export_is_refused_with_its_inputs(self) -> None:
        for form in ({"tokens": "image"}, {"tokens": "text"}):
            with self.assertRaisesRegex(ModelFileError, form["tokens"]):
                read_signature(tiny_session(**form))  # type: ignore[arg-type]


class OutputTests(SimpleTestCase):
    """Outputs that real models never give, from a session that declares nothing."""

    def heard(self, *outputs: Any) -> Any:
        class Session:
            def get_inputs(self) -> list[Any]:
                return []

            get_outputs = get_inputs

            def run(self, names: Any, feed: Any) -> Any:
                return list(outputs)

        return run(Session(), read_signature(Session()), IDS, None, 1.0).audio

    def test_float64_and_nested_audio_becomes_flat_float32(self) -> None:
        audio = self.heard(np.ones((1, 1, 5)))
        self.assertEqual((audio.dtype, audio.shape), (np.float32, (5,)))

    def test_no_output_is_an_error(self) -> None:
        for outputs in ((np.zeros(0),), (), (np.zeros((1, 0)),)):
            with self.assertRaises(SynthesisError):
                self.heard(*outputs)

    def test_numbers_that_are_not_finite_are_an_error(self) -> None:
        for value in (np.nan, np.inf, -np.inf):
            with self.assertRaises(SynthesisError):
                self.heard(np.array([0.0, value]))
