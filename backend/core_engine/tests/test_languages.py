import unittest

from core_engine.kokoro.errors import UnsupportedLanguageError
from core_engine.kokoro.languages import (
    LANGUAGES,
    V0_19,
    V1_0,
    checked_language,
    codes_of,
    language_by_request,
    language_of,
    languages_of,
)


class LanguageOfTests(unittest.TestCase):
    def test_first_letter_of_a_published_name_gives_the_language(self) -> None:
        names = (
            "af_heart",
            "bm_fable",
            "ef_dora",
            "ff_siwis",
            "hm_psi",
            "im_nicola",
            "jf_nezumi",
            "pm_alex",
            "zm_yunxi",
        )
        codes = [language_of(name).code for name in names]
        self.assertEqual(codes, ["en-us", "en-gb", "es", "fr-fr", "hi", "it", "ja", "pt-br", "zh"])

    def test_other_names_are_american(self) -> None:
        for name in ("emma", "bob", "af", "p_x", "", "xf_new", "Bf_emma"):
            self.assertEqual(language_of(name).code, "en-us", name)

    def test_first_voice_of_a_blend_decides(self) -> None:
        self.assertEqual(language_of(" bf_emma*0.5 + af_bella").code, "en-gb")

    def test_v0_19_speaks_only_english(self) -> None:
        self.assertEqual(language_of("ef_dora", V0_19).code, "en-us")
        self.assertEqual(language_of("bf_emma", V0_19).code, "en-gb")
        self.assertEqual([language.code for language in languages_of(V0_19)], ["en-us", "en-gb"])

    def test_letters_and_codes_belong_to_one_language(self) -> None:
        self.assertEqual(len({language.letter for language in LANGUAGES}), len(LANGUAGES))
        self.assertEqual(len({language.code for language in LANGUAGES}), len(LANGUAGES))
        self.assertTrue(all(bool(language.espeak_voice) != bool(language.misaki_extra) for language in LANGUAGES))


class CheckedLanguageTests(unittest.TestCase):
    def test_language_of_another_version_is_refused(self) -> None:
        self.assertEqual(checked_language("es", V1_0).name, "Spanish")
        with self.assertRaisesRegex(UnsupportedLanguageError, "'es' is not supported.*en-us and en-gb"):
            checked_language("es", V0_19)


class RequestTests(unittest.TestCase):
    def test_language_without_a_region_is_that_of_the_voice(self) -> None:
        for voice, asked, spoken in (
            ("bf_emma", "en", "en-gb"),
            ("bf_emma", "en-us", "en-us"),
            ("pf_dora", "pt", "pt-br"),
            ("ff_siwis", "fr-fr", "fr-fr"),
        ):
            language = language_by_request(asked, language_of(voice))
            self.assertEqual(language and language.code, spoken)

    def test_another_language_is_none(self) -> None:
        for voice, asked in (("ef_dora", "en"), ("af_bella", "es"), ("ef_dora", "en-gb"), ("ef_dora", "xx")):
            self.assertIsNone(language_by_request(asked, language_of(voice)))

    def test_codes_begin_with_the_shortest(self) -> None:
        self.assertEqual(codes_of(language_of("bf_emma")), ["en", "en-us", "en-gb"])
        self.assertEqual(codes_of(language_of("ef_dora")), ["es"])
        self.assertEqual(codes_of(language_of("pf_dora")), ["pt", "pt-br"])
