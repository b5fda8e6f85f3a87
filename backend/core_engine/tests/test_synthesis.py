"""Chunks, style vectors and joints, on the real runtime with the built-in voice."""

import unittest
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import numpy as np

from core_engine.kokoro.errors import ModelFileError, NothingToSpeakError, VoicePackError
from core_engine.kokoro.speech.joints import join, pause_ms
from core_engine.kokoro.speech.synthesis import Kokoro, Speech, Utterance
from core_engine.kokoro.speech.throughput import Line, speak_each
from core_engine.kokoro.speech.timings import timings_of
from core_engine.kokoro.text.chunks import Chunk, text_to_chunks
from core_engine.model_paths import BUILT_IN, KOKORO, model_path
from core_engine.reading.aloud import read_as_written
from core_engine.tests.support import SAMPLE_TEXT, FolderTestCase, random_pack

try:
    import onnx
except ImportError:  # a development package
    onnx = None  # type: ignore[assignment]

MODEL = model_path(BUILT_IN, Path("unused"))


class KokoroTests(FolderTestCase):
    def test_speak_gives_finite_audio_at_24_khz(self) -> None:
        speech = Kokoro.load(MODEL).speak(SAMPLE_TEXT, "am_adam")
        self.assertEqual((speech.sample_rate, speech.voice, speech.chunks), (24_000, "am_adam", 1))
        self.assertEqual((speech.audio.dtype, speech.audio.ndim), (np.float32, 1))
        self.assertTrue(np.all(np.isfinite(speech.audio)))

    def test_speak_defaults_to_the_accent_of_the_voice(self) -> None:
        kokoro = Kokoro.load(MODEL)
        with patch("core_engine.kokoro.speech.synthesis.text_to_chunks", wraps=text_to_chunks) as chunks:
            kokoro.speak("Hello", "bf_emma")
            kokoro.speak("Hello", "bf_emma", language="en-us")
        self.assertEqual([call.args[1] for call in chunks.call_args_list], ["en-gb", "en-us"])

    def test_speak_falls_back_from_a_voice_that_is_not_installed(self) -> None:
        with self.assertLogs("core_engine.kokoro.voice.packs", "WARNING"):
            self.assertEqual(Kokoro.load(MODEL).speak("Hello", "nobody").voice, "af_bella")

    def test_speak_refuses_a_text_without_words(self) -> None:
        with self.assertRaises(NothingToSpeakError):
            Kokoro.load(MODEL).speak("...")

    def test_load_refuses_a_file_that_is_not_a_model(self) -> None:
        path = self.folder / "kokoro-v0_19.onnx"
        for content in (b"", b"<html>Not found</html>", b"\0" * 1000, MODEL.read_bytes()[:5000]):
            path.write_bytes(content)
            with self.assertRaisesRegex(ModelFileError, "cannot be loaded"):
                Kokoro.load(path)

    def test_model_without_voices_says_what_to_do(self) -> None:
        path = self.folder / "kokoro-v0_19.onnx"
        path.write_bytes(MODEL.read_bytes())
        with self.assertRaisesRegex(VoicePackError, "Installed voices: none"):
            Kokoro.load(path).speak("Hello")


class SynthesizeTests(FolderTestCase):
    def test_chunks_keep_the_pauses_of_the_voice_at_their_marks(self) -> None:
        kokoro = Kokoro.load(MODEL)
        chunks = text_to_chunks(SAMPLE_TEXT, "en-us", max_tokens=30)
        self.assertGreater(len(chunks), 1)
        utterance = Utterance("af_bella", random_pack(1), tuple(chunks), 1.0)
        sounds = [kokoro.run(utterance, chunk) for chunk in chunks]
        together = kokoro.joined(utterance, sounds)
        np.testing.assert_array_equal(together.audio, join(chunks, sounds).audio)
        longest = sum(pause_ms(*pair) for pair in pairwise(chunks)) * 24
        self.assertLess(len(together.audio), sum(sound.audio.size for sound in sounds) + longest)

    def test_mocked_chunks_are_joined_with_100_ms_of_silence(self) -> None:
        noise = np.random.default_rng(3).normal(0, 0.1, 24_000).astype(np.float32)
        session = MagicMock()
        session.run.return_value = [noise]
        chunks = text_to_chunks(SAMPLE_TEXT, "en-us", max_tokens=30)
        kokoro = Kokoro.around(session, self.folder / "mocked.onnx")
        utterance = kokoro.prepare(SAMPLE_TEXT, "af_bella", max_tokens=30)
        self.assertEqual(list(utterance.chunks), chunks)
        audio = kokoro.joined(utterance, [kokoro.run(utterance, chunk) for chunk in chunks]).audio
        self.assertEqual(len(audio), 24_000 * len(chunks) + 2400 * (len(chunks) - 1))
        np.testing.assert_array_equal(audio[:24_000], noise)
        np.testing.assert_array_equal(audio[24_000:26_400], np.zeros(2400))

    def test_each_chunk_gets_the_row_of_its_length(self) -> None:
        kokoro = Kokoro.load(MODEL)
        chunks = (Chunk("həlˈoʊ", (50, 83, 54)), Chunk("aɪ", (43, 102)))
        utterance = Utterance("af_bella", random_pack(1), chunks, 1.0)
        with patch("core_engine.kokoro.speech.synthesis.style_row", return_value=random_pack(1)[0]) as row:
            for chunk in chunks:
                kokoro.run(utterance, chunk)
        self.assertEqual([call.args[1] for call in row.call_args_list], [3, 2])


