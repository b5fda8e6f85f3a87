"""The model loader and the wrapper: the tests that the specification lists, and more."""

import json
import os
import tempfile
import threading
import unittest
import wave
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import numpy as np
import onnxruntime as ort
import soundfile as sf
from django.conf import settings
from django.test import SimpleTestCase, override_settings

from core_engine.audio_utils import get_audio_duration, validate_audio_file
from core_engine.kokoro.errors import NothingToSpeakError, VoicePackError
from core_engine.model_loader import KokoroModelLoader
from core_engine.tests.support import (
    SAMPLE_TEXT,
    FolderTestCase,
    LoaderTestCase,
    built_in_voice,
    forget_session,
    random_pack,
    seven_packs,
)
from core_engine.tts_wrapper import (
    DEFAULT_VOICE_ID,
    VALID_VOICE_IDS,
    construct_audio_path,
    construct_audio_url,
    generate_audio,
    get_voice_embedding,
    split_text_into_chunks,
    tokenize_text,
    validate_voice_id,
)

MISSING = "TTS model not available. Please install kokoro-v0_19.onnx."


def session_saying(*outputs: Any) -> Any:
    """Return a mock session like the specification's: no declared inputs, `run` returns `outputs`."""
    session = MagicMock()
    session.run.return_value = list(outputs)
    return session


def one_second() -> Any:
    return np.random.default_rng(3).normal(0, 0.1, 24_000).astype(np.float32)


BRITISH = "Henry the eighth, the twenty-first of November, twenty twenty-six"


class PlaceholderModelTestCase(LoaderTestCase):
    """A model folder with a placeholder file at the resolved path."""

    def setUp(self) -> None:
        super().setUp()
        (self.folder / "kokoro-v0_19.onnx").write_bytes(b"any placeholder")
        override = override_settings(STORYFLOW_MODELS_DIR=self.folder, STORYFLOW_TTS_MODEL="kokoro-v0_19")
        override.enable()
        self.addCleanup(override.disable)


class NoModelTestCase(LoaderTestCase):
    """An empty model folder."""

    def setUp(self) -> None:
        super().setUp()
        override = override_settings(STORYFLOW_MODELS_DIR=self.folder, STORYFLOW_TTS_MODEL="kokoro-v0_19")
        override.enable()
        self.addCleanup(override.disable)


