import random
import unittest
from collections.abc import Sequence

from core_engine.kokoro.languages import V0_19, V1_0
from core_engine.kokoro.speech.synthesis import Kokoro, Speech
from core_engine.kokoro.speech.throughput import Line, speak_each
from core_engine.kokoro.text.chunks import text_to_chunks
from core_engine.kokoro.text.ipa import check_phonemes, phonemes_of
from core_engine.kokoro.text.phonemes import phonemize
from core_engine.kokoro.text.pronunciations import speak_with
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.places import models_dir
from core_engine.reading.aloud import read_aloud, read_as_written, spoken_text
from core_engine.reading.errors import LexiconError
from core_engine.reading.lexicon import NO_LEXICON, Lexicon
from core_engine.tests.growth import LINEAR, growth

NAMES = Lexicon.parse(
    """
# The names of the story
Cholmondeley = Chumley   # as the English say it
St. John = Sinjin
C# = see sharp
Doyle = Doyle Junior
Moriarty = /ˌmɔːriˈɑːrti/
FBI=/fˈɛbi/
iolanthe = /ˌaɪəˈlænθi/
Polish = /pˈoʊlɪʃ/
O'Dea = /oʊdˈeɪ/
"""
)


def phonemes(text: str, lexicon: Lexicon = NAMES, language: str = "en-us", version: str = V0_19) -> str:
    """Return what the model gets for `text`."""
    spoken = spoken_text(text, language, lexicon)
    chunks = text_to_chunks(spoken, language, version=version, lexicon=lexicon)
    return "".join((" " if chunk.follows_space else "") + chunk.phonemes for chunk in chunks)


class ListTests(unittest.TestCase):
    def test_wrong_lines_are_named(self) -> None:
        for text, says in (
            ("a = b\nword", r"line 2, is 'word'"),
            ("\n= b", "line 2"),
            ("word =", "line 1"),
            ("word = /pˈoʊ/\n\nword = b", "line 3, repeats 'word' of line 1"),
            ("7th = /sˈɛvənθ/", "line 1, has phonemes for '7th'.*respelling"),
            ("a = " + "b" * 300, "line 1, is too long"),
        ):
            with self.subTest(text=text), self.assertRaisesRegex(LexiconError, says):
                Lexicon.parse(text, "names.txt")

    def test_unknown_phonemes_name_line_word_and_symbol(self) -> None:
        for spoken, symbol in (("hˈ5m", "'5'"), ("hɔ̈m", r"U\+0308"), ("BBC", "'B'"), ("hˈoʊm!", "'!'"), ("ʜaʊ", "'ʜ'")):
            lexicon = Lexicon.parse(f"# one\nhome = /{spoken}/", "names.txt")
            with (
                self.subTest(spoken=spoken),
                self.assertRaisesRegex(LexiconError, f"names.txt, line 2, .*{symbol}.*home"),
            ):
                check_phonemes(lexicon, V1_0)

    def test_phonemes_of_one_version_are_refused_by_the_other(self) -> None:
        lexicon = Lexicon.parse("bird = /bˈɝd/")
        check_phonemes(lexicon, V0_19)
        with self.assertRaisesRegex(LexiconError, "'ɝ'.*v1.0"):
            check_phonemes(lexicon, V1_0)

    def test_notation_of_dictionaries_becomes_that_of_the_model(self) -> None:
        for written, version, model in (
            ("ˈstriːt.ˌlaɪt", V0_19, "stɹˈiːtlˌaɪt"),
            ("'gəʊ", V0_19, "ɡˈəʊ"),
            ("t͡ʃɜːtʃ", V1_0, "tʃɜːtʃ"),
            ("kˈOkəɹO", V0_19, "kˈoʊkəɹoʊ"),
            ("kˈOkəɹO", V1_0, "kˈOkəɹO"),
            ("bɔ̃ʒˈuːɹ", V1_0, "bɔ\u0303ʒˈuːɹ"),
        ):
            entry = Lexicon.parse(f"word = /{written}/").entries[0]
            self.assertEqual(phonemes_of(entry, version, ""), model)


