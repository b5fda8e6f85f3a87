import numpy as np
from django.test import SimpleTestCase

from core_engine.kokoro.vocabulary import PAD_ID, VOCABULARY, padded, token_ids, within_vocabulary


class VocabularyTests(SimpleTestCase):
    def test_vocabulary_known_ids(self) -> None:
        for symbol, token_id in {
            "$": 0,
            ";": 1,
            " ": 16,
            "A": 17,
            "a": 43,
            "ɑ": 69,
            "'": 176,
            "\u0329": 175,
            "ᵻ": 177,
        }.items():
            self.assertEqual(VOCABULARY[symbol], token_id)

    def test_vocabulary_has_177_symbols_because_the_apostrophe_is_listed_twice(self) -> None:
        self.assertEqual(len(VOCABULARY), 177)
        self.assertEqual(max(VOCABULARY.values()), 177)
        self.assertNotIn(174, VOCABULARY.values())

    def test_token_ids_dollar_never_becomes_the_pad(self) -> None:
        self.assertEqual(token_ids("a$b"), [43, 44])
        self.assertNotIn(PAD_ID, token_ids("".join(VOCABULARY)))

    def test_token_ids_one_for_every_symbol_kept(self) -> None:
        phonemes = within_vocabulary("h(ə)lˈoʊ\n\u0303[$]!")
        self.assertEqual(phonemes, "həlˈoʊ!")
        self.assertEqual(len(token_ids(phonemes)), len(phonemes))

    def test_padded_shape_and_type(self) -> None:
        tensor = padded([50, 83])
        self.assertEqual(tensor.tolist(), [[0, 50, 83, 0]])
        self.assertEqual(tensor.dtype, np.int64)
        self.assertEqual(padded([]).shape, (1, 2))