class ModelLoaderTests(PlaceholderModelTestCase):
    @patch("core_engine.model_loader.ort.InferenceSession")
    def test_model_loader(self, mock_session_class: MagicMock) -> None:
        """The example of the specification, verbatim."""
        mock_session = MagicMock()
        mock_session_class.return_value = mock_session

        session = KokoroModelLoader.get_session()
        assert session is mock_session
        mock_session_class.assert_called_once()

    @patch("core_engine.model_loader.ort")
    def test_the_runtime_can_be_replaced_as_a_whole(self, runtime: MagicMock) -> None:
        self.assertIs(KokoroModelLoader.get_session(), runtime.InferenceSession.return_value)

    @patch("core_engine.model_loader.ort.InferenceSession")
    def test_get_session_returns_the_same_object_every_time(self, session_class: MagicMock) -> None:
        self.assertIs(KokoroModelLoader.get_session(), KokoroModelLoader.get_session())
        session_class.assert_called_once()

    @patch("core_engine.model_loader.ort.InferenceSession")
    def test_get_session_loads_once_under_64_threads(self, session_class: MagicMock) -> None:
        begin = threading.Barrier(64)

        def get() -> Any:
            begin.wait()
            return KokoroModelLoader.get_session()

        with ThreadPoolExecutor(64) as threads:
            sessions = {id(future.result()) for future in [threads.submit(get) for _ in range(64)]}
        self.assertEqual(len(sessions), 1)
        session_class.assert_called_once()

    @patch("core_engine.model_loader.ort.InferenceSession")
    def test_loaded_session_is_returned_without_the_lock(self, session_class: MagicMock) -> None:
        loaded = KokoroModelLoader.get_session()
        with ThreadPoolExecutor(1) as threads:
            with KokoroModelLoader._lock:  # as if another thread held it
                got = threads.submit(KokoroModelLoader.get_session)
                done, _ = wait([got], timeout=10)
            self.assertEqual(done, {got}, "it waited for the lock")
        self.assertIs(got.result(), loaded)

    @patch("core_engine.model_loader.ort.InferenceSession", side_effect=[RuntimeError("broken"), MagicMock()])
    def test_get_session_tries_again_after_a_failure(self, session_class: MagicMock) -> None:
        with self.assertRaises(RuntimeError):
            KokoroModelLoader.get_session()
        self.assertIsNotNone(KokoroModelLoader.get_session())

    @patch("core_engine.model_loader.ort.InferenceSession")
    def test_model_path_is_kept_and_logged(self, session_class: MagicMock) -> None:
        with self.assertLogs("core_engine.model_loader", "INFO") as logs:
            KokoroModelLoader.get_session()
        self.assertEqual(KokoroModelLoader._model_path, str(self.folder / "kokoro-v0_19.onnx"))
        self.assertIn("Kokoro-82M ONNX model loaded from", logs.output[0])

    def test_nothing_is_loaded_before_it_is_needed(self) -> None:
        self.assertIsNone(KokoroModelLoader._session)
        self.assertTrue(KokoroModelLoader.is_model_available())
        self.assertIsNone(KokoroModelLoader._session)

    def test_placeholder_on_disk_is_reported_with_the_runtimes_error(self) -> None:
        result = generate_audio("Hello", output_path=str(self.folder / "a.wav"))
        self.assertFalse(result["success"])
        self.assertIn("TTS generation failed", result["error"])
        self.assertIn("kokoro-v0_19.onnx", result["error"])

    def test_real_session_is_an_inference_session(self) -> None:
        with built_in_voice():
            self.assertIsInstance(KokoroModelLoader.get_session(), ort.InferenceSession)

    def test_model_info_describes_the_tensors_of_the_real_session(self) -> None:
        with built_in_voice():
            info = KokoroModelLoader.get_model_info()
        inputs = {tensor["name"]: tensor for tensor in info["inputs"]}
        self.assertEqual(inputs["tokens"]["type"], "tensor(int64)")
        self.assertEqual(inputs["style"]["shape"], [1, 256])
        self.assertEqual(inputs["speed"]["type"], "tensor(float)")
        self.assertEqual(info["outputs"][0]["name"], "audio")
        json.dumps(info)


class MissingModelTests(NoModelTestCase):
    def test_model_is_not_available(self) -> None:
        self.assertIs(KokoroModelLoader.is_model_available(), False)

    def test_get_session_says_where_the_model_belongs_and_how_to_get_it(self) -> None:
        with self.assertRaises(FileNotFoundError) as caught:
            KokoroModelLoader.get_session()
        message = str(caught.exception)
        for part in (
            "Kokoro-82M ONNX model not found.",
            f"Expected location: {self.folder / 'kokoro-v0_19.onnx'}",
            "Download 'kokoro-v0_19.onnx' from the official Kokoro release",
            f"Place it in: {self.folder}/",
            "Restart the server.",
            "StoryFlow will work normally for all other features.",
        ):
            self.assertIn(part, message)

    def test_generate_audio_returns_the_specified_error(self) -> None:
        path = self.folder / "a.wav"
        result = generate_audio("Hello", output_path=str(path))
        self.assertEqual(result["error"], MISSING)
        self.assertIs(result["success"], False)
        self.assertIn(str(self.folder), result["help"])
        self.assertFalse(path.exists())

    def test_the_built_in_voice_never_replaces_kokoro(self) -> None:
        self.assertFalse(generate_audio("Hello", output_path=str(self.folder / "a.wav"))["success"])

    def test_default_path_is_models_next_to_the_backend_of_any_project(self) -> None:
        with override_settings(BASE_DIR=Path("/srv/project/backend")):
            del settings.STORYFLOW_MODELS_DIR
            del settings.STORYFLOW_TTS_MODEL
            path = os.path.join("/srv/project", "models", "kokoro-v0_19.onnx")
            self.assertEqual(KokoroModelLoader._resolve_model_path(), path)

    def test_relative_models_folder_gives_an_absolute_path(self) -> None:
        with override_settings(STORYFLOW_MODELS_DIR="models"):
            self.assertTrue(os.path.isabs(KokoroModelLoader._resolve_model_path()))

    def test_model_installed_later_is_found_without_a_restart(self) -> None:
        self.assertFalse(KokoroModelLoader.is_model_available())
        (self.folder / "kokoro-v0_19.onnx").write_bytes(b"model")
        self.assertTrue(KokoroModelLoader.is_model_available())


