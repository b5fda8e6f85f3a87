import re
from itertools import pairwise
from pathlib import Path

from django.test import SimpleTestCase

from core_engine.kokoro.text.phonemes import phonemize
from core_engine.reading.aloud import read_aloud, spoken_text
from core_engine.reading.order import PASSES
from core_engine.reading.romans import roman_value, to_roman
from core_engine.tests.growth import LINEAR, growth

TABLE = Path(__file__).parent / "data" / "written_forms.tsv"
STORY = Path(__file__).parents[3] / "examples" / "the-red-headed-league.md"

FRAMES = (
    "{}",
    "We saw {} there.",
    "He wrote “{}” twice.",
    "It was ({}), they said.",
    "So {}!",
    "On that long and rainy afternoon nobody in the old house had thought of {}, but it did not matter to them at all.",
    "The last words were {}",
)
"""Contexts of a form: alone, within, quoted, in brackets, before a mark, far from both ends, at the end."""

PLAIN = (
    "The lighthouse keeper climbed the stairs at dusk, carrying a lantern and a book of old letters.",
    "“I’m here,” she said, ‘and it isn’t raining.’",
    "She paused; the door was open: nobody answered!",
    "The «old» house — the one by the sea — was sold…",
    "Mother-in-law's tongue, an e-mail, a co-operative and a well-known re-entry.",
    "So did I. Then I went home with Henry I had met in town.",
    "In chapter one I wrote, and in Part I wrote again; no mix was civil, and the lid was dim.",
    "ALL CAPS SENTENCES ARE SHOUTED. STOP IT NOW! TELL US WHO YOU ARE! GIVE IT TO ME!",
    "IT was the best of times; it was the worst of times.",
    "Cafe, naïve, façade, über, jalapeño. Hmm. Uh-huh. Shh! Psst. MY, HMM, WHY?",
    "He may march in May; the sun sat down on Sat the cat. No. I won't. In the end, no.",
    "Wait!! What?! Never mind... the lamb was sure to go! (He said, quietly.) [A note.]",
    "The first of the second; one hundred and one; nine o'clock; a third.",
)