# Every token lasts two frames, and its samples equal its id plus 50, so the audio spells the tokens.
SPELLER = """
<ir_version: 8, opset_import: ["" : 17]>
speller (int64[1, t] tokens, float[1, 256] style, float[1] speed) => (float[n] audio)
<float two = {2}, float louder = {50}, int64[2] once = {-1, 1}, int64[2] often = {1, SIZE}, int64[1] flat = {-1}> {
  ids = Cast <to: int = 1> (tokens)
  values = Add (ids, louder)
  nothing = Sub (values, values)
  wanted = Add (nothing, two)
  whole = Round (wanted)
  frames = Clip (whole, two)
  column = Reshape (values, once)
  wide = Expand (column, often)
  audio = Reshape (wide, flat)
}
"""
LONG_TEXT = (
    "The keeper lit the lamp, and the boats came home. It was a quarter past six; nobody spoke. Who was there? "
    "The wind went on for miles: it turned the boats, it shook the wall, and it was never seen again. "
)


@unittest.skipIf(onnx is None, "needs the onnx package, a development dependency")
class SpelledTests(FolderTestCase):
    """Joints neither lose nor repeat anything, on a real session whose audio spells the tokens."""

    def speller(self, size: int = 1200) -> Any:
        path = self.folder / "speller.onnx"
        onnx.save(onnx.parser.parse_model(SPELLER.replace("SIZE", str(size))), path)
        np.savez(self.folder / "voices.npz", af_bella=random_pack(1))
        return Kokoro.load(path, threads=1)

    def test_tokens_are_spelled_once_in_order_at_their_starts(self) -> None:
        kokoro = self.speller()
        for max_tokens in (90, 130, 400):
            utterance = kokoro.prepare(LONG_TEXT, max_tokens=max_tokens)
            self.assertEqual(len(utterance.chunks) > 1, max_tokens < 400)
            self.assertTrue(all(chunk.before for chunk in utterance.chunks[1:]))
            speech = kokoro.joined(utterance, [kokoro.run(utterance, chunk) for chunk in utterance.chunks])
            for chunk, starts in zip(utterance.chunks, speech.token_starts, strict=True):
                spelled = speech.audio[starts[:-1] + 600] - 50
                np.testing.assert_array_equal(spelled, chunk.token_ids)
            tokens = sum(len(chunk.token_ids) + chunk.follows_space for chunk in utterance.chunks) + 2
            self.assertEqual(speech.audio.size, tokens * 1200 + (len(utterance.chunks) - 1) * 2400)

    def test_told_tokens_are_timed_two_frames_before_they_are_told(self) -> None:
        kokoro = self.speller()
        utterance = kokoro.prepare(LONG_TEXT, max_tokens=90)
        speech = kokoro.joined(utterance, [kokoro.run(utterance, chunk) for chunk in utterance.chunks])
        timings = timings_of(speech, read_as_written(LONG_TEXT))
        self.assertFalse(timings.is_estimated)
        told = np.array([round(token.start * 24_000) for token in timings.tokens]) + 1200
        firsts = np.cumsum([0, *(len(chunk.token_ids) for chunk in speech.spoken)])[:-1]
        told[firsts] = [starts[0] for starts in speech.token_starts if starts is not None]
        spelled = speech.audio[told + 600] - 50
        np.testing.assert_array_equal(spelled, [token.id for token in timings.tokens])
        self.assertEqual(len(timings.words), len(LONG_TEXT.split()))

    def test_long_text_is_the_same_in_parallel(self) -> None:
        kokoro = self.speller()
        utterance = kokoro.prepare(LONG_TEXT * 8)
        one = kokoro.joined(utterance, [kokoro.run(utterance, chunk) for chunk in utterance.chunks])
        self.assertTrue(utterance.chunks[1].before)
        (other,) = speak_each(kokoro, [Line(LONG_TEXT * 8, "af_bella")], workers=3)
        assert isinstance(other, Speech)
        assert isinstance(one, Speech)
        np.testing.assert_array_equal(other.audio, one.audio)

    def test_chunks_of_a_model_with_wrong_frames_are_spoken_without_context(self) -> None:
        kokoro = self.speller(1199)
        utterance = kokoro.prepare(LONG_TEXT, max_tokens=90)
        self.assertTrue(utterance.chunks[1].before)
        sound = kokoro.run(utterance, utterance.chunks[1])
        self.assertIsNone(sound.frames)
        np.testing.assert_array_equal(sound.audio[600::1199] - 50, [0, *utterance.chunks[1].token_ids, 0])


class ModelPathTests(FolderTestCase):
    def test_names_and_paths(self) -> None:
        self.assertEqual(model_path(KOKORO, self.folder), self.folder / "kokoro-v0_19.onnx")
        self.assertEqual(model_path("other", self.folder), self.folder / "other.onnx")
        self.assertEqual(model_path("/a/b.onnx", self.folder), Path("/a/b.onnx"))
        self.assertEqual(model_path("b.onnx", self.folder), Path.cwd() / "b.onnx")
        self.assertTrue(model_path(BUILT_IN, self.folder).is_file())
