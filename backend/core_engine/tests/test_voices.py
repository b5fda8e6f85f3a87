"""The seven voices differ audibly from each other."""

import itertools
from typing import Any

import numpy as np
import soundfile as sf
from django.test import override_settings

from core_engine.model_loader import KokoroModelLoader
from core_engine.tests.heard import sound_different
from core_engine.tests.support import SAMPLE_TEXT, LoaderTestCase, built_in_voice, seven_packs
from core_engine.tts_wrapper import VALID_VOICE_IDS, generate_audio


class SpeakingTestCase(LoaderTestCase):
    """A test that analyses the audio of the built-in voice."""

    def setUp(self) -> None:
        super().setUp()
        voice = built_in_voice()
        voice.__enter__()
        self.addCleanup(voice.__exit__, None, None, None)

    def spoken(self, voice: str, speed: float = 1.0) -> Any:
        path = str(self.folder / "a.wav")
        self.assertTrue(generate_audio(SAMPLE_TEXT, voice, speed, path)["success"])
        return sf.read(path, dtype="float32")


class VoicesHeardTests(SpeakingTestCase):
    def test_all_voices_are_audibly_different(self) -> None:
        heard = {voice: self.spoken(voice) for voice in VALID_VOICE_IDS}
        for one, other in itertools.combinations(VALID_VOICE_IDS, 2):
            self.assertTrue(sound_different(heard[one][0], heard[other][0], heard[one][1]), f"{one} and {other}")

    def test_no_difference_is_heard_within_one_voice(self) -> None:
        """Changes that make files unequal but keep the voice; otherwise the test above would prove nothing."""
        audio, rate = self.spoken("af_sarah")
        one_sample = audio.copy()
        one_sample[len(audio) // 2] += 0.1
        hiss = np.random.default_rng(5).normal(0, 0.03 * audio.std(), len(audio)).astype(np.float32)
        alike = {
            "one sample": one_sample,
            "begins later": audio[100:],
            "softer": audio * np.float32(0.7),
            "hiss": audio + hiss,
            "slower": self.spoken("af_sarah", 0.8)[0],
            "faster": self.spoken("af_sarah", 1.25)[0],
        }
        for change, other in alike.items():
            self.assertFalse(sound_different(audio, other, rate), change)


class OwnStyleTests(LoaderTestCase):
    def test_every_voice_speaks_with_its_own_row_of_the_pack(self) -> None:
        packs = seven_packs()
        np.savez(self.folder / "voices.npz", **packs)
        (self.folder / "kokoro-v0_19.onnx").write_bytes(b"any placeholder")
        with built_in_voice():
            session = _Listening(KokoroModelLoader.get_session())
        with override_settings(STORYFLOW_MODELS_DIR=self.folder, STORYFLOW_TTS_MODEL="kokoro-v0_19"):
            for voice in VALID_VOICE_IDS:
                KokoroModelLoader._session = session
                result = generate_audio(SAMPLE_TEXT, voice, 1.0, str(self.folder / "a.wav"))
                self.assertTrue(result["success"], result)
                tokens = session.fed["tokens"].size - 2  # without the pads
                np.testing.assert_array_equal(session.fed["style"], packs[voice][tokens], voice)


class _Listening:
    """A real session that records its last inputs."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.get_inputs, self.get_outputs = session.get_inputs, session.get_outputs
        self.fed: dict[str, Any] = {}

    def run(self, names: Any, fed: Any, *options: Any) -> Any:
        self.fed = fed
        return self._session.run(names, fed, *options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)
