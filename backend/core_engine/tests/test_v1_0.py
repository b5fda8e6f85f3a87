"""Kokoro v1.0 next to v0.19: its alphabet, its packs, blends, and models with the wrong voices."""

import importlib.util
import json
import shutil
import tempfile
import unittest
import unittest.mock
from pathlib import Path
from typing import Any

import numpy as np

from core_engine.kokoro.errors import NothingToSpeakError, PhonemizerError, UnsupportedLanguageError, VoicePackError
from core_engine.kokoro.languages import V0_19, V1_0
from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.speech.versions import checked_version, version_of_voices
from core_engine.kokoro.text import phonemes_v1_0, text_sides
from core_engine.kokoro.text.chunks import text_to_chunks
from core_engine.kokoro.text.phonemes import phonemize
from core_engine.kokoro.text.phonemes_v1_0 import phonemize_v1_0, word_v1_0
from core_engine.kokoro.text.text_sides import ESPEAK
from core_engine.kokoro.vocabulary import VOCABULARY, VOCABULARY_V1_0
from core_engine.kokoro.voice.blending import blend, blended_voices
from core_engine.kokoro.voice.formats import format_of
from core_engine.kokoro.voice.packs import find_voices
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.tests.support import FolderTestCase, LoaderTestCase, needs_real_voice, random_pack, real_voice
from core_engine.tts_wrapper import generate_audio

try:
    # Imported here: a first import while sys.modules is patched would be repeated later.
    import onnx
except ImportError:  # a development package
    onnx = None  # type: ignore[assignment]

BUILT_IN_MODEL = model_path(BUILT_IN, Path())
HAS_MISAKI = all(importlib.util.find_spec(name) for name in ("misaki", "spacy", "en_core_web_sm"))
needs_misaki = unittest.skipUnless(HAS_MISAKI, "needs misaki and its tagger, an extra")


def lay_out(folder: Path, rows: int) -> Path:
    """Put the built-in model into `folder`, with two of its voices in packs of `rows` rows."""
    shutil.copy(BUILT_IN_MODEL, folder / "model.onnx")
    voices = format_of(BUILT_IN_MODEL.with_name("voices.npz"))
    np.savez(folder / "voices.npz", **{name: voices.read(name)[:rows] for name in ("af_bella", "bf_emma")})  # type: ignore[arg-type]
    return folder / "model.onnx"


class UnknownWordTests(unittest.TestCase):
    """Words that are not in the dictionaries are spoken by espeak-ng and written in misaki's alphabet."""

    def test_diphthongs_and_affricates_are_one_letter(self) -> None:
        self.assertEqual(word_v1_0("boaty", british=False), "bˈOTi")
        self.assertEqual(word_v1_0("boaty", british=True), "bˈQti")
        self.assertEqual(word_v1_0("chowjoy", british=True).count("ʧ"), 1)
        self.assertIn("ʤ", word_v1_0("jabberwock", british=False))

    def test_american_has_no_long_vowels(self) -> None:
        self.assertNotIn("ː", word_v1_0("Throckmortonian", british=False))
        self.assertIn("ː", word_v1_0("Throckmortonian", british=True))

    def test_centring_diphthongs_are_those_of_the_british_dictionary(self) -> None:
        self.assertEqual(word_v1_0("calcium", british=True), "kˈalsɪəm")
        self.assertEqual(word_v1_0("rareness", british=True), "ɹˈɛːnəs")

    def test_result_is_within_the_vocabulary(self) -> None:
        for word in ("Zxqvle", "Kubernetes", "Gandalfian", "hairbrained", "naïveté", "Llanfairpwll", "bottlewise"):
            for british in (False, True):
                spoken = word_v1_0(word, british)
                self.assertTrue(spoken)
                self.assertLessEqual(set(spoken), set(VOCABULARY_V1_0), (word, british, spoken))

    def test_silence_has_no_phonemes(self) -> None:
        self.assertEqual(word_v1_0("", british=False), "")


