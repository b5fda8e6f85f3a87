from django.test import SimpleTestCase

from core_engine.kokoro.errors import NothingToSpeakError, UnsupportedLanguageError
from core_engine.kokoro.languages import V1_0
from core_engine.kokoro.text.chunks import Chunk, text_to_chunks
from core_engine.kokoro.text.phonemes import phonemize
from core_engine.kokoro.vocabulary import token_ids
from core_engine.reading.parts import split_text_into_chunks
from core_engine.reading.sentences import Rank, breaks
from core_engine.tests.growth import LINEAR, growth

STORY = (
    "Dr. Hale met J. K. Marsh at 7:30 p.m. in St. Ives, at No. 5, Mill Lane. “Is it you?” she asked. "
    "“It is... I think,” he said — and laughed; it cost £3.50, e.g. for tea vs. coffee! (She had none.)\n\n"
    "The U.S. ship was late… The captain, Mr. Obi, waited: nothing came."
)

TONGUES = {
    "es": "El Sr. Gil vio 3,5 casas. ¿Quién vive allí? ¡Nadie! ",
    "fr-fr": "M. Roy dit : « Non ! » Il pleut ; on rentre. ",
    "it": "Il dott. Neri arriva alle 12:30. Che dice? Niente! ",
    "pt-br": "O sr. Lima não veio. Quem sabe? Ninguém! ",
    "hi": "डॉ. शर्मा घर गए। वह कौन है? मैं हूँ। ",
}


def joined(chunks: list[Chunk]) -> str:
    return "".join(" " * chunk.follows_space + chunk.phonemes for chunk in chunks)