class MockedGenerateAudioTests(FolderTestCase):
    @patch("core_engine.tts_wrapper.KokoroModelLoader")
    def test_generate_audio(self, mock_loader: MagicMock) -> None:
        """The example of the specification, with another path."""
        mock_session = MagicMock()
        mock_session.run.return_value = [np.random.randn(24000).astype(np.float32)]
        mock_loader.get_session.return_value = mock_session

        result = generate_audio("Hello world", output_path=os.path.join(tempfile.mkdtemp(), "test.wav"))
        assert result["success"] is True
        assert validate_audio_file(result["audio_path"])
        assert result["duration"] == 1.0

    @patch("core_engine.tts_wrapper.KokoroModelLoader")
    def test_peak_of_the_file_is_minus_one_db(self, loader: MagicMock) -> None:
        loader.get_session.return_value = session_saying(one_second())
        path = self.folder / "a.wav"
        generate_audio("Hello", output_path=str(path))
        self.assertAlmostEqual(float(np.max(np.abs(sf.read(path)[0]))), 10 ** (-1 / 20), places=3)

    @patch("core_engine.tts_wrapper.save_audio_wav", side_effect=OSError(28, "No space left on device"))
    @patch("core_engine.tts_wrapper.KokoroModelLoader")
    def test_full_disk_is_a_failure(self, loader: MagicMock, save: MagicMock) -> None:
        loader.get_session.return_value = session_saying(one_second())
        result = generate_audio("Hello", output_path=str(self.folder / "a.wav"))
        self.assertIn("No space left on device", result["error"])

    @patch("core_engine.tts_wrapper.KokoroModelLoader")
    def test_audio_that_is_not_audio_is_a_failure_and_not_a_file(self, loader: MagicMock) -> None:
        path = self.folder / "a.wav"
        path.write_bytes(b"the previous one")
        for output in (np.full(100, np.nan), np.array([0.1, np.inf]), np.zeros(0), None):
            loader.get_session.return_value = session_saying(output)
            self.assertFalse(generate_audio("Hello", output_path=str(path))["success"])
        loader.get_session.return_value = session_saying()
        self.assertFalse(generate_audio("Hello", output_path=str(path))["success"])
        self.assertEqual(path.read_bytes(), b"the previous one")
        self.assertEqual(os.listdir(self.folder), ["a.wav"])

    @patch("core_engine.tts_wrapper.KokoroModelLoader")
    def test_exceptions_of_the_session_are_failures(self, loader: MagicMock) -> None:
        for error in (MemoryError(), RuntimeError("boom"), OSError(5, "I/O error"), RecursionError()):
            loader.get_session.return_value.run.side_effect = error
            result = generate_audio("Hello", output_path=str(self.folder / "a.wav"))
            self.assertFalse(result["success"])
            self.assertTrue(result["error"].startswith("TTS generation failed: "))
            self.assertNotIn("Traceback", result["error"])

    @patch("core_engine.tts_wrapper.KokoroModelLoader")
    def test_traceback_of_an_unexpected_failure_is_logged(self, loader: MagicMock) -> None:
        loader.get_session.return_value.run.side_effect = RuntimeError("boom")
        with self.assertLogs("core_engine.tts_wrapper", "ERROR") as logs:
            generate_audio("Hello", output_path=str(self.folder / "a.wav"))
        self.assertIn("Traceback", logs.output[0])


