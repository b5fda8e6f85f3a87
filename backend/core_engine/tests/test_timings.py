"""When words are spoken, on audio that says which word it is at every sample."""

import json
import unittest
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from core_engine.kokoro.dimensions import SAMPLES_PER_FRAME
from core_engine.kokoro.languages import V1_0
from core_engine.kokoro.model.inference import Sound
from core_engine.kokoro.speech.joints import join
from core_engine.kokoro.speech.synthesis import Kokoro, Speech
from core_engine.kokoro.speech.timings import TimedPassage, Timings, timings_of
from core_engine.kokoro.text.chunks import SILENT, Chunk, text_to_chunks
from core_engine.kokoro.text.text_sides import MISAKI
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.reading.aloud import Reading, read_aloud, respelled
from core_engine.timings_document import timings_document, words_document

PLAIN = (
    "Lanterns shine, keepers climb seventeen stairs; boats return. Hungry mountains listen: gardens sleep, "
    "windows close. Nobody whispers tonight, nobody answers. Silver rivers wander westward, quietly."
)
"""Every word is one group of phonemes."""
TOLD_LATE = 2 * SAMPLES_PER_FRAME
"""How much later than its sound a token is told to be."""


def coded(text: str = PLAIN, max_tokens: int = 90, seed: int = 1) -> Speech:
    """Return speech in which word n sounds like the constant (n + 10) / 1000, and everything else is silent."""
    chunks = text_to_chunks(text, "en-us", max_tokens)
    chosen = np.random.default_rng(seed)
    sounds, word = [], 0
    for chunk in chunks:
        frames = chosen.integers(1, 5, len(chunk.phonemes) + 2)
        frames[0] = frames[-1] = 8
        audio = np.zeros(frames.sum() * SAMPLES_PER_FRAME, np.float32)
        starts = np.cumsum(frames) * SAMPLES_PER_FRAME - TOLD_LATE
        for number, symbol in enumerate(chunk.phonemes):
            word += symbol == " "
            if symbol not in SILENT or symbol in "ˈˌː":
                audio[starts[number] : starts[number + 1]] = (word + 10) / 1000
        word += 1
        sounds.append(Sound(audio, frames))
    whole = join(chunks, sounds)
    return Speech(whole.audio, 24_000, "af_bella", len(chunks), whole.token_starts, tuple(chunks), whole.spans)


def estimated(speech: Speech) -> Speech:
    """Return the speech as of a model that tells no durations."""
    silent: dict[str, Any] = {**vars(speech), "token_starts": (None,) * speech.chunks}
    return Speech(**silent)


def words_at(speech: Speech, start: float, end: float) -> set[int]:
    """Return which words sound between two times, in seconds."""
    heard = np.round(speech.audio[round(start * 24_000) : round(end * 24_000)] * 1000).astype(int) - 10
    return set(heard[heard >= 0].tolist())