@needs_misaki
class PhonemeTests(unittest.TestCase):
    def test_words_marks_and_numbers(self) -> None:
        self.assertEqual(phonemize_v1_0("Hello world, how are you?"), "həlˈO wˈɜɹld, hˌW ɑɹ ju?")
        self.assertEqual(phonemize_v1_0("It cost $3.50.", "en-us"), "ˌɪt kˈɔst θɹˈi dˈɑləɹz ænd fˈɪfti sˈɛnts.")

    def test_accents_differ(self) -> None:
        self.assertIn("təmˈATO", phonemize_v1_0("tomato", "en-us"))
        self.assertIn("təmˈɑːtQ", phonemize_v1_0("tomato", "en-gb"))

    def test_part_of_speech_decides(self) -> None:
        self.assertNotEqual(phonemize_v1_0("I will read it."), phonemize_v1_0("I have read it.").replace("hæv", "wˈɪl"))

    def test_unknown_words_are_not_lost(self) -> None:
        spoken = phonemize_v1_0("The jabberwocking Zorblaxian came.")
        self.assertIn(word_v1_0("jabberwocking", british=False), spoken)
        self.assertIn(word_v1_0("Zorblaxian", british=False), spoken)

    def test_markup_for_pronunciations_is_text(self) -> None:
        self.assertNotIn("fˈufu", phonemize_v1_0("Say [bar](/fˈufu/) now."))

    def test_long_texts_and_lines_are_spoken_to_the_end(self) -> None:
        text = "One more line.\n\n" * 3000 + "The end."
        spoken = phonemize_v1_0(text)
        self.assertTrue(spoken.endswith("ði ˈɛnd."))
        self.assertEqual(spoken.count("lˈIn."), 3000)

    def test_other_languages_are_refused(self) -> None:
        with self.assertRaises(UnsupportedLanguageError):
            phonemize_v1_0("Bonjour", "fr")

    def test_chunks_lose_nothing_and_fit(self) -> None:
        text = "The keeper lit the lamp, and nobody saw it; it was a quarter past six. " * 40
        found = text_to_chunks(text, "en-gb", version=V1_0)
        joined = "".join(" " * chunk.follows_space + chunk.phonemes for chunk in found)
        self.assertEqual(joined, phonemize_v1_0(text, "en-gb"))
        self.assertLessEqual(max(len(chunk.token_ids) for chunk in found), 510)
        self.assertGreater(len(found), 3)
        self.assertTrue(all(chunk.phonemes.endswith((".", ";", ",")) for chunk in found))
        ids = [VOCABULARY_V1_0[symbol] for symbol in found[0].phonemes]
        self.assertEqual(list(found[0].token_ids), ids)

    def test_nothing_to_speak_is_an_error(self) -> None:
        for text in ("", "...", "\n"):
            with self.assertRaises(NothingToSpeakError):
                text_to_chunks(text, version=V1_0)


def tell_vocabulary(test: Any, path: Path, vocabulary: Any) -> None:
    """Write the vocabulary into a model's metadata, like newer exports."""
    if onnx is None:
        test.skipTest("needs the onnx package, a development dependency")
    model = onnx.load(path)
    note = model.metadata_props.add()
    note.key, note.value = "kokoro_config", json.dumps({"vocab": vocabulary})
    onnx.save(model, path)


class MissingExtraTests(unittest.TestCase):
    def setUp(self) -> None:
        for cached in (phonemes_v1_0._g2p, text_sides._english_of_v1_0):
            cached.cache_clear()
            self.addCleanup(cached.cache_clear)

    def test_missing_package_is_named(self) -> None:
        without = unittest.mock.patch.dict("sys.modules", {"misaki": None})
        with without, self.assertRaisesRegex(PhonemizerError, r"pip install .*\[dictionary\]"):
            phonemize_v1_0("Hello.")

    def test_model_of_v1_0_speaks_without_it(self) -> None:
        without = unittest.mock.patch.dict("sys.modules", {"misaki": None})
        with without, tempfile.TemporaryDirectory() as folder:
            path = lay_out(Path(folder), rows=510)
            tell_vocabulary(self, path, VOCABULARY_V1_0)
            kokoro = Kokoro.load(path)
            self.assertEqual(kokoro.check("bf_emma"), ESPEAK)
            (chunk,) = kokoro.prepare("Go.", "bf_emma").chunks
            self.assertEqual(chunk.phonemes, "ɡˈəʊ.")
            self.assertEqual(chunk.token_ids, tuple(VOCABULARY_V1_0[symbol] for symbol in chunk.phonemes))

    @needs_misaki
    def test_missing_tagger_is_named_and_not_downloaded(self) -> None:
        without = unittest.mock.patch.dict("sys.modules", {"en_core_web_sm": None})
        with without, self.assertRaisesRegex(PhonemizerError, "spacy download en_core_web_sm"):
            phonemize_v1_0("Hello.")