class GenerateAudioTests(LoaderTestCase):
    """End-to-end on the real runtime with the built-in voice."""

    def setUp(self) -> None:
        super().setUp()
        voice = built_in_voice()
        voice.__enter__()
        self.addCleanup(voice.__exit__, None, None, None)
        self.path = str(self.folder / "audio" / "a.wav")

    def test_success_has_path_duration_rate_and_a_playable_file(self) -> None:
        result = generate_audio(SAMPLE_TEXT, "bf_emma", 1.0, self.path)
        self.assertEqual(result["success"], True, result)
        self.assertEqual(result["audio_path"], self.path)
        self.assertEqual(result["sample_rate"], 24_000)
        self.assertEqual(result["voice_id"], "bf_emma")
        self.assertAlmostEqual(result["duration"], get_audio_duration(self.path))
        self.assertGreater(result["duration"], 1.0)
        self.assertTrue(validate_audio_file(self.path))
        with wave.open(self.path) as wav:
            self.assertEqual((wav.getsampwidth(), wav.getnchannels(), wav.getframerate()), (2, 1, 24_000))
        json.dumps(result)

    def test_written_forms_are_read_aloud_unless_as_written(self) -> None:
        def seconds(text: str, **options: Any) -> Any:
            return generate_audio(text, "bm_george", 1.0, self.path, **options)["duration"]

        self.assertEqual(seconds("Henry VIII, 21/11/2026"), seconds(BRITISH, as_written=True))
        self.assertNotEqual(seconds("Henry VIII, 21/11/2026", as_written=True), seconds(BRITISH))

    def test_timings_are_added_on_request_and_change_nothing_else(self) -> None:
        text = "Dr. Watson paid $5. “Nothing more,” he said."
        plain = generate_audio(text, "bm_george", 1.0, self.path)
        bytes_before = Path(self.path).read_bytes()
        timed = generate_audio(text, "bm_george", 1.0, self.path, timings=True)
        timings = json.loads(json.dumps(timed.pop("timings")))
        self.assertEqual(timed, plain)
        self.assertEqual(Path(self.path).read_bytes(), bytes_before)
        self.assertTrue(timings["estimated"])
        self.assertEqual(
            [text[word["from"] : word["to"]] for word in timings["words"]],
            ["Dr.", "Watson", "paid", "$5", "Nothing", "more", "he", "said"],
        )
        self.assertLessEqual(timings["words"][-1]["end"], timed["duration"])
        self.assertEqual(len(timings["sentences"]), 2)
        as_written = generate_audio(text, "bm_george", 1.0, self.path, timings=True, as_written=True)["timings"]
        self.assertEqual([word["text"] for word in as_written["words"]][:4], ["Dr", "Watson", "paid", "$5"])

    def test_timings_are_a_keyword(self) -> None:
        with self.assertRaises(TypeError):
            generate_audio("Hello", DEFAULT_VOICE_ID, 1.0, self.path, True)  # type: ignore[call-arg]

    def test_empty_text_is_a_failure(self) -> None:
        for text in ("", "   ", "\n\t", "\u00a0"):
            result = generate_audio(text, output_path=self.path)
            self.assertIs(result["success"], False)
            self.assertIn("text", result["error"])

    def test_text_with_nothing_to_speak_is_a_failure(self) -> None:
        for text in ("...", "—", '"?!"', "\u200b\u200b"):
            self.assertFalse(generate_audio(text, output_path=self.path)["success"], text)
        self.assertFalse(os.path.exists(self.path))

    def test_missing_output_path_is_a_failure(self) -> None:
        self.assertIn("output_path", generate_audio("Hello")["error"])

    def test_generating_again_replaces_the_file(self) -> None:
        short = generate_audio("Hello.", output_path=self.path)
        long = generate_audio(SAMPLE_TEXT, output_path=self.path)
        self.assertGreater(long["duration"], short["duration"])
        self.assertAlmostEqual(get_audio_duration(self.path), long["duration"])
        self.assertEqual(os.listdir(os.path.dirname(self.path)), ["a.wav"])

    def test_speed_outside_the_range_is_clamped(self) -> None:
        def duration(speed: float) -> Any:
            return generate_audio(SAMPLE_TEXT, speed=speed, output_path=self.path)["duration"]

        self.assertEqual(duration(0.01), duration(0.5))
        self.assertEqual(duration(10**400), duration(2.0))
        self.assertGreater(duration(0.5), 1.8 * duration(1.0))
        self.assertLess(duration(2.0), 0.6 * duration(1.0))

    def test_speed_that_is_not_a_finite_number_is_a_failure(self) -> None:
        for speed in (float("nan"), float("inf"), float("-inf"), np.float32("nan"), "1.0", None, True, [1.0]):
            result = generate_audio("Hello", speed=speed, output_path=self.path)  # type: ignore[arg-type]
            self.assertIs(result["success"], False)
            self.assertIn("speed", result["error"])

    def test_wrong_types_are_failures(self) -> None:
        for arguments in (
            {"text": None},
            {"text": b"Hello"},
            {"text": ["Hello"]},
            {"text": 7},
            {"output_path": b"a.wav"},
            {"output_path": 7},
            {"output_path": ""},
            {"output_path": "a\0.wav"},
            {"output_path": str(self.folder)},
            {"output_path": "/proc/nowhere/a.wav"},
            {"output_path": str(self.folder / ("x" * 300) / "a.wav")},
            {"output_path": str(self.folder / "\ud800.wav")},
        ):
            result = generate_audio(**{"text": "Hello", "output_path": self.path, **arguments})  # type: ignore[arg-type]
            self.assertIs(result["success"], False, arguments)
            self.assertIn("error", json.loads(json.dumps(result)))

    def test_path_objects_are_accepted(self) -> None:
        result = generate_audio("Hello", output_path=Path(self.path))  # type: ignore[arg-type]
        self.assertEqual(result["audio_path"], self.path)

    def test_invalid_voice_is_spoken_by_the_default_voice(self) -> None:
        for voice in ("nobody", "", None, 7, ["af_bella"], b"af_bella"):
            with self.assertLogs("core_engine.tts_wrapper", "WARNING"):
                result = generate_audio("Hello", voice, output_path=self.path)  # type: ignore[arg-type]
            self.assertEqual(result["voice_id"], DEFAULT_VOICE_ID)

    def test_long_text_is_spoken_to_its_end(self) -> None:
        once = generate_audio(SAMPLE_TEXT, output_path=self.path)
        often = generate_audio(" ".join([SAMPLE_TEXT] * 40), output_path=self.path)
        self.assertGreater(often["chunks"], 1)
        self.assertGreater(often["duration"], 35 * once["duration"])

    @unittest.skipIf(os.name == "nt" or os.geteuid() == 0, "needs a user without write access everywhere")
    def test_unwritable_folder_is_a_failure(self) -> None:
        os.makedirs(os.path.dirname(self.path))
        os.chmod(os.path.dirname(self.path), 0o500)
        result = generate_audio("Hello", output_path=self.path)
        self.assertIn("writable", result["error"])

    def test_real_session_speaks_in_many_threads_at_once(self) -> None:
        def speak(number: int) -> Any:
            return generate_audio(f"Number {number}.", output_path=str(self.folder / f"{number}.wav"))

        with ThreadPoolExecutor(8) as threads:
            results = list(threads.map(speak, range(16)))
        for number, result in enumerate(results):
            alone = generate_audio(f"Number {number}.", output_path=self.path)
            self.assertEqual(Path(result["audio_path"]).read_bytes(), Path(alone["audio_path"]).read_bytes())