class TextToChunksTests(SimpleTestCase):
    def test_chunks_short_text_is_one_chunk(self) -> None:
        (chunk,) = text_to_chunks("Hello world.")
        self.assertEqual(chunk.phonemes, phonemize("Hello world."))
        self.assertEqual(list(chunk.token_ids), token_ids(chunk.phonemes))

    def test_chunks_lose_nothing_at_any_size(self) -> None:
        for language in ("en-us", "en-gb"):
            for limit in (1, 2, 3, 7, 20, 50, 120, 510):
                with self.subTest(limit, language=language):
                    chunks = text_to_chunks(STORY, language, limit)
                    self.assertEqual(joined(chunks), phonemize(STORY, language))
                    self.assertTrue(all(1 <= len(chunk.token_ids) <= limit for chunk in chunks))

    def test_chunks_fill_up_with_whole_sentences(self) -> None:
        chunks = text_to_chunks("The cat sat. " * 100)
        self.assertEqual(joined(chunks), phonemize("The cat sat. " * 100))
        self.assertTrue(all(chunk.phonemes.endswith(".") for chunk in chunks))
        self.assertTrue(all(len(chunk.token_ids) > 490 for chunk in chunks[:-1]))

    def test_chunks_cut_a_long_sentence_at_its_clauses(self) -> None:
        chunks = text_to_chunks("the cat sat on the mat, " * 60)
        self.assertTrue(all(chunk.phonemes.endswith(",") for chunk in chunks))

    def test_chunks_cut_a_long_clause_at_its_words(self) -> None:
        text = "the cat sat on the mat " * 60
        chunks = text_to_chunks(text)
        self.assertTrue(all(chunk.follows_space for chunk in chunks[1:]))
        self.assertEqual(" ".join(chunk.phonemes for chunk in chunks), phonemize(text))

    def test_chunks_cut_a_long_word_anywhere(self) -> None:
        chunks = text_to_chunks("supercalifragilistic", max_tokens=5)
        self.assertEqual("".join(chunk.phonemes for chunk in chunks), phonemize("supercalifragilistic"))

    def test_chunks_do_not_end_after_abbreviations(self) -> None:
        chunks = text_to_chunks("We saw Dr. A. B. Stone. He left.", max_tokens=40)
        self.assertEqual(len(chunks), 2)
        self.assertEqual(chunks[1].phonemes, phonemize("He left."))

    def test_chunks_of_other_languages_lose_nothing_at_any_size(self) -> None:
        for language, text in TONGUES.items():
            for limit in (1, 7, 50, 510):
                with self.subTest(limit, language=language):
                    chunks = text_to_chunks(text * 5, language, limit, V1_0)
                    self.assertEqual(joined(chunks), phonemize(text * 5, language, V1_0))
                    self.assertTrue(all(1 <= len(chunk.token_ids) <= limit for chunk in chunks))

    def test_chunks_of_other_languages_end_with_their_sentences(self) -> None:
        for language, text in TONGUES.items():
            with self.subTest(language):
                chunks = text_to_chunks(text * 10, language, 200, V1_0)
                self.assertGreater(len(chunks), 2)
                self.assertTrue(all(chunk.phonemes.rstrip("”)")[-1] in ".!?" for chunk in chunks), chunks)

    def test_chunks_have_whole_words_of_context(self) -> None:
        text = "The cat sat on the mat, and it was old. Who was there? " * 20
        for limit in (60, 120, 255, 510):
            chunks = text_to_chunks(text, max_tokens=limit, context=40)
            whole = token_ids(phonemize(text))
            self.assertEqual(joined(chunks), phonemize(text))
            position, space = 0, token_ids(" ")[0]
            for chunk in chunks:
                position += chunk.follows_space
                begin, end = position - len(chunk.before), position + len(chunk.token_ids) + len(chunk.behind)
                self.assertEqual(list(chunk.ids_in_context), whole[begin:end])
                self.assertTrue(begin == 0 or (chunk.before and whole[begin - 1] == space))
                self.assertTrue(end == len(whole) or (chunk.behind and whole[end] == space))
                self.assertLessEqual(len(chunk.ids_in_context), limit)
                self.assertLessEqual(max(len(chunk.before), len(chunk.behind)), 41)
                position += len(chunk.token_ids)

    def test_chunks_have_no_context_across_paragraphs_at_word_cuts_or_without_need(self) -> None:
        paragraphs = text_to_chunks(
            "The cat sat on the mat. " * 3 + "\n\n" + "Who was there? " * 5, "en-us", 130, context=40
        )
        self.assertEqual([chunk.begins_paragraph for chunk in paragraphs], [False, True])
        words = text_to_chunks("the cat sat on the mat " * 60, context=40)
        short = text_to_chunks("The cat sat. Who was there?", context=40)
        asked_for_none = text_to_chunks("The cat sat. " * 100)
        for chunk in (*paragraphs, *words, *short, *asked_for_none):
            self.assertEqual(chunk.ids_in_context, chunk.token_ids)

    def test_chunks_prefer_paragraph_breaks_to_sentence_ends(self) -> None:
        chunks = text_to_chunks("One two three. Four five six.\n\nSeven eight nine. Ten eleven twelve.", max_tokens=45)
        self.assertEqual([chunk.begins_paragraph for chunk in chunks], [False, True])

    def test_chunks_are_never_only_a_few_words(self) -> None:
        for text in (
            "Yes. " + "The cat sat on the mat, and it was old, " * 6,
            "The cat sat on the mat. " * 11 + "Yes.",
        ):
            chunks = text_to_chunks(text, max_tokens=200)
            self.assertGreater(len(chunks), 1)
            self.assertGreaterEqual(min(len(chunk.token_ids) for chunk in chunks), 66)

    def test_chunks_nothing_to_speak(self) -> None:
        for text in ("", "   ", "...", "\n", "?!", "“—”", "()", "\ue000", "\0", "\u200b", "''"):
            with self.subTest(ascii(text)), self.assertRaises(NothingToSpeakError):
                text_to_chunks(text)

    def test_chunks_refuse_wrong_arguments(self) -> None:
        with self.assertRaisesRegex(ValueError, "max_tokens is 0"):
            text_to_chunks("a", max_tokens=0)
        with self.assertRaises(UnsupportedLanguageError):
            text_to_chunks("a", "de")

    def test_chunks_hundred_thousand_characters_without_space_or_stop(self) -> None:
        for letter in "a1汉":
            chunks = text_to_chunks(letter * 100_000)
            self.assertTrue(all(0 < len(chunk.token_ids) <= 510 for chunk in chunks))
            self.assertGreater(len(chunks), 100_000 // 600)

    def test_chunks_any_flood_grows_linearly(self) -> None:
        for flood in ("a", "word ", "! ", "a. ", ". ", "\n", "a\n\n", "“", "A.", "a, "):
            with self.subTest(flood):
                self.assertLess(growth(lambda text: text_to_chunks("a" + text), flood, 10_000), LINEAR)


class SplitTextIntoChunksTests(SimpleTestCase):
    def test_split_keeps_sentences_whole(self) -> None:
        self.assertEqual(split_text_into_chunks("One two. Three four! Five?", 12), ["One two.", "Three four!", "Five?"])
        self.assertEqual(split_text_into_chunks("One two. Three four! Five?", 21), ["One two. Three four!", "Five?"])

    def test_split_not_after_abbreviations_decimals_initials_or_ellipses(self) -> None:
        for sentence in (
            "Dr. Who left.",
            "He met J. K. Rowling.",
            "It fell 3.5 m.",
            "So... Maybe not.",
            "Well… Perhaps.",
            "See No. 5 there.",
            "St. Ives, e.g. Cornwall.",
            "Tea vs. Coffee wins.",
            "The U.S. Navy came.",
            "Mr. and Mrs. Obi sang.",
            "“Why?” he said.",
        ):
            with self.subTest(sentence):
                text = f"It rains. {sentence}"
                self.assertEqual(split_text_into_chunks(text, len(sentence)), ["It rains.", sentence])

    def test_split_sentence_may_end_with_the_word_i(self) -> None:
        self.assertEqual(split_text_into_chunks("So do I. They left.", 15), ["So do I.", "They left."])

    def test_split_knows_sentence_ends_of_other_scripts(self) -> None:
        for text in ("他来了。她走了！", "वह आया। वह गया।", "Es hora. ¿Vamos?", "来た？行く。"):
            first, second = split_text_into_chunks(text, len(text) - 2)
            self.assertIn(first[-1], "。！？।.")
            self.assertTrue(second)

    def test_breaks_in_phonemes_ignore_case(self) -> None:
        ranks = [found.rank for found in breaks("həlˈO. ðə ɛnd, A. b… go.", language=None)]
        self.assertEqual(ranks, [Rank.SENTENCE, Rank.CLAUSE, Rank.SENTENCE, Rank.CLAUSE])

    def test_split_empty_line_ends_a_sentence(self) -> None:
        self.assertEqual(split_text_into_chunks("A title\n\nA text of words", 17), ["A title", "A text of words"])

    def test_split_opening_quotes_stay_with_their_sentence(self) -> None:
        self.assertEqual(split_text_into_chunks('"Go." "No."', 8), ['"Go."', '"No."'])

    def test_split_other_scripts_and_text_without_good_cuts(self) -> None:
        for text, longest, parts in (
            ("你好。再见。", 3, ["你好。", "再见。"]),
            ("A title\nOne. Two.", 9, ["A title", "One. Two."]),
            ("abcdefgh", 3, ["abc", "def", "gh"]),
            ("Das ist Teil A. Hier ist mehr.", 22, ["Das ist Teil A. Hier", "ist mehr."]),
        ):
            self.assertEqual(split_text_into_chunks(text, longest, "de"), parts)

    def test_split_loses_only_whitespace_at_any_size(self) -> None:
        for limit in (1, 2, 5, 17, 60, 1000):
            with self.subTest(limit):
                parts = split_text_into_chunks(STORY, limit)
                self.assertTrue(all(1 <= len(part) <= limit for part in parts))
                self.assertEqual("".join("".join(parts).split()), "".join(STORY.split()))
                self.assertTrue(all(part == part.strip() for part in parts))

    def test_split_empty_text(self) -> None:
        self.assertEqual(split_text_into_chunks("", 10), [])
        self.assertEqual(split_text_into_chunks(" \n ", 10), [])

    def test_split_limit_below_one(self) -> None:
        for limit in (0, -5):
            with self.assertRaisesRegex(ValueError, "max_length"):
                split_text_into_chunks("a", limit)

    def test_split_any_flood_grows_linearly(self) -> None:
        for flood in ("a", " ", ".", ". ", "\n", "A. ", "'", "a.\n\n", "word "):
            with self.subTest(flood):
                self.assertLess(growth(lambda text: split_text_into_chunks(text, 400), flood, 20_000), LINEAR)
