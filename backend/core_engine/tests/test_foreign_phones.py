import unittest

from core_engine.kokoro.errors import UnsupportedLanguageError
from core_engine.kokoro.text.espeak import to_ipa
from core_engine.kokoro.text.foreign_phones import foreign_phones
from core_engine.kokoro.vocabulary import VOCABULARY_V1_0

SENTENCES = {
    "es": "La cigüeña voló hacia el pequeño río llamado Guadalquivir y halló un huevo",
    "fr-fr": "Un bon vin blanc, où les amis ont mangé des œufs à la campagne hier soir",
    "it": "Gli gnocchi e la pizza di mezzogiorno sciolsero ogni angoscia del figlio",
    "pt-br": "As manhãs são boas, os cães também, e perguntou muito ao coração da mãe",
    "hi": "लड़की पहाड़ी पर चढ़कर हाँ कहती है और बच्चों को घर में भूख लगती है",
}
SILENT = {"-", "\u200d"}
"""Characters in espeak-ng's output that are not phones."""


class ForeignPhonesTests(unittest.TestCase):
    def test_one_phone_is_one_letter(self) -> None:
        for language, word, letters in (
            ("es", "chico", "ʧˈiko "),
            ("it", "pizza", "pˈiʦːa "),
            ("it", "giorno", "ʤˈorno "),
            ("it", "mezzo", "mˈɛʣːo "),
            ("es", "rey", "rˈA "),
        ):
            self.assertEqual(foreign_phones([word], language), [letters], word)

    def test_every_phone_is_in_the_vocabulary(self) -> None:
        for language, sentence in SENTENCES.items():
            spoken = foreign_phones([sentence], language)[0]
            self.assertEqual(set(spoken) - set(VOCABULARY_V1_0) - SILENT, set(), spoken)

    def test_nasal_vowels_keep_their_tilde(self) -> None:
        self.assertEqual(foreign_phones(["हाँ"], "hi"), ["hˈa\u0303 "])
        self.assertIn("ɔ\u0303", foreign_phones(["bon"], "fr-fr")[0])

    def test_hindi_flap_adds_no_full_stop(self) -> None:
        self.assertIn("r.", to_ipa(["लड़की"], "hi")[0])
        self.assertEqual(foreign_phones(["लड़की"], "hi"), ["lˈʌɽkˌi "])

    def test_numbers_are_read_in_the_language(self) -> None:
        self.assertEqual(foreign_phones(["3,14"], "es")[0].split()[:2], ["tɾˈes", "komˌa"])
        self.assertEqual(foreign_phones(["1.000"], "fr-fr"), ["mˈil "])

    def test_language_that_espeak_does_not_read_is_refused(self) -> None:
        with self.assertRaises(UnsupportedLanguageError):
            foreign_phones(["你好"], "zh")