class WordsTests(unittest.TestCase):
    def test_whole_words_in_any_case_unless_given_with_capitals(self) -> None:
        for text, found in (
            ("Moriarty, MORIARTY, moriarty, Moriartys", ["Moriarty", "MORIARTY"]),
            ("Iolanthe iolanthe IOLANTHE", ["Iolanthe", "iolanthe", "IOLANTHE"]),
            ("The Polish polish", ["Polish"]),
            ("Moriarty's Moriarty’ll Moriarty-like", ["Moriarty"] * 3),
            ("O’Dea and O'Dea’s", ["O’Dea", "O'Dea"]),
            ("St.\n John, St. Johns", ["St.\n John"]),
            ("C# and C", ["C#"]),
        ):
            with self.subTest(text=text):
                self.assertEqual([text[each.start : each.end] for each in NAMES.find(text)], found)

    def test_parts_of_contractions_are_no_words(self) -> None:
        lexicon = Lexicon.parse("don = dawn\nclock = klock\nwe = wee")
        self.assertEqual(read_as_written("don't, o'clock, we're, Don", lexicon).text, "don't, o'clock, wee're, dawn")

    def test_longest_entry_wins(self) -> None:
        lexicon = Lexicon.parse("New = one\nNew York = two")
        self.assertEqual(read_as_written("New, New York", lexicon).text, "one, two")

    def test_respellings_are_made_once_and_keep_their_places(self) -> None:
        reading = read_aloud("Dr. Doyle met St. John in 1905.", "en-us", NAMES)
        self.assertEqual(reading.text, "Doctor Doyle Junior met Sinjin in nineteen oh five.")
        word = next(word for word in reading.words if reading.text[word.start : word.end] == "Sinjin")
        self.assertEqual(reading.written[word.written_start : word.written_end], "St. John")

    def test_words_with_phonemes_are_not_spelled_out(self) -> None:
        self.assertEqual(spoken_text("The FBI and the CIA", "en-us", NAMES), "The FBI and the C I A")

    def test_respellings_are_used_in_every_language(self) -> None:
        self.assertEqual(spoken_text("Cholmondeley à 7 h", "fr-fr", NAMES), "Chumley à 7 h")

    def test_long_list_reads_a_text_in_linear_time(self) -> None:
        lexicon = Lexicon.parse("\n".join(f"name{number} = other{number}" for number in range(5000)))
        self.assertLess(growth(lambda text: list(lexicon.find(text)), "name7 and a word ", 5_000), LINEAR)


class SpokenTests(unittest.TestCase):
    def test_given_phonemes_reach_the_model_and_the_words_around_stay(self) -> None:
        for text, spoken in (
            ("He went to Moriarty.", "hiː wɛnt tə mˌɔːɹiˈɑːɹti."),
            ("The Iolanthe, the FBI!", "ðɪ ˌaɪəlˈænθi, ðə fˈɛbi!"),
            ("MORIARTY’S hat", "mˌɔːɹiˈɑːɹtiz hˈæt"),
            ("Moriarty'll come", "mˌɔːɹiˈɑːɹtiəl kˈʌm"),
            ("Moriarty", "mˌɔːɹiˈɑːɹti"),
        ):
            with self.subTest(text=text):
                self.assertEqual(phonemes(text), spoken)

    def test_possessive_sounds_as_in_speech(self) -> None:
        lexicon = Lexicon.parse("x = /dʒˈæk/\ny = /dʒˈɒn/\nz = /dʒˈeɪmz/")
        self.assertEqual(phonemes("x's y's z's", lexicon), "dʒˈæks dʒˈɒnz dʒˈeɪmzɪz")

    def test_other_languages_and_v1_0(self) -> None:
        self.assertIn("mˌɔːɹiˈɑːɹti", phonemes("¿Dónde vive Moriarty?", language="es", version=V1_0))
        self.assertIn("mˌɔːɹiˈɑːɹti", phonemes("“Moriarty lives.”", language="en-gb", version=V1_0))

    def test_texts_between_are_read_alone_where_the_stand_in_is_lost(self) -> None:
        def deaf(texts: Sequence[str]) -> list[str]:
            return [" ".join("x" for _ in text.split()) for text in texts]

        said = speak_with(NAMES, V0_19, ["Now Moriarty's man, the FBI man", "no name", "Moriarty"], deaf)
        self.assertEqual(said, ["x mˌɔːɹiˈɑːɹtiz x x fˈɛbi x", "x x", "mˌɔːɹiˈɑːɹti"])

    def test_nothing_is_lost_whatever_stands_around(self) -> None:
        given = {"Moriarty": "mˌɔːɹiˈɑːɹti", "FBI": "fˈɛbi", "iolanthe's": "ˌaɪəlˈænθiz"}
        around = [*given, "the", "of", "a", "go", "—", ",", "7", "'", "Zola", "”"]
        for seed in range(150):
            words = random.Random(seed).choices(around, k=12)
            with self.subTest(words=words):
                said = phonemes(" ".join(["So", *words]))
                self.assertEqual([said.count(sound) for sound in given.values()], [words.count(word) for word in given])

    def test_list_reaches_every_way_to_speak(self) -> None:
        kokoro = Kokoro.load(model_path(BUILT_IN, models_dir()))
        lexicon = Lexicon.parse("home = /ˈɛksɛtɚɹɑːnɚmɛntɪd/")
        (line,) = speak_each(kokoro, [Line("home", "af_bella", 1.0, lexicon)], 1)
        spoken = kokoro.speak("home", "af_bella", lexicon=lexicon)
        assert isinstance(line, Speech)
        self.assertEqual(line.audio.size, spoken.audio.size)
        self.assertGreater(spoken.audio.size, 1.3 * kokoro.speak("home", "af_bella").audio.size)

    def test_empty_list_changes_nothing(self) -> None:
        text = "He went to Moriarty's house."
        self.assertEqual(phonemes(text, NO_LEXICON), phonemize(text))