@unittest.skipUnless(KokoroModelLoader.is_model_available(), "Model not available")
class InstalledModelTests(LoaderTestCase):
    def test_generate_audio_with_the_configured_model(self) -> None:
        path = str(self.folder / "a.wav")
        result = generate_audio(SAMPLE_TEXT, output_path=path)
        self.assertTrue(result["success"], result)
        self.assertAlmostEqual(result["duration"], get_audio_duration(path))


class VoiceIdTests(SimpleTestCase):
    def test_valid_voices_are_unchanged(self) -> None:
        for voice in VALID_VOICE_IDS:
            self.assertEqual(validate_voice_id(voice), voice)

    def test_list_of_voices_is_that_of_the_specification(self) -> None:
        self.assertEqual(
            VALID_VOICE_IDS,
            ["af_bella", "af_sarah", "af_nicole", "am_adam", "am_michael", "bf_emma", "bm_george"],
        )
        self.assertEqual(DEFAULT_VOICE_ID, "af_bella")

    def test_anything_else_falls_back_with_a_warning(self) -> None:
        for voice in ("invalid_voice", "", None, "AF_BELLA", " af_bella", "../af_bella"):
            with self.assertLogs("core_engine.tts_wrapper", "WARNING") as logs:
                self.assertEqual(validate_voice_id(voice), "af_bella")
            self.assertIn(f"Invalid voice ID '{voice}', falling back to 'af_bella'", logs.output[0])