class WordTests(unittest.TestCase):
    def test_each_word_sounds_between_its_start_and_end_and_nowhere_else(self) -> None:
        for max_tokens in (60, 90, 510):
            speech = coded(max_tokens=max_tokens)
            words = timings_of(speech, respelled(PLAIN)).words
            self.assertEqual([word.text for word in words], PLAIN.translate(str.maketrans("", "", ",;:.")).split())
            for number, word in enumerate(words):
                # The fades at joints change at most the last 5 ms.
                self.assertEqual(words_at(speech, word.start + 0.005, word.end - 0.006), {number}, word)
                before = words[number - 1].end if number else 0.0
                self.assertLessEqual(words_at(speech, before + 0.005, word.start), {number, number - 1})

    def test_start_is_less_than_40_ms_before_the_sound(self) -> None:
        speech = coded()
        for number, word in enumerate(timings_of(speech, respelled(PLAIN)).words):
            first = np.flatnonzero(np.round(speech.audio * 1000) == number + 10)[0] / 24_000
            self.assertTrue(0 <= first - word.start < 0.04, word)

    def test_pause_in_the_last_sound_does_not_belong_to_the_word(self) -> None:
        speech = coded("Lanterns shine, keepers climb.", 510)
        loud = np.round(speech.audio * 1000)
        (second,) = timings_of(speech, respelled("Lanterns shine, keepers climb.")).words[1:2]
        end = round(second.end * 24_000)
        last = np.flatnonzero(loud == 11)[-1]
        speech.audio[last - 4000 : last + 1] = 0  # the last sound now has 4000 samples of its pause
        (shorter,) = timings_of(speech, respelled("Lanterns shine, keepers climb.")).words[1:2]
        self.assertAlmostEqual(end - round(shorter.end * 24_000), 4000, delta=120)

    def test_written_forms_map_back_to_their_characters(self) -> None:
        text = "“Dr. Watson paid $5 million,” said Mr. Holmes—at 7:45 p.m. in the U.S. on 21/11/1984. It's well-known!"
        reading = read_aloud(text, "en-gb")
        words = timings_of(coded(reading.text, 510), reading).words
        shown = " | ".join(word.text for word in words)
        self.assertEqual(
            shown,
            "Dr. | Watson | paid | $5 million | said | Mr. | Holmes | at | 7:45 p.m. | in | the | U.S. | on | "
            "21/11/1984 | It's | well-known",
        )
        for word in words:
            self.assertEqual(text[word.written_start : word.written_end], word.text)

    def test_as_written_maps_to_itself(self) -> None:
        text = "He paid $5, 100% of it."
        words = timings_of(coded(text, 510), respelled(text)).words
        self.assertEqual([word.text for word in words], ["He", "paid", "$5", "100%", "of", "it"])

    def test_words_are_in_order_without_overlaps(self) -> None:
        text = "The B.B.C. of 1984 was—of course—a one hundred (100) per cent “of the people” thing... " * 9
        reading = read_aloud(text)
        for speech in (coded(reading.text), estimated(coded(reading.text))):
            words = timings_of(speech, reading).words
            for before, after in pairwise(words):
                self.assertLess(before.start, before.end)
                self.assertLessEqual(before.end, after.start)
                self.assertLessEqual(before.written_end, after.written_start)
            self.assertLessEqual(words[-1].end, speech.audio.size / 24_000)
            covered = "".join(word.text for word in words)
            self.assertEqual(sum(map(str.isalnum, covered)), sum(map(str.isalnum, text)))


class TextSideTests(unittest.TestCase):
    """Where misaki reads the text; its phonemes are given here, since it is an extra."""

    def timed(self, text: str, phonemes: str, language: str) -> list[tuple[str, str]]:
        """Return each word with the phonemes that it sounds during."""
        frames = np.full(len(phonemes) + 2, 3)
        audio = np.ones(frames.sum() * SAMPLES_PER_FRAME, np.float32)
        whole = join([chunk := Chunk(phonemes, tuple(range(len(phonemes))))], [Sound(audio, frames)])
        speech = Speech(whole.audio, 24_000, "af_bella", 1, whole.token_starts, (chunk,), whole.spans, language, V1_0)
        timings = timings_of(speech, respelled(text))
        return [
            (word.text, "".join(p.text for p in timings.phonemes if word.start <= (p.start + p.end) / 2 < word.end))
            for word in timings.words
        ]

    def test_english_of_the_dictionaries(self) -> None:
        with patch("core_engine.kokoro.text.text_sides.text_side", return_value=MISAKI):
            found = self.timed("The boats go—fast, to a judge I owe.", "ðə bˈOts ɡˌO—fˈæst, tə ɐ ʤˈʌʤ ˌI ˈO.", "en-us")
        self.assertEqual(
            [phonemes for _, phonemes in found], ["ðə", "bˈOts", "ɡˌO", "fˈæst", "tə", "ɐ", "ʤˈʌʤ", "ˌI", "ˈO"]
        )

    def test_characters_of_mandarin_are_words(self) -> None:
        alone = dict(zip("你好世界", ("ni↓", "xau↓", "ʂɨ↘", "ʨje↘"), strict=True))
        with (
            patch("core_engine.kokoro.text.text_sides.text_side", return_value=MISAKI),
            patch("core_engine.kokoro.text.text_sides.phonemize_by_misaki", lambda text, _: alone[text.strip("，。")]),
        ):
            found = self.timed("你好，世界。", "ni↗xau↓, ʂɨ↘ʨje↘.", "zh")
        self.assertEqual(found, [("你", "ni↗"), ("好", "xau↓"), ("世", "ʂɨ↘"), ("界", "ʨje↘")])


