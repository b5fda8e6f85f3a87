"""Which phonemes are which word's, where espeak-ng merges, splits and changes words."""

import random
import unittest
from itertools import pairwise

from core_engine.kokoro.languages import V0_19, V1_0
from core_engine.kokoro.text.alignment import word_spans
from core_engine.kokoro.text.chunks import SILENT
from core_engine.kokoro.text.phonemes import phonemize
from core_engine.kokoro.text.text_sides import phonemize_words
from core_engine.reading.aloud import read_aloud


def aligned(text: str, language: str = "en-us", version: str = V0_19) -> list[tuple[str, str]]:
    """Return each word of a text with its phonemes."""
    words = text.replace("—", " ").split()
    phonemes = phonemize(text, language, version)
    spans = word_spans(phonemize_words(words, language, version), phonemes)
    return [(word, phonemes[span.start : span.end]) for word, span in zip(words, spans, strict=True)]


class WordSpanTests(unittest.TestCase):
    def test_merged_words_are_taken_apart(self) -> None:
        self.assertEqual(phonemize("of the people was a"), "ʌvðə pˈiːpəl wʌzɐ")
        found = aligned("of the people was a")
        self.assertEqual([phonemes for _, phonemes in found], ["ʌv", "ðə", "pˈiːpəl", "wʌz", "ɐ"])

    def test_split_words_stay_together(self) -> None:
        found = dict(aligned("The BBC of 1984 has $5 and a thirty-four, more or less.", "en-gb"))
        self.assertEqual(found["BBC"], "bˌiːbˌiːsˈiː")
        self.assertEqual(found["1984"], "nˈaɪntiːn ˈeɪti fˈɔː")
        self.assertEqual(found["$5"], "fˈaɪv dˈɒləz")
        self.assertEqual(found["thirty-four,"], "θˈɜːtifˈɔː")

    def test_words_read_otherwise_beside_others_are_found(self) -> None:
        self.assertEqual(aligned("the apple to the end")[0], ("the", "ðɪ"))
        self.assertEqual([word for _, word in aligned("I used to go to")], ["aɪ", "jˈuːzd", "tə", "ɡˈoʊ", "tuː"])

    def test_marks_belong_to_no_word(self) -> None:
        found = aligned("“Yes!” he said—“no, (not) now...”", version=V1_0)
        self.assertEqual([word for _, word in found], ["jˈɛs", "hiː", "sˈɛd", "nˈoʊ", "nˈɑːt", "nˈaʊ"])

    def test_words_of_other_languages_are_found(self) -> None:
        for language, text, last in (
            ("es", "El Sr. López pagó 25 € ayer.", "ayer"),
            ("fr-fr", "Elle a 3 chats et l'homme s'en va.", "va"),
            ("hi", "मेरा घर नदी के पास है।", "है"),
        ):
            found = aligned(text, language, V1_0)
            self.assertTrue(all(phonemes for _, phonemes in found), found)
            self.assertEqual(found[-1][1], phonemize(last, language, V1_0))
        self.assertEqual(dict(aligned("El Sr. López", "es", V1_0))["Sr."], "seɲˈoɾ")

    def test_word_without_sound_is_empty_where_it_stands(self) -> None:
        words = ["one", "\u2603", "two"]
        phonemes = phonemize("one two")
        spans = word_spans(["wˈʌn", "", "tˈuː"], phonemes)
        self.assertEqual([phonemes[span.start : span.end] for span in spans], ["wˈʌn", "", "tˈuː"])
        self.assertEqual(len(words), len(spans))

    def test_nothing_to_align(self) -> None:
        self.assertEqual(word_spans([], ""), [])
        self.assertEqual([(span.start, span.end) for span in word_spans(["a", "b"], "")], [(0, 0), (0, 0)])

    def test_phonemes_of_a_pronunciation_list_do_not_move_the_neighbours(self) -> None:
        alone = phonemize_words(["Mister", "Cholmondeley", "came", "home"], "en-us", V0_19)
        spoken = "mˈɪstɚ tʃˈʌmli kˈeɪm hˈoʊm"
        spans = word_spans(alone, spoken)
        self.assertEqual([spoken[span.start : span.end] for span in spans], spoken.split())


class LongTextTests(unittest.TestCase):
    """Texts of many windows, whose words espeak-ng would say in the same way alone."""

    WORDS = ("lantern", "keeper", "window", "seventeen", "boats", "quarter", "hungry", "mountain", "silver", "garden")

    def test_every_word_of_a_long_text_is_exact(self) -> None:
        chosen = random.Random(5)
        words = [chosen.choice(self.WORDS) for _ in range(2000)]
        for number in range(7, 2000, 11):
            words[number] += chosen.choice([",", ".", "!", ";"])
        for word, phonemes in aligned(" ".join(words)):
            self.assertEqual(phonemes, phonemize(word.rstrip(",.!;")))

    def test_lost_and_added_phonemes_stay_local(self) -> None:
        chosen = random.Random(6)
        words = [chosen.choice(self.WORDS) for _ in range(600)]
        alone = phonemize_words(words, "en-us", V0_19)
        groups = phonemize(" ".join(words)).split(" ")
        groups[300:310] = ["zˈuː"]
        spoken = " ".join(groups)
        spans = word_spans(alone, spoken)
        for number in (*range(295), *range(320, 600)):
            self.assertEqual(spoken[spans[number].start : spans[number].end], alone[number])

    def test_every_sound_belongs_to_one_word(self) -> None:
        text = read_aloud("Dr. Watson of the U.S. paid £5m at 7:45 p.m.—on 21/11/1984, it's said. " * 12).text
        words = text.replace("—", " ").split()
        phonemes = phonemize(text)
        spans = word_spans(phonemize_words(words, "en-us", V0_19), phonemes)
        self.assertTrue(all(before.end <= after.start for before, after in pairwise(spans)))
        outside = set(range(len(phonemes))).difference(*(range(span.start, span.end) for span in spans))
        self.assertEqual([phonemes[index] for index in sorted(outside) if phonemes[index] not in SILENT], [])


class WordsAloneTests(unittest.TestCase):
    def test_words_alone_are_those_of_single_texts(self) -> None:
        words = ["Dr.", "Watson,", "(and", "1984", "“isn't”", "$5", "🙂"]
        for version in (V0_19, V1_0):
            alone = phonemize_words(words, "en-gb", version)
            self.assertEqual([sounds(word) for word in alone], [sounds(phonemize(w, "en-gb", version)) for w in words])

    def test_dash_in_a_word_is_no_cut(self) -> None:
        self.assertEqual(len(phonemize_words(["a—b", "c"], "en-us", V0_19)), 2)


def sounds(phonemes: str) -> str:
    return "".join(symbol for symbol in phonemes if symbol not in SILENT)
