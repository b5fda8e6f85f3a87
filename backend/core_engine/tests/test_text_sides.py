import importlib.util
import unittest
import unittest.mock
from typing import Any

from core_engine.kokoro.errors import PhonemizerError, UnsupportedLanguageError
from core_engine.kokoro.languages import V0_19, V1_0
from core_engine.kokoro.text import phonemes_east_asian, phonemes_v1_0, text_sides
from core_engine.kokoro.text.text_sides import ESPEAK, MISAKI, phonemize_by_misaki, text_side


def importable(*names: Any) -> Any:
    """Pretend that only these packages are installed."""
    return unittest.mock.patch.object(phonemes_v1_0, "_is_importable", lambda name: name in names)


class EnglishTests(unittest.TestCase):
    def setUp(self) -> None:
        text_sides._english_of_v1_0.cache_clear()
        self.addCleanup(text_sides._english_of_v1_0.cache_clear)

    def test_nothing_installed_is_espeak_and_logged_once(self) -> None:
        with importable(), self.assertLogs("core_engine.kokoro", "INFO") as logs:
            self.assertEqual([text_side("en-us", V1_0), text_side("en-gb", V1_0)], [ESPEAK, ESPEAK])
        self.assertEqual(len(logs.output), 1)
        self.assertIn("INFO", logs.output[0])
        self.assertIn("pip install", logs.output[0])

    def test_missing_tagger_is_espeak_with_one_warning(self) -> None:
        with importable("misaki", "spacy", "num2words"), self.assertLogs("core_engine.kokoro", "WARNING") as logs:
            self.assertEqual([text_side("en-us", V1_0) for _ in range(3)], [ESPEAK] * 3)
        self.assertEqual(len(logs.output), 1)
        self.assertIn("spacy download en_core_web_sm", logs.output[0])

    def test_all_installed_is_misaki(self) -> None:
        with importable("misaki", "spacy", "num2words", "en_core_web_sm"):
            self.assertEqual(text_side("en-gb", V1_0), MISAKI)

    def test_v0_19_is_espeak_whatever_is_installed(self) -> None:
        with importable("misaki", "spacy", "num2words", "en_core_web_sm"):
            self.assertEqual(text_side("en-us", V0_19), ESPEAK)


class OtherLanguageTests(unittest.TestCase):
    def setUp(self) -> None:
        phonemes_east_asian._reader.cache_clear()
        self.addCleanup(phonemes_east_asian._reader.cache_clear)

    def test_languages_of_espeak(self) -> None:
        for code in ("es", "fr-fr", "hi", "it", "pt-br"):
            self.assertEqual(text_side(code, V1_0), ESPEAK)
            with self.assertRaises(UnsupportedLanguageError):
                text_side(code, V0_19)

    def test_missing_extra_is_named_with_the_command(self) -> None:
        for code in ("ja", "zh"):
            without = unittest.mock.patch.dict("sys.modules", {f"misaki.{code}": None, "misaki": None})
            with without, self.assertRaisesRegex(PhonemizerError, rf"pip install 'misaki\[{code}\]'"):
                text_side(code, V1_0)

    def test_missing_dictionary_is_named_with_the_command(self) -> None:
        broken = unittest.mock.Mock(JAG2P=unittest.mock.Mock(side_effect=RuntimeError("Failed initializing MeCab")))
        with (
            unittest.mock.patch.dict("sys.modules", {"misaki": unittest.mock.Mock(), "misaki.ja": broken}),
            self.assertRaisesRegex(PhonemizerError, "unidic-lite"),
        ):
            text_side("ja", V1_0)

    @unittest.skipUnless(importlib.util.find_spec("pypinyin"), "needs misaki[zh], which the user installs")
    def test_mandarin_keeps_tones_and_marks(self) -> None:
        self.assertEqual(phonemize_by_misaki("你好，世界。", "zh"), "ni↓xau↓, ʂɨ↘ʨje↘.")

    @unittest.skipUnless(importlib.util.find_spec("fugashi"), "needs misaki[ja], which the user installs")
    def test_japanese_keeps_marks_and_reads_numbers(self) -> None:
        self.assertEqual(phonemize_by_misaki("今日は3月！", "ja"), "kʲoː βa saɴ ɡaʦɨ!")