PARTS = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def table() -> list[tuple[str, str, str]]:
    """Return the written, American and British form of every row."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("# "))
    return [(written, spoken[0], spoken[-1]) for written, *spoken in rows]


def compared(text: str) -> list[str]:
    """Return the words of a text in lower case, without marks, split at hyphens."""
    return PARTS.findall(text.lower().replace("’", "'"))


class FormsTests(SimpleTestCase):
    def test_a_text_without_the_sign_of_a_group_has_none_of_its_forms(self) -> None:
        groups = [group for each in PASSES for group in each]
        texts = [*PLAIN, *(frame.format(written) for written, *_ in table() for frame in FRAMES[:5])]
        passed_over = 0
        for text in texts:
            for group in groups:
                if not group.has_sign(text):
                    passed_over += len(group.forms)
                    self.assertEqual([form.written for form in group.forms if form.pattern.search(text)], [], text)
        self.assertGreater(passed_over, 50 * len(texts))

    def test_read_aloud_every_form_everywhere(self) -> None:
        for written, american, british in table():
            for frame in FRAMES:
                for language, spoken in (("en-us", american), ("en-gb", british)):
                    text = frame.format(written)
                    with self.subTest(text=text, language=language):
                        self.assertEqual(compared(read_aloud(text, language).text), compared(frame.format(spoken)))

    def test_read_aloud_leaves_no_digit(self) -> None:
        for written, *_ in table():
            self.assertIsNone(re.search(r"\d", spoken_text(written)), written)
        self.assertNotRegex(spoken_text("a1b2c3 9z 0x1F 1'000 5,6,7.8.9 3/4/5 1-2-3-4 ٣"), "[0-9]")

    def test_read_aloud_pause_marks_are_those_of_the_model(self) -> None:
        for written, spoken in (
            ("wait -- what", "wait — what"),
            ("wait--what", "wait—what"),
            ("wait – what", "wait — what"),
            ("wait - what", "wait — what"),
            ("I was--", "I was—"),
            ("well-known", "well-known"),
            ("London–Paris", "London-Paris"),
        ):
            self.assertEqual(spoken_text(written), spoken)

    def test_read_aloud_sentence_ends_stay(self) -> None:
        for written, spoken in (
            ("At 5 p.m. Then he left.", "At five P M. Then he left."),
            ("At 5 p.m. he left.", "At five P M he left."),
            ("At 5 p.m. on Monday.", "At five P M on Monday."),
            ("In the U.S. Then he left.", "In the U S. Then he left."),
            ("The U.S. Army left.", "The U S Army left."),
            ("He lives on Main St.", "He lives on Main Street."),
            ("Bread, milk, etc. Then home.", "Bread, milk, et cetera. Then home."),
        ):
            self.assertEqual(spoken_text(written), spoken)

    def test_read_aloud_ambiguous_forms_depend_on_context(self) -> None:
        for written, spoken in (
            ("St. James lived on Main St. in St. Louis.", "Saint James lived on Main Street in Saint Louis."),
            ("Dr. Smith lives at 12 Elm Dr.", "Doctor Smith lives at twelve Elm Drive."),
            ("IT is hard, and the IT man knows it.", "IT is hard, and the I T man knows it."),
            ("Give it to US troops, not to us.", "Give it to U S troops, not to us."),
            ("No. 5 said no. No. I won't.", "Number five said no. No. I won't."),
            (
                "Elizabeth I was queen. With Elizabeth I was happy.",
                "Elizabeth the first was queen. With Elizabeth I was happy.",
            ),
            ('"I have 12" he said, "and a 12" rule."', '"I have twelve" he said, "and a twelve" rule."'),
            ("1500 people came in 1500.", "one thousand five hundred people came in fifteen hundred."),
        ):
            self.assertEqual(spoken_text(written), spoken)

    def test_read_aloud_letter_a_is_not_the_article(self) -> None:
        reading = read_aloud("The C.I.A. men came at 3 a.m. today.")
        self.assertEqual(reading.text, "The C I A- men came at three A-M today.")
        self.assertEqual(reading.printed, "The C I A men came at three A-M today.")
        self.assertNotIn("ɐ", phonemize(reading.text).replace("sˈiː aɪ ˈeɪ", ""))

    def test_roman_value_accepts_exactly_the_standard_forms(self) -> None:
        for number in (*range(1, 60), 90, 99, 400, 444, 1994, 2026, 3999):
            self.assertEqual(roman_value(to_roman(number)), number)
        for wrong in ("IIII", "IC", "VX", "IIV", "XM", "LL", "MIXED", ""):
            self.assertIsNone(roman_value(wrong), wrong)


class PlainTextTests(SimpleTestCase):
    def test_read_aloud_plain_prose_stays(self) -> None:
        for text in PLAIN:
            for language in ("en-us", "en-gb"):
                self.assertEqual(spoken_text(text, language), text)

    def test_read_aloud_of_a_story_changes_only_written_forms(self) -> None:
        for line in STORY.read_text(encoding="utf-8").splitlines():
            reading = read_aloud(line)
            for _, _, start, end in reading.spans:
                self.assertRegex(line[start:end], r"[\d#&*_@/.$£%–-]|\b[IVXLC]+\b|\b[A-Z]{2,}\b", line)

    def test_read_aloud_other_languages_stay(self) -> None:
        for language in ("fr-fr", "es", "ja", "cmn", "de"):
            self.assertEqual(spoken_text("5 km, Dr. 3/4, XII", language), "5 km, Dr. 3/4, XII")


class PositionTests(SimpleTestCase):
    def test_words_know_where_they_were_written(self) -> None:
        text = "Henry VIII paid $20 to Dr. Smith &amp; left *early*."
        reading = read_aloud(text)
        found = {
            reading.text[word.start : word.end]: text[word.written_start : word.written_end] for word in reading.words
        }
        self.assertEqual(
            found,
            {
                "Henry": "Henry", "the": "VIII", "eighth": "VIII", "paid": "paid", "twenty": "$20", "dollars": "$20",
                "to": "to", "Doctor": "Dr.", "Smith": "Smith", "and": "&amp;", "left": "left", "early.": "*early*.",
            },
        )  # fmt: skip

    def test_words_of_every_form_cover_the_text_in_order(self) -> None:
        for written, *_ in table():
            text = FRAMES[1].format(written)
            words = read_aloud(text).words
            self.assertEqual(words[0].written_start, 0)
            self.assertEqual(words[-1].written_end, len(text))
            for before, word in pairwise(words):
                self.assertLessEqual(before.written_start, word.written_start, text)
                self.assertLess(word.written_start, word.written_end, text)

    def test_words_of_plain_text_keep_their_positions(self) -> None:
        for text in PLAIN:
            for word in read_aloud(text).words:
                self.assertEqual((word.start, word.end), (word.written_start, word.written_end))


class AnyTextTests(SimpleTestCase):
    def test_read_aloud_any_flood_grows_linearly(self) -> None:
        floods = (
            "1", "1,", "1.", "1-", "1/", "1:", "1 ", "$", "$1", "£1 1s. ", "A.", "A. ", "I", "X", "IV, ", "a@", "www.",
            "a.", "/a", "#", "&", "&#", "[", "*", "*a ", "_", "-", "--", " - ", "– ", "°", "1°", "1'", '1"', "May 1 ",
            "St. ", "Dr. ", "St ", "😀", "\u200d", "<", "~", "^", "1^", "x²", "AB ", "A1", "1A", "p. 1 ", "=", " ",
            "\n", "chapter I, ", "King I ", "+1 ", "1 000 ", "in 1900 ", "http://", "\\", "(", "’", "é",
        )  # fmt: skip
        for flood in floods:
            with self.subTest(flood):
                self.assertLess(growth(spoken_text, flood, 1_000), LINEAR)