class EspeakTests(unittest.TestCase):
    """v1.0 English without dictionaries: the phonemes of v0.19 in the symbols of v1.0."""

    def test_plain_words_are_those_of_v0_19(self) -> None:
        text = "The keeper lit the lamp; it cost $3.50 at 7:05, didn't it?"
        for language in ("en-us", "en-gb"):
            self.assertEqual(phonemize(text, language, V1_0), phonemize(text, language))

    def test_symbols_that_v1_0_lacks_are_replaced(self) -> None:
        self.assertEqual(phonemize("(Go) [now]!", "en-us", V1_0), "(ɡˈoʊ) (nˈaʊ)!")
        self.assertEqual(phonemize('"Go," he said (“now”).', "en-us", V1_0), "“ɡˈoʊ,” hiː sˈɛd (“nˈaʊ”).")
        self.assertEqual(phonemize("It was written.", "en-us", V1_0), "ɪt wʌz ɹˈɪʔᵊn.")
        self.assertEqual(phonemize("And the B's went.", "en-us", V1_0), "ænd ðə bˈiːz wˈɛnt.")

    def test_every_symbol_is_in_the_vocabulary(self) -> None:
        text = "¿$ ¡ « » ' } { ] [ “He” said: ‘no’ — 5% of Llanelli's bottles…"
        self.assertLessEqual(set(phonemize(text, "en-gb", V1_0)), set(VOCABULARY_V1_0))


class PairTests(FolderTestCase):
    def test_pairs_that_belong_together(self) -> None:
        self.assertEqual(checked_version(None, 510, "af"), V1_0)
        self.assertEqual(checked_version(None, 511, "af"), V0_19)
        self.assertEqual(checked_version(V1_0, 510, "af"), V1_0)
        self.assertEqual(checked_version(None, 0, "af"), V0_19)

    def test_voices_show_their_version(self) -> None:
        for rows, version in ((510, V1_0), (511, V0_19), (3, None)):
            lay_out(self.folder, rows)
            self.assertEqual(version_of_voices(find_voices(self.folder)), version)
        self.assertIsNone(version_of_voices({}))

    def test_mismatched_pairs_are_refused_with_advice(self) -> None:
        for model, rows in ((V0_19, 510), (V1_0, 511)):
            with self.assertRaisesRegex(VoicePackError, "is for Kokoro v.*, but the model is Kokoro v"):
                checked_version(model, rows, "af_bella")

    def test_model_of_known_version_refuses_other_voices(self) -> None:
        path = lay_out(self.folder, rows=510)
        tell_vocabulary(self, path, VOCABULARY)
        kokoro = Kokoro.load(path)
        self.assertEqual(kokoro.version, V0_19)
        with self.assertRaisesRegex(VoicePackError, "nonsense"):
            kokoro.speak("Hello.")

    @needs_misaki
    def test_packs_of_510_rows_speak_the_alphabet_of_v1_0(self) -> None:
        kokoro = Kokoro.load(lay_out(self.folder, rows=510))
        utterance = kokoro.prepare("Go.", "bf_emma")
        self.assertEqual(utterance.chunks[0].phonemes, "ɡˌQ.")
        self.assertGreater(len(kokoro.speak("The keeper lit the lamp.").audio), 10_000)

    @needs_real_voice
    def test_real_packs_are_recognised(self) -> None:
        pack = format_of(real_voice().parent / "voices" / "af_bella.bin").read("af_bella")
        self.assertEqual(checked_version(None, len(pack), "af_bella"), V1_0)


