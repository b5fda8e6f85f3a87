"""The best installed model, on the command line and in Django."""

import shutil
from typing import Any
from unittest import mock

from core_engine.model_choice import AUTO, ModelMissingError, best_model, choose_model
from core_engine.model_loader import KokoroModelLoader
from core_engine.model_paths import BUILT_IN
from core_engine.tests.support import FolderTestCase, LoaderTestCase, install
from core_engine.tts_wrapper import generate_audio, get_voice_embedding, validate_voice_id

ORDER = ("kokoro-v1.0", "kokoro-v1.0-fp16", "kokoro-v1.0-int8", "kokoro-v0_19", "another")


class BestModelTests(FolderTestCase):
    def test_published_models_come_first_in_order(self) -> None:
        for name in reversed(ORDER):
            path = install(self.folder, name)
            with self.machine_for_int8(fastest=False):
                best = best_model(self.folder)
            assert best
            self.assertEqual((best.name, best.path), (name, path))

    def test_int8_comes_first_where_it_is_the_fastest(self) -> None:
        for name in ORDER:
            install(self.folder, name)
        with self.machine_for_int8(fastest=True):
            best = best_model(self.folder)
        assert best
        self.assertEqual(best.name, "kokoro-v1.0-int8")

    def test_runtime_that_cannot_be_imported_changes_nothing(self) -> None:
        for name in ORDER:
            install(self.folder, name)
        with mock.patch.dict("sys.modules", {"core_engine.kokoro.model.runtime": None}):
            best = best_model(self.folder)
        assert best
        self.assertEqual(best.name, "kokoro-v1.0")

    @staticmethod
    def machine_for_int8(*, fastest: bool) -> Any:
        """Pretend to be a machine of the other kind, which a test cannot be."""
        return mock.patch("core_engine.kokoro.model.runtime.int8_is_fastest", return_value=fastest)

    def test_nothing_installed_is_the_built_in_voice(self) -> None:
        self.assertIsNone(best_model(self.folder))
        self.assertEqual(choose_model(AUTO, self.folder).name, BUILT_IN)

    def test_model_without_voices_is_skipped(self) -> None:
        install(self.folder, "another")
        shutil.rmtree(self.folder / "another" / "voices")
        self.assertIsNone(best_model(self.folder))

    def test_requested_model_is_never_replaced(self) -> None:
        with self.assertRaisesRegex(ModelMissingError, "models pull"):
            choose_model("kokoro-v1.0", self.folder)


class AutomaticTests(LoaderTestCase):
    def setUp(self) -> None:
        super().setUp()
        configured = self.settings(STORYFLOW_MODELS_DIR=self.folder, STORYFLOW_TTS_MODEL="auto")
        configured.enable()
        self.addCleanup(configured.disable)

    def generate(self, voice: str) -> Any:
        result = generate_audio("Hola.", voice, output_path=str(self.folder / "a.wav"))
        self.assertTrue(result["success"], result)
        return result["voice_id"]

    def test_best_installed_model_speaks_with_every_voice_it_has(self) -> None:
        path = install(self.folder, "kokoro-v1.0-int8", voices=("af_bella", "af_heart", "ef_dora"))
        install(self.folder, "kokoro-v0_19", rows=511)
        with self.assertNoLogs("core_engine", "WARNING"):
            self.assertEqual([self.generate(voice) for voice in ("ef_dora", "af_heart")], ["ef_dora", "af_heart"])
        self.assertEqual(KokoroModelLoader._model_path, str(path))
        self.assertEqual(len(get_voice_embedding("ef_dora")), 510)

    def test_unknown_voice_falls_back_with_a_warning(self) -> None:
        install(self.folder, "kokoro-v1.0-int8")
        with self.assertLogs("core_engine", "WARNING") as logs:
            self.assertEqual(self.generate("zz_nobody"), "af_bella")
        self.assertIn("falling back to 'af_bella'", logs.output[0])

    def test_voice_of_v0_19_outside_the_seven_falls_back(self) -> None:
        install(self.folder, "kokoro-v0_19", rows=511, voices=("af_bella", "af_sky"))
        with self.assertLogs("core_engine", "WARNING"):
            self.assertEqual(self.generate("af_sky"), "af_bella")

    def test_validate_voice_id_accepts_only_the_seven(self) -> None:
        install(self.folder, "kokoro-v1.0-int8", voices=("af_bella", "ef_dora"))
        with self.assertLogs("core_engine", "WARNING"):
            self.assertEqual(validate_voice_id("ef_dora"), "af_bella")

    def test_nothing_installed_is_the_built_in_voice_with_a_warning(self) -> None:
        with self.assertLogs("core_engine.model_loader", "WARNING") as logs:
            self.assertEqual(self.generate("af_bella"), "af_bella")
        self.assertIn("built-in voice", logs.output[0])

    def test_model_that_is_installed_later_does_not_mix_with_the_open_one(self) -> None:
        install(self.folder, "kokoro-v0_19", rows=511)
        self.generate("af_bella")
        install(self.folder, "kokoro-v1.0")
        self.assertEqual(self.generate("bf_emma"), "bf_emma")
        self.assertIn("v0_19", KokoroModelLoader._resolve_model_path())