class VoiceEmbeddingTests(PlaceholderModelTestCase):
    def test_embedding_is_loaded_from_next_to_the_model(self) -> None:
        packs = seven_packs()
        np.savez(self.folder / "voices.npz", **packs)
        embedding = get_voice_embedding("am_adam")
        self.assertEqual((embedding.shape, embedding.dtype), ((511, 1, 256), np.float32))
        np.testing.assert_array_equal(embedding, packs["am_adam"])

    def test_voice_absent_from_the_pack_falls_back_with_a_warning(self) -> None:
        packs = seven_packs()
        np.savez(self.folder / "voices.npz", af_bella=packs["af_bella"])
        with self.assertLogs("core_engine.kokoro.voice.packs", "WARNING") as logs:
            embedding = get_voice_embedding("bm_george")
        self.assertIn("falling back to 'af_bella'", logs.output[0])
        np.testing.assert_array_equal(embedding, packs["af_bella"])

    def test_no_pack_is_an_error_that_says_what_to_do(self) -> None:
        with self.assertRaisesRegex(VoicePackError, r"next to the model"):
            get_voice_embedding("af_bella")


class AccentTests(LoaderTestCase):
    def test_accent_is_that_of_the_voice_used(self) -> None:
        with (
            built_in_voice(),
            patch("core_engine.kokoro.speech.synthesis.text_to_chunks", side_effect=RuntimeError) as chunks,
        ):
            for voice, language in (("bm_george", "en-gb"), ("am_adam", "en-us"), ("nobody", "en-us")):
                generate_audio("Hello", voice, output_path=str(self.folder / "a.wav"))
                self.assertEqual(chunks.call_args.args[:2], ("Hello", language))

    def test_british_voice_that_falls_back_speaks_american(self) -> None:
        with built_in_voice(), patch("core_engine.kokoro.speech.synthesis.find_voices") as find:
            find.return_value = {"af_bella": MagicMock()}
            with (
                patch("core_engine.kokoro.speech.synthesis.text_to_chunks", side_effect=RuntimeError) as chunks,
                patch("core_engine.kokoro.speech.synthesis.load_voice", return_value=random_pack(1)),
            ):
                generate_audio("Hello", "bm_george", output_path=str(self.folder / "a.wav"))
        self.assertEqual(chunks.call_args.args[:2], ("Hello", "en-us"))


