"""Frames per token from exports without that output: found by structure, added as an output, checked against audio."""

import logging
import shutil
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnxruntime as ort

from core_engine.kokoro.graph import rewriting
from core_engine.kokoro.model import graph_cache, prepared, times
from core_engine.kokoro.model.inference import read_signature, run
from core_engine.kokoro.model.runtime import open_session
from core_engine.kokoro.model.times import frames_tensor
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.tests.support import FolderTestCase, random_pack

try:
    import onnx
except ImportError:  # a development package
    onnx = None  # type: ignore[assignment]

IDS = (5, 3, 9)
FRAMES = [1, 5, 3, 9, 1]
STYLE = random_pack(1)[3]

# The graph from tokens to frames, and SAMPLES samples of audio per frame.
EXPORT = """
<ir_version: 8, opset_import: ["" : 17]>
export (int64[1, t] tokens, float[1, 256] style, float[1] speed) => (float[n] audioOUTPUTS)
<float[1] one = {1}, float samples = {SAMPLES}, int64 zero = {0}, int64 step = {1}> {
  wanted = Cast <to: int = 1> (tokens)
  slower = Div (wanted, speed)
  whole = Round (slower)
  least = Squeeze (one)
  clipped = CLIP (INPUT, least)
  total = ReduceSum <keepdims: int = 0> (clipped)
  size = Mul (total, samples)
  end = Cast <to: int = 7> (size)
  numbers = Range (zero, end, step)
  phase = Cast <to: int = 1> (numbers)
  audio = Sin (phase)
  MORE
}
"""


def export(samples: str = "600", clip: str = "Clip", clipped: str = "whole", outputs: str = "", more: str = "") -> Any:
    """Return a model with the structure of a Kokoro export; other arguments make it deviate."""
    text = EXPORT.replace("SAMPLES", samples).replace("OUTPUTS", outputs).replace("CLIP", clip)
    return onnx.parser.parse_model(text.replace("INPUT", clipped).replace("MORE", more))


