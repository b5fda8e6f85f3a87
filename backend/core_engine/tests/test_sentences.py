"""Where sentences end, in the languages that the segmenter offers."""

import random

from django.test import SimpleTestCase

from core_engine.reading.parts import sentences_of
from core_engine.reading.sentences import Rank
from core_engine.tests.growth import LINEAR, growth

SENTENCES = {
    "en": (
        "Dr. Hale met J. K. Marsh at 7:30 p.m. in St. Ives, at No. 5.", "“Is it you?” she asked.", "It cost £3.50!",
        "“Go.”", "The U.S. ship was late... She waited.", "Is it?!", "(Nobody came.)", "Then, silence…",
    ),
    "de": (
        "Am 3. Mai 1888 kam Hr. Dr. Meier, z. B. mit Äpfeln.", "„Komm!“", "Dann ging er.", "»Nein.«", "Sie lachte.",
        "Der 2. Weltkrieg begann ca. 1939, d. h. früh.", "„Ja?“, fragte sie.",
        "Er las Bd. 3 u. a. wegen S. 7 und Abb. 5a.",
        "Es gab Brot, Äpfel usw.", "Man aß.",
    ),
    "fr": (
        "M. Roy dit : « Non ! »", "Il pleut ; on rentre.", "« Oui ? » demanda-t-il.", "Le Dr. Petit vit Mgr. Bo.",
        "L’an 1900 finit.",
    ),
    "es": (
        "El Sr. Gil vio 3,5 casas.", "¿Quién vive allí?", "¡Nadie!", "—¿Vienes? —preguntó ella.", "—Sí.",
        "Ud. sabe, p. ej. por la pág. 5, que no.", "EE. UU. ganó.",
    ),
    "it": ("Il dott. Neri e la Sig.ra Bo arrivano alle 12:30.", "Che dice?", "«Niente!»", "Era l’ing. Rossi."),
    "pt": ("O Sr. Lima não veio.", "Quem sabe?", "A Dra. Ana riu.", "— Não! — disse a profa. Eva."),
    "nl": ("Dhr. Jansen kwam, bijv. met de fiets.", "Hij lachte.", "Mevr. De Vries las blz. 3."),
    "pl": ("Prof. Nowak mieszka przy ul. Polnej.", "Kto to?", "Był 3. Maja, tzn. wiosną."),
    "ru": ("Проф. Иванов жил на ул. Ленина.", "«Кто это?» — спросил он.", "Это я.", "Он молчал на стр. 5."),
    "zh": ("他来了。", "“走吧。”", "然后他走了！", "真的吗？"),
    "ja": ("彼は来た。", "「行こう。」と彼は言った。", "「本当？」", "「はい。」", "雨だ！"),
    "ko": ("그는 왔다.", "정말?", "네!"),
    "hi": ("डॉ. शर्मा घर गए।", "वह कौन है?", "मैं हूँ।"),
    "ar": ("من هناك؟", "لا أحد.", "جاء الرجل!"),
    "el": ("Ποιος είναι;", "Ο κ. Νίκος ήρθε."),
    "tr": ("Dr. Ali 3. Mayıs günü geldi.", "Kim?"),
    "cs": ("Dr. Novák přišel 3. května.", "Kdo?", "„Nikdo.“", "Odešel."),
    "hu": ("Dr. Nagy 3. Béla után jött.", "Ki az?"),
    "fi": ("Esim. Prof. Salo tuli 3. Toukokuuta.", "Kuka?"),
    "da": ("Hr. Holm kom d. 3. Maj.", "»Hvem?«", "Ingen."),
    "no": ("Hr. Dahl kom, f.eks. Mandag.", "Hvem?"),
    "sv": ("Fr. Lind kom, t.ex. Måndag.", "Vem?"),
    "he": ("מי שם?", "אף אחד.", "הוא בא!"),
    "ms": ("Siapa itu?", "Tiada siapa."),
    "sw": ("Bw. Juma alikuja.", "Nani?"),
}  # fmt: skip
_WITHOUT_SPACES = ("zh", "ja")


def found_in(text: str, language: str) -> list[str]:
    return [text[part.start : part.end] for part in sentences_of(text, language)]


class SentencesTests(SimpleTestCase):
    def test_sentences_of_every_language(self) -> None:
        for language, sentences in SENTENCES.items():
            with self.subTest(language):
                text = ("" if language in _WITHOUT_SPACES else " ").join(sentences)
                self.assertEqual(found_in(text, language), list(sentences))

    def test_sentences_have_only_space_between_them(self) -> None:
        for language, sentences in SENTENCES.items():
            text = "\n\n".join([" ".join(sentences), "\t".join(sentences)])
            with self.subTest(language):
                self.assertEqual("".join("".join(found_in(text, language)).split()), "".join(text.split()))

    def test_sentences_of_noise_lose_nothing(self) -> None:
        chance = random.Random(7)
        marks = " \n.…?!;,“”„»«「」。'\"()-—aBÄй汉5ा"
        for _ in range(300):
            text = "".join(chance.choices(marks, k=40))
            parts = list(sentences_of(text, chance.choice(list(SENTENCES))))
            positions = [0, *(position for part in parts for position in (part.start, part.end)), len(text)]
            self.assertEqual(positions, sorted(positions))
            outside = "".join(text[end:start] for end, start in zip(positions[::2], positions[1::2], strict=True))
            self.assertEqual(outside.strip(), "", text)

    def test_sentences_know_where_paragraphs_begin(self) -> None:
        parts = list(sentences_of("\n\nOne\n \nTwo. Three.\n\n\nFour.", "en"))
        self.assertEqual([part.rank is Rank.PARAGRAPH for part in parts], [True, True, False, True])

    def test_sentences_region_changes_nothing(self) -> None:
        for region in ("de-at", "de"):
            self.assertEqual(len(found_in("Am 3. Mai z. B. Regen. Ende.", region)), 2)

    def test_sentences_take_linear_time(self) -> None:
        for text in ("a", ". ", "Dr. ", "„Ja?“ ", "。」", " \n", "z. B. ", "!”’“ ", " »"):
            with self.subTest(text):
                self.assertLess(growth(lambda flood: list(sentences_of(flood, "de")), text, 20_000), LINEAR)