class TokenizeTextTests(SimpleTestCase):
    def test_tokens_are_padded_on_both_sides(self) -> None:
        tokens = tokenize_text("Hello world.")
        self.assertEqual(tokens.dtype, np.int64)
        self.assertEqual(tokens.tolist(), [[0, 50, 83, 54, 156, 57, 135, 16, 65, 156, 87, 158, 54, 46, 4, 0]])

    def test_british_tokens_differ(self) -> None:
        self.assertNotEqual(tokenize_text("tomato").tolist(), tokenize_text("tomato", "en-gb").tolist())

    def test_text_of_more_than_one_chunk_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "chunks"):
            tokenize_text("A sentence that goes on and on. " * 60)

    def test_text_with_nothing_to_speak_is_refused(self) -> None:
        with self.assertRaises(NothingToSpeakError):
            tokenize_text("...")

    def test_dollar_sign_never_becomes_the_pad(self) -> None:
        self.assertNotIn(0, tokenize_text("$ and $5 and a$b")[0, 1:-1].tolist())


class SplitTextTests(SimpleTestCase):
    def test_example_of_the_specification(self) -> None:
        self.assertEqual(split_text_into_chunks("One. Two! Three?", 10), ["One. Two!", "Three?"])

    def test_contractions_and_possessives_end_sentences(self) -> None:
        self.assertEqual(split_text_into_chunks("It was John's. He left it.", 20), ["It was John's.", "He left it."])
        self.assertEqual(
            split_text_into_chunks("“I can’t.” She couldn’t. No.", 16), ["“I can’t.”", "She couldn’t.", "No."]
        )

    def test_nothing_is_lost(self) -> None:
        text = "Dr. Who paid $3.50, i.e. a lot. " * 30 + "x" * 500
        chunks = split_text_into_chunks(text, 100)
        self.assertEqual("".join("".join(chunks).split()), "".join(text.split()))
        self.assertLessEqual(max(map(len, chunks)), 100)


@override_settings(MEDIA_ROOT="/srv/media", MEDIA_URL="/media/")
class AudioStorageTests(SimpleTestCase):
    def test_path_is_below_the_media_root(self) -> None:
        self.assertEqual(
            construct_audio_path("a1b2c3d4", "e5f6g7h8"),
            os.path.join("/srv/media", "projects", "a1b2c3d4", "audio", "e5f6g7h8.wav"),
        )

    def test_path_is_below_media_of_the_working_folder_without_media_root(self) -> None:
        with override_settings(MEDIA_ROOT=""), patch.dict(os.environ, {"MEDIA_ROOT": "/srv/other"}):
            self.assertEqual(construct_audio_path(1, 2), "/srv/other/projects/1/audio/2.wav")

    def test_url_is_below_the_media_url(self) -> None:
        self.assertEqual(construct_audio_url("a1b2c3d4", "e5f6g7h8"), "/media/projects/a1b2c3d4/audio/e5f6g7h8.wav")
        with override_settings(MEDIA_URL="https://cdn.example.org/m/"):
            self.assertEqual(construct_audio_url(1, 2), "https://cdn.example.org/m/projects/1/audio/2.wav")

    def test_ids_are_plain_names_and_never_paths(self) -> None:
        for bad in (
            "..",
            ".",
            "",
            "a/b",
            "a\\b",
            "/etc",
            "a\0b",
            "CON",
            "nul.txt",
            "a.",
            "x" * 300,
            "ä",
            None,
            1.5,
            b"a",
        ):
            for construct in (construct_audio_path, construct_audio_url):
                with self.assertRaises(ValueError):
                    construct("project", bad)
                with self.assertRaises(ValueError):
                    construct(bad, "segment")

    def test_folder_is_made_when_the_audio_is_saved(self) -> None:
        with tempfile.TemporaryDirectory() as media, override_settings(MEDIA_ROOT=media), built_in_voice():
            path = construct_audio_path("p", "s")
            self.assertTrue(generate_audio("Hello", output_path=path)["success"])
            self.assertTrue(os.path.isfile(os.path.join(media, "projects", "p", "audio", "s.wav")))
            forget_session()
