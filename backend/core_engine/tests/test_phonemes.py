import json
from pathlib import Path

from django.test import SimpleTestCase

from core_engine.kokoro.errors import UnsupportedLanguageError
from core_engine.kokoro.text.phonemes import phonemize
from core_engine.kokoro.vocabulary import token_ids
from core_engine.tests.growth import LINEAR, growth

DATA = Path(__file__).parent / "data"
GOLDEN = DATA / "golden_phonemes.json"
REFERENCE_TOKENS = DATA / "reference_tokens.jsonl"
"""Phonemes and token ids of Kokoro v0.19, by phonemizer-fork 3.3.2 on espeakng-loader 0.2.4, not by this project."""
HARD = (
    "",
    "\0",
    "\x01\x02 80S",
    "\ud800 lone",
    "\ufeff\u200b\u202e",
    "e\u0301\u0301\u0301",
    "汉字 かな 한국어",
    "שלום مرحبا",
    "नमस्ते-d\u117c-\u0d4b\u064f",
    "d\u117c-\u0d4b\u064f",
    "🎉🧿👍🏽👨‍👩‍👧",
    "((((]]]]",
    "'s" * 500,
    "\ue000\uffff",
)


class PhonemizeTests(SimpleTestCase):
    def test_phonemize_golden_sentences(self) -> None:
        for row in json.loads(GOLDEN.read_text("utf-8"))["rows"]:
            for language in ("en-us", "en-gb"):
                with self.subTest(row["text"], language=language):
                    self.assertEqual(phonemize(row["text"], language), row[language])

    def test_phonemize_reference_tokens(self) -> None:
        for line in REFERENCE_TOKENS.read_text("utf-8").splitlines():
            row = json.loads(line)
            for language in ("en-us", "en-gb"):
                with self.subTest(row["text"], language=language):
                    phonemes = phonemize(row["text"], language)
                    self.assertEqual(phonemes, row[language]["phonemes"])
                    self.assertEqual(token_ids(phonemes), row[language]["tokens"])

    def test_phonemize_default_language_is_american(self) -> None:
        self.assertEqual(phonemize("Tomato."), phonemize("Tomato.", "en-us"))
        self.assertNotEqual(phonemize("Tomato."), phonemize("Tomato.", "en-gb"))

    def test_phonemize_other_language_names_those_supported(self) -> None:
        for text in ("Bonjour.", ""):
            with self.assertRaisesRegex(UnsupportedLanguageError, "'fr'.*en-us.*en-gb"):
                phonemize(text, "fr")

    def test_phonemize_hard_text_never_fails(self) -> None:
        for text in HARD:
            for language in ("en-us", "en-gb"):
                with self.subTest(ascii(text[:20]), language=language):
                    self.assertIsInstance(phonemize(text, language), str)

    def test_phonemize_dollar_is_never_the_pad(self) -> None:
        self.assertNotIn("$", phonemize("$ $$ a$b $x US$"))

    def test_phonemize_language_flags_are_not_spoken(self) -> None:
        phonemes = phonemize("Ա")
        self.assertNotIn("(", phonemes)
        self.assertIn("mˈiːniən", phonemes)
        self.assertNotIn("hy", phonemes)

    def test_phonemize_unspeakable_is_logged_once_without_the_text(self) -> None:
        with self.assertLogs("core_engine.kokoro", "WARNING") as logs:
            self.assertEqual(phonemize("Secret \ue000 word \ue000\ue001."), phonemize("Secret word."))
        self.assertEqual(len(logs.output), 1)
        self.assertIn("U+E000", logs.output[0])
        self.assertNotIn("Secret", logs.output[0])

    def test_phonemize_plain_text_logs_nothing(self) -> None:
        with self.assertNoLogs("core_engine.kokoro", "WARNING"):
            phonemize("Café — “naïve” 🎉 £5…\nNew line.")

    def test_phonemize_long_words_keep_their_end(self) -> None:
        for letter in "w7abα🎉ع":
            with self.subTest(letter):
                whole, half = phonemize(letter * 2000), phonemize(letter * 1000)
                self.assertGreater(len(whole), 1.8 * len(half))
                self.assertGreater(len(half), 900)

    def test_phonemize_any_flood_grows_linearly(self) -> None:
        for flood in ("a", "word ", "7", "汉", ". ", "\n", "'s", "a, ", "$", '"'):
            with self.subTest(flood):
                self.assertLess(growth(phonemize, flood, 10_000), LINEAR)