@unittest.skipIf(onnx is None, "needs the onnx package, a development dependency")
class FramesTests(FolderTestCase):
    def setUp(self) -> None:
        super().setUp()
        times._report_untrue.cache_clear()
        self.model = self.folder / "model.onnx"

    def spoken(self, model: Any, **options: Any) -> Any:
        onnx.save(model, self.model, **options)
        return self.spoken_by(open_session(self.model, 1))

    def spoken_by(self, session: Any, speed: float = 1.0) -> Any:
        return run(session, read_signature(session), IDS, STYLE, speed)

    def test_export_without_frames_returns_them(self) -> None:
        sound = self.spoken(export())
        self.assertEqual((sound.frames.tolist(), sound.frames.dtype), (FRAMES, np.int64))
        self.assertEqual(sound.audio.size, sum(FRAMES) * 600)

    def test_frames_follow_the_speed(self) -> None:
        self.spoken(export())
        sound = self.spoken_by(open_session(self.model, 1), speed=2.0)
        self.assertEqual(sound.frames.tolist(), [1, 2, 2, 4, 1])

    def test_audio_is_that_of_the_unchanged_model(self) -> None:
        sound = self.spoken(export())
        plain = self.spoken_by(ort.InferenceSession(self.model))
        self.assertIsNone(plain.frames)
        np.testing.assert_array_equal(sound.audio, plain.audio)

    def test_export_that_returns_frames_is_opened_unchanged(self) -> None:
        for name in ("duration", "durations", "pred_dur"):
            model = export(outputs=f", float[1, t] {name}", more=f"{name} = Identity (clipped)")
            self.assertEqual(self.spoken(model).frames.tolist(), FRAMES)
            self.assertEqual([output.name for output in open_session(self.model).get_outputs()], ["audio", name])

    def test_frames_of_another_length_than_the_audio_are_ignored_and_logged_once(self) -> None:
        with self.assertLogs(times.logger, "WARNING") as logs:
            for _ in range(3):
                sound = self.spoken(export(samples="599"))
                self.assertIsNone(sound.frames)
                self.assertEqual(sound.audio.size, sum(FRAMES) * 599)
        self.assertEqual(len(logs.records), 1)

    def test_model_without_such_a_tensor_is_opened_unchanged(self) -> None:
        two = "more = Round (slower)\n other = Clip (more, least)"
        only_round = export(clip="Add")
        for model in (only_round, export(clipped="slower"), export(more=two)):
            sound = self.spoken(model)
            self.assertIsNone(sound.frames)
            self.assertIsNone(frames_tensor(self.model))
            self.assertEqual(len(open_session(self.model).get_outputs()), 1)

    def test_large_model_is_copied_to_a_temporary_file(self) -> None:
        opened = []

        def create(path: Path, **options: Any) -> Any:
            opened.append(path)
            return ort.InferenceSession(path, **options)

        onnx.save(export(), self.model)
        with mock.patch.object(prepared, "_LARGEST_IN_MEMORY", 100):
            session = open_session(self.model, 1, create)
        self.assertEqual(self.spoken_by(session).frames.tolist(), FRAMES)
        self.assertEqual([Path(path).name for path in opened], ["model.onnx"])
        self.assertNotEqual(opened, [str(self.model)])
        self.assertFalse(Path(opened[0]).parent.exists())

    def test_weights_next_to_the_model_are_found(self) -> None:
        model = export()
        for tensor in model.graph.initializer:
            tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor), tensor.name))
        sound = self.spoken(model, save_as_external_data=True, location="weights.bin", size_threshold=0)
        self.assertGreater((self.folder / "weights.bin").stat().st_size, 0)
        self.assertEqual(sound.frames.tolist(), FRAMES)

    def test_cached_graph_returns_frames(self) -> None:
        onnx.save(export(), self.model)
        opened = []

        def create(path: Path, **options: Any) -> Any:
            opened.append(path if isinstance(path, bytes) else Path(path).name)
            return ort.InferenceSession(path, **options)

        kept = mock.patch.dict("os.environ", {graph_cache.SETTING: str(self.folder / "cache")})
        for largest in (100, 1 << 20):
            opened.clear()
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
            small = mock.patch.object(graph_cache, "SMALLEST_BYTES", 1)
            with kept, small, mock.patch.object(prepared, "_LARGEST_IN_MEMORY", largest):
                sounds = [self.spoken_by(open_session(self.model, 1, create)) for _ in range(2)]
            self.assertEqual([sound.frames.tolist() for sound in sounds], [FRAMES, FRAMES])
            self.assertEqual(opened[1:], ["graph.onnx"])
            left = {path.name for path in (self.folder / "cache" / "graphs").glob("*/*")}
            self.assertEqual(left - {"graph.onnx", "weights.bin"}, {name for name in left if name.endswith(".json")})

    def test_graph_that_cannot_be_rewritten_returns_frames(self) -> None:
        onnx.save(export(), self.model)
        kept = mock.patch.dict("os.environ", {graph_cache.SETTING: str(self.folder / "cache")})
        fails = mock.patch.object(rewriting, "write_faster", side_effect=ValueError)
        with kept, fails, mock.patch.object(graph_cache, "SMALLEST_BYTES", 1):
            sounds = [self.spoken_by(open_session(self.model, 1)) for _ in range(2)]
        self.assertEqual([sound.frames.tolist() for sound in sounds], [FRAMES, FRAMES])

    def test_runtime_that_rejects_the_output_opens_the_model(self) -> None:
        def refuse(path: Path, **options: Any) -> Any:
            if isinstance(path, bytes):
                raise RuntimeError("no")  # noqa: TRY004 - what the runtime raises
            return ort.InferenceSession(path, **options)

        onnx.save(export(), self.model)
        self.assertIsNone(self.spoken_by(open_session(self.model, 1, refuse)).frames)

    def test_full_disk_opens_the_model(self) -> None:
        onnx.save(export(), self.model)
        error = OSError(28, "No space left on device")
        full = mock.patch("core_engine.kokoro.model.prepared.shutil.copyfile", side_effect=error)
        with full, mock.patch.object(prepared, "_LARGEST_IN_MEMORY", 100):
            self.assertIsNone(self.spoken_by(open_session(self.model, 1)).frames)


class NoFramesTests(FolderTestCase):
    def test_built_in_voice_has_no_frames_of_tokens(self) -> None:
        self.assertIsNone(frames_tensor(model_path(BUILT_IN, Path())))

    def test_file_that_is_not_a_model_has_no_frames(self) -> None:
        path = self.folder / "model.onnx"
        for content in (b"", b"<html>Not found</html>", b"\0" * 1000, model_path(BUILT_IN, Path()).read_bytes()[:5000]):
            path.write_bytes(content)
            self.assertIsNone(frames_tensor(path))
        self.assertIsNone(frames_tensor(self.folder / "missing.onnx"))


class TrustTests(unittest.TestCase):
    def setUp(self) -> None:
        times._report_untrue.cache_clear()
        logging.getLogger(times.__name__).addHandler(logging.NullHandler())

    def trusted(self, frames: Any, samples: int = 3000) -> Any:
        return times.trusted_frames([np.zeros(samples), np.array(frames)], 1, 3, samples)

    def test_frames_of_any_shape_and_type_are_taken(self) -> None:
        for frames in ([1, 1, 1, 1, 1], [[1.0, 1, 1, 1, 1]], np.ones((1, 1, 5), np.float16)):
            self.assertEqual(self.trusted(frames).tolist(), [1] * 5)

    def test_wrong_lengths_and_numbers_are_ignored(self) -> None:
        for frames in ([1, 1, 1, 2], [1, 1, 1, 1, 2], [3, -1, 1, 1, 1], [np.nan] * 5, [], [np.inf, 0, 0, 0, 0]):
            self.assertIsNone(self.trusted(frames))

    def test_session_that_returns_less_than_it_declares_has_no_frames(self) -> None:
        self.assertIsNone(times.trusted_frames([np.zeros(3000)], 1, 3, 3000))
        self.assertIsNone(times.trusted_frames([np.zeros(3000)], None, 3, 3000))
