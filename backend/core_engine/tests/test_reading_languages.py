from django.test import SimpleTestCase

from core_engine.reading.languages import first_mismatch, language_in, mismatch

TEXTS = {
    "English": "The keeper lit the lamp, and it was a quarter past six when he came down again.",
    "German": "Der Hund ist nicht im Haus, und wir wissen nicht, wo er ist.",
    "French": "Le chat est dans la maison, et il ne veut pas sortir avec nous.",
    "Spanish": "El perro está en la casa y no quiere salir con nosotros.",
    "Italian": "Il gatto è nella casa e non vuole uscire con noi per la notte.",
    "Portuguese": "O gato está em casa e não quer sair com a gente, mas ele é bom.",
    "Dutch": "De hond is niet in het huis en wij weten niet waar hij is.",
    "Polish": "Nie wiem, co się stało, ale jest już za późno na to.",
    "Chinese": "他昨天去了北京，今天回来。",
    "Japanese": "昨日は東京に行きました。",
    "Korean": "어제 서울에 갔습니다.",
    "Russian": "Он вчера приехал в Москву.",
    "Ukrainian": "Він учора приїхав до Києва.",
    "Greek": "Ο σκύλος είναι στο σπίτι.",
    "Arabic": "ذهب إلى المدينة أمس.",
    "Hindi": "वह कल दिल्ली गया।",
    "Hebrew": "הוא הלך אתמול לעיר.",
}


class LanguageTests(SimpleTestCase):
    def test_language_in_each_language(self) -> None:
        for language, text in TEXTS.items():
            with self.subTest(language):
                self.assertEqual(language_in(text), language)
                self.assertEqual(language_in(text * 400), language)

    def test_language_unclear(self) -> None:
        for text in (
            "",
            "...",
            "12 + 5",
            "Ho!",
            "Anna, Berlin",
            "Das Boot",
            "Déjà vu",
            "He said 你好 to the whole room.",
        ):
            self.assertIn(language_in(text), (None, "English"), text)

    def test_mismatch_names_language_and_voice(self) -> None:
        found = mismatch(TEXTS["Chinese"], "af_bella")
        assert found
        self.assertEqual((found.language, found.suggestion), ("Chinese", "zf_xiaobei"))
        self.assertIn("Chinese", str(found))
        self.assertIn("zf_xiaobei", str(found))
        german, english = mismatch(TEXTS["German"], "bm_george"), mismatch(TEXTS["English"], "ff_siwis")
        assert german
        assert english
        self.assertIsNone(german.suggestion)
        self.assertEqual(english.suggestion, "af_bella")

    def test_mismatch_none_if_the_voice_reads_it(self) -> None:
        for voice, language in (("af_bella", "English"), ("ef_dora", "Spanish"), ("jf_alpha", "Japanese")):
            self.assertIsNone(mismatch(TEXTS[language], voice))
        self.assertIsNone(
            first_mismatch([(TEXTS["English"], "bf_emma"), ("...", "bf_emma"), (TEXTS["French"], "ff_siwis")])
        )
        found = first_mismatch([(TEXTS["English"], "bf_emma"), (TEXTS["Russian"], "bf_emma")])
        assert found
        self.assertEqual(found.language, "Russian")