class OtherPartsTests(unittest.TestCase):
    def test_sentences_go_from_their_first_word_to_their_last(self) -> None:
        text = "  One is here. “Is Mr. Two there?” Three!\n\nFour"
        timings = timings_of(coded(text, 510), respelled(text))
        self.assertEqual(
            [sentence.text for sentence in timings.sentences],
            ["One is here.", "“Is Mr. Two there?”", "Three!", "Four"],
        )
        for sentence in timings.sentences:
            inside = [word for word in timings.words if within(word, sentence)]
            self.assertEqual((sentence.start, sentence.end), (inside[0].start, inside[-1].end))
            self.assertEqual(text[sentence.written_start : sentence.written_end], sentence.text)

    def test_phonemes_are_sounds_with_their_marks(self) -> None:
        timings = timings_of(coded("Hey, choose aloud.", 510), respelled("Hey, choose aloud."))
        self.assertEqual(
            [phoneme.text for phoneme in timings.phonemes], ["h", "ˈeɪ", "tʃ", "ˈuː", "z", "ɐ", "l", "ˈaʊ", "d"]
        )

    def test_tokens_are_all_of_the_chunks_without_gaps_in_a_chunk(self) -> None:
        speech = coded()
        tokens = timings_of(speech, respelled(PLAIN)).tokens
        self.assertEqual([token.id for token in tokens], [id_ for chunk in speech.spoken for id_ in chunk.token_ids])
        samples = [(round(token.start * 24_000), round(token.end * 24_000)) for token in tokens]
        for token, (start, _) in zip(tokens, samples, strict=True):
            self.assertAlmostEqual(token.start * 24_000, start, places=6)
        firsts = set(np.cumsum([len(chunk.token_ids) for chunk in speech.spoken]).tolist())
        for number, ((_, end), (start, _)) in enumerate(pairwise(samples), start=1):
            self.assertTrue(end < start if number in firsts else end == start, number)

    def test_silence_has_no_words(self) -> None:
        silence = Speech(np.zeros(2400, np.float32), 24_000, "af_bella", 0)
        self.assertEqual(timings_of(silence, respelled("* * *")), Timings())


class EstimateTests(unittest.TestCase):
    def test_estimates_are_marked(self) -> None:
        speech = coded()
        self.assertFalse(timings_of(speech, respelled(PLAIN)).is_estimated)
        self.assertTrue(timings_of(estimated(speech), respelled(PLAIN)).is_estimated)

    def test_estimates_are_near_and_pauses_are_found(self) -> None:
        reading = respelled(PLAIN)
        speech = coded(seed=3)
        told, guessed = timings_of(speech, reading).words, timings_of(estimated(speech), reading).words
        apart = [abs(one.start - other.start) for one, other in zip(told, guessed, strict=True)]
        self.assertLess(np.median(apart), 0.15)
        self.assertLess(max(apart), 0.6)

    def test_built_in_voice_estimates_within_its_audio(self) -> None:
        speech = Kokoro.load(model_path(BUILT_IN, Path())).speak(PLAIN)
        timings = timings_of(speech, respelled(PLAIN))
        self.assertTrue(timings.is_estimated)
        self.assertEqual(len(timings.words), len(PLAIN.split()))
        loud = np.flatnonzero(np.abs(speech.audio) > 0.02 * np.abs(speech.audio).max()) / 24_000
        self.assertAlmostEqual(timings.words[0].start, loud[0], delta=0.02)
        self.assertAlmostEqual(timings.words[-1].end, loud[-1], delta=0.03)


class DocumentTests(unittest.TestCase):
    def test_document_is_json_with_samples_that_can_be_found_again(self) -> None:
        speech = coded()
        timings = timings_of(speech, respelled(PLAIN))
        document = json.loads(json.dumps(timings_document(timings)))
        self.assertEqual(set(document), {"estimated", "words", "sentences", "phonemes", "tokens"})
        self.assertEqual(set(document["words"][0]), {"text", "start", "end", "from", "to"})
        self.assertEqual(set(document["tokens"][0]), {"id", "text", "start", "end"})
        for word, values in zip(timings.words, document["words"], strict=True):
            self.assertAlmostEqual(values["start"] * 24_000, round(word.start * 24_000), delta=0.2)
            self.assertEqual(PLAIN[values["from"] : values["to"]], values["text"])
        self.assertEqual(set(words_document(timings)), {"estimated", "words", "sentences"})


class ReadingTests(unittest.TestCase):
    def test_as_written_has_no_replacements(self) -> None:
        self.assertEqual(respelled("Mr. 5"), Reading("Mr. 5", "Mr. 5", ()))


def within(word: TimedPassage, sentence: TimedPassage) -> bool:
    return sentence.written_start <= word.written_start < sentence.written_end