@needs_misaki
class GenerateAudioTests(LoaderTestCase):
    def test_generate_audio_speaks_with_v1_0(self) -> None:
        (self.folder / "kokoro-v1.0").mkdir()
        lay_out(self.folder / "kokoro-v1.0", rows=510)
        with (
            self.settings(STORYFLOW_MODELS_DIR=self.folder, STORYFLOW_TTS_MODEL="kokoro-v1.0"),
            unittest.mock.patch.object(text_sides, "phonemize_v1_0", wraps=phonemize_v1_0) as spoken,
        ):
            result = generate_audio("Hello.", "bf_emma", output_path=str(self.folder / "a.wav"))
        self.assertTrue(result["success"], result)
        spoken.assert_called_once_with("Hello.", "en-gb")


@needs_real_voice
class RealModelTests(LoaderTestCase):
    def test_generate_audio_speaks_every_language_of_espeak(self) -> None:
        texts = {"af_heart": "Good morning.", "ef_dora": "Buenos días.", "ff_siwis": "Bonjour.", "hf_alpha": "नमस्ते।"}
        real = real_voice()
        with self.settings(STORYFLOW_TTS_MODEL=real.stem, STORYFLOW_MODELS_DIR=real.parents[1]):
            for voice, text in texts.items():
                result = generate_audio(text, voice, output_path=str(self.folder / "a.wav"))
                self.assertTrue(result["success"], result)
                self.assertEqual((result["voice_id"], result["chunks"]), (voice, 1))
                self.assertGreater(result["duration"], 0.5)


class BlendTests(unittest.TestCase):
    def test_shares_add_up_to_one(self) -> None:
        installed = ("af_bella", "af_sarah")
        for text, shares in (
            ("af_bella*0.6+af_sarah*0.4", [0.6, 0.4]),
            ("af_bella*3+af_sarah", [0.75, 0.25]),
            (" af_bella + af_sarah ", [0.5, 0.5]),
            ("af_bella*.5", [1.0]),
        ):
            parts = blended_voices(text, installed)
            self.assertEqual([part.share for part in parts], shares)
            self.assertEqual(parts[0].voice, "af_bella")

    def test_packs_are_mixed_row_by_row(self) -> None:
        one, two = random_pack(1, 510), random_pack(2, 510)
        mixed = blend([(one, 0.25), (two, 0.75)])
        np.testing.assert_allclose(mixed, 0.25 * one + 0.75 * two, atol=1e-6)
        self.assertEqual((mixed.dtype, mixed.shape), (np.float32, (510, 1, 256)))
        self.assertFalse(mixed.flags.writeable)

    def test_versions_are_not_mixed(self) -> None:
        with self.assertRaisesRegex(VoicePackError, "510 and 511"):
            blend([(random_pack(1, 510), 0.5), (random_pack(2, 511), 0.5)])

    def test_invalid_blends_are_refused(self) -> None:
        for text in (
            "af_bella*",
            "+",
            "af_bella*-1",
            "af_bella*nan",
            "af_bella*0",
            "../a+b",
            "a*1*2",
            "+".join("a" * 17),
        ):
            with self.assertRaises(VoicePackError):
                blended_voices(text, ("af_bella", "a", "b"))

    def test_voice_of_a_blend_that_is_missing_is_named(self) -> None:
        with self.assertRaisesRegex(VoicePackError, "needs af_nobody"):
            blended_voices("af_bella+af_nobody", ("af_bella",))

    def test_blend_can_be_spoken(self) -> None:
        kokoro = Kokoro.load(BUILT_IN_MODEL)
        speech = kokoro.speak("Hello.", "af_bella*0.6+af_sarah*0.4")
        self.assertEqual(speech.voice, "af_bella*0.6+af_sarah*0.4")
        self.assertGreater(len(speech.audio), 1000)
