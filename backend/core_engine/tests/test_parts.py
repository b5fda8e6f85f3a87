"""Two parts of a graph are opened at once, and are as one session."""

import threading
import unittest
from typing import Any

import numpy as np
import onnxruntime as ort

from core_engine.kokoro.model.inference import read_signature
from core_engine.kokoro.model.parts import SessionInParts, in_parts, part_paths
from core_engine.kokoro.model.runtime import session_options
from core_engine.tests.cut_graphs import WITH_AN_EARLY_OUTPUT, CutCase, opened
from core_engine.tests.decoders import NEEDS_ONNX, decoder, faster, onnx, quantized


@unittest.skipUnless(onnx, NEEDS_ONNX)
class PartsTest(CutCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.written(WITH_AN_EARLY_OUTPUT)
        self.cut(self.path, 0.3)

    def test_it_is_as_one_session(self) -> None:
        whole, parts = ort.InferenceSession(self.path), opened(self.path)
        self.assertEqual({given.name: given.type for given in parts.get_inputs()}, dict.fromkeys("ab", "tensor(float)"))
        self.assertEqual([made.name for made in parts.get_outputs()], ["y", "early"])
        self.assertEqual(parts.get_providers(), whole.get_providers())
        feed = {"a": np.arange(5, dtype=np.float32), "b": np.ones(5, np.float32)}
        for names in (None, ["early"], ["early", "y"]):
            for one, other in zip(parts.run(names, feed), whole.run(names, feed), strict=True):
                np.testing.assert_array_equal(one, other)

    def test_signature_and_metadata_of_a_model_stay(self) -> None:
        model = onnx.load(quantized(decoder(), self.new_folder()))
        onnx.helper.set_model_props(model, {"kokoro_config": "{}"})
        onnx.save(model, self.folder / "noted.onnx")
        graph = self.optimised(faster(self.folder / "noted.onnx"))
        self.cut(graph, 0.1)
        parts = opened(graph)
        self.assertIsInstance(parts, SessionInParts)
        self.assertEqual(parts.get_modelmeta().custom_metadata_map, {"kokoro_config": "{}"})
        whole, both = (read_signature(session) for session in (ort.InferenceSession(graph), parts))
        self.assertEqual((both.tokens, both.style, both.audio), (whole.tokens, whole.style, whole.audio))

    def test_both_are_opened_at_once(self) -> None:
        together = threading.Barrier(2, timeout=10)

        def create(*model: Any, **options: Any) -> Any:
            together.wait()
            return ort.InferenceSession(*model, **options)

        session = in_parts(create)(str(self.path), sess_options=session_options(1))
        self.assertIsInstance(session, SessionInParts)

    def test_without_both_or_if_one_fails_the_whole_is_opened(self) -> None:
        for part in part_paths(self.path):
            content = part.read_bytes()
            part.write_bytes(b"no model")
            self.assertIsInstance(opened(self.path), ort.InferenceSession)
            part.unlink()
            self.assertIsInstance(opened(self.path), ort.InferenceSession)
            part.write_bytes(content)
        self.assertIsInstance(opened(self.path), SessionInParts)
