import unittest
from functools import partial
from typing import Any

from core_engine.kokoro.text.foreign_text import foreign_text
from core_engine.tests.growth import LINEAR, growth

LANGUAGES = ("es", "fr-fr", "it", "pt-br", "hi")


class ForeignTextTests(unittest.TestCase):
    def assert_read(self, language: str, rows: Any) -> None:
        for written, read in rows.items():
            with self.subTest(written, language=language):
                self.assertEqual(foreign_text(written, language), read)

    def test_titles_lose_their_full_stop(self) -> None:
        self.assert_read("es", {"El Sr. Gil y la dra. Ríos.": "El señor Gil y la doctora Ríos."})
        self.assert_read("fr-fr", {"M. Roy et Mlle Roy.": "monsieur Roy et mademoiselle Roy."})
        self.assert_read("it", {"La Sig.ra Neri e il dott. Neri.": "La signora Neri e il dottor Neri."})
        self.assert_read("pt-br", {"o sr. Lima": "o senhor Lima"})
        self.assert_read("hi", {"डॉ. शर्मा": "डॉक्टर शर्मा"})

    def test_abbreviation_at_the_end_of_a_sentence_ends_it(self) -> None:
        self.assert_read("es", {"pan, etc. Nadie": "pan, etcétera. Nadie", "pan, etc. y vino": "pan, etcétera y vino"})
        self.assert_read("it", {"pane, ecc.": "pane, eccetera.", "nel 44 a.C. morì": "nel 44 avanti Cristo morì"})

    def test_m_for_metres_is_not_monsieur(self) -> None:
        self.assert_read("fr-fr", {"Il mesure 5 m. Il est grand.": "Il mesure 5 m. Il est grand."})

    def test_parts_of_words_are_unchanged(self) -> None:
        self.assert_read("es", {"el nosr. Gil": "el nosr. Gil", "etcaetera": "etcaetera"})

    def test_money_follows_its_amount(self) -> None:
        self.assert_read("es", {"$5,50 y 1 €": "5,50 dólares y 1 euro", "1.000 €": "1.000 euros"})
        self.assert_read("pt-br", {"R$ 20 e $3": "20 reais e 3 dólares"})
        self.assert_read("hi", {"₹500": "500 रुपये"})

    def test_numbers_are_left_to_espeak(self) -> None:
        for language in LANGUAGES:
            self.assert_read(language, {"1.234,5 10-15 12:30 1984": "1.234,5 10-15 12:30 1984"})

    def test_marks_are_those_of_the_model(self) -> None:
        self.assert_read("hi", {"वह आया। क्यों?": "वह आया. क्यों?"})
        self.assert_read("fr-fr", {"« Quoi\u202f? » dit-il\u00a0; [non]": "“Quoi?” dit-il; (non)"})
        self.assert_read("es", {"—¿ Qué ? —dijo": "—¿Qué? —dijo"})

    def test_any_flood_grows_linearly(self) -> None:
        for flood in ("a", "1 ", "1", "$", "Sr. ", "etc. ", ". ", " ", "« ", "EE. ", "1.", "\n"):
            for language in LANGUAGES:
                with self.subTest(flood, language=language):
                    self.assertLess(growth(partial(foreign_text, language=language), flood, 10_000), LINEAR)
