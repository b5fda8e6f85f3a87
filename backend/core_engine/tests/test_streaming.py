"""Streaming: the pieces are the audio of one join, the first sentence comes first, and nothing is lost."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from django.test import SimpleTestCase

from core_engine.kokoro.errors import NothingToSpeakError
from core_engine.kokoro.languages import V0_19, V1_0
from core_engine.kokoro.speech.joints import GrowingJoin, join
from core_engine.kokoro.speech.streaming import PEAK, StreamLevel, steps
from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.text.chunks import FIRST_TOKENS, text_to_chunks
from core_engine.kokoro.text.phonemes import phonemize
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.tests.support import SAMPLE_TEXT
from core_engine.tests.test_joints import chunk, spoken

PROSE = f"{SAMPLE_TEXT} "
TWO_PARAGRAPHS = f"{PROSE * 12}\n\n{PROSE * 30}"


class GrowingJoinTests(SimpleTestCase):
    def assert_same(self, chunks: Any, sounds: Any, speed: float = 1.0) -> None:
        growing = GrowingJoin(speed)
        pieces = [growing.add(one, sound) for one, sound in zip(chunks, sounds, strict=True)]
        whole = join(chunks, sounds, speed).audio
        np.testing.assert_array_equal(np.concatenate([*pieces, growing.end()]), whole)

    def test_pieces_are_the_audio_of_join(self) -> None:
        marks = [chunk("ab,"), chunk("ab"), chunk("ab.", begins_paragraph=True), chunk("ab?")]
        for head, tail in ((0, 0), (3, 2), (300, 900), (20, 60)):
            for speed in (0.5, 1.0, 2.0):
                with self.subTest(head=head, tail=tail, speed=speed):
                    self.assert_same(marks, [spoken(head, tail) for _ in marks], speed)

    def test_silent_and_short_sounds(self) -> None:
        sounds = [spoken(0, 0) for _ in range(3)]
        silent = [type(sounds[0])(np.zeros(size, np.float32)) for size in (0, 1, 50, 24_000)]
        for sound in silent:
            with self.subTest(samples=sound.audio.size):
                self.assert_same([chunk()] * 4, [sounds[0], sound, sounds[1], sound])

    def test_all_but_the_end_of_a_chunk_is_returned_at_once(self) -> None:
        piece = GrowingJoin().add(chunk(), spoken(300, 900))
        self.assertGreater(piece.size, 0.95 * 12_000)

    def test_nothing_joined_is_empty(self) -> None:
        self.assertEqual(GrowingJoin().end().size, 0)


class StepsTests(SimpleTestCase):
    kokoro: ClassVar[Kokoro]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.kokoro = Kokoro.load(model_path(BUILT_IN, Path()), threads=1)

    def test_first_step_is_the_first_sentence(self) -> None:
        first = next(steps(self.kokoro, f"Call me Ishmael. {PROSE * 30}", "af_bella"))
        self.assertEqual(first.chunk.phonemes, phonemize("Call me Ishmael."))

    def test_long_first_sentence_begins_with_a_part(self) -> None:
        first = next(steps(self.kokoro, "and on and on " * 200, "af_bella"))
        self.assertLessEqual(len(first.chunk.token_ids), FIRST_TOKENS)

    def test_steps_grow_to_at_most_twice_the_one_before(self) -> None:
        sizes = [len(step.chunk.token_ids) for step in steps(self.kokoro, PROSE * 12, "af_bella")]
        self.assertGreater(len(sizes), 3)
        limits = [60 * 2**number for number in range(len(sizes))]
        self.assertTrue(all(size <= limit for size, limit in zip(sizes[1:], limits, strict=False)), sizes)
        self.assertEqual(sizes[1:-1], sorted(sizes[1:-1]))

    def test_nothing_is_lost(self) -> None:
        said = [step.chunk for step in steps(self.kokoro, TWO_PARAGRAPHS, "af_bella")]
        phonemes = " ".join(one.phonemes for one in said)
        self.assertEqual(phonemes.split(), phonemize(TWO_PARAGRAPHS).split())
        self.assertEqual([one.begins_paragraph for one in said].count(True), 1)

    def test_nothing_is_lost_wherever_a_block_ends(self) -> None:
        for spaces in (1, 2, 3, 300, 3_000):
            for shift in range(3):
                text = f"{'a' * shift}{PROSE * 38}{' ' * spaces}The end. {PROSE * 3}"
                said = " ".join(step.chunk.phonemes for step in steps(self.kokoro, text, "af_bella"))
                self.assertEqual(said.split(), phonemize(text).split())

    def test_text_is_prepared_when_due(self) -> None:
        text = f"One. {PROSE * 20_000}"  # minutes of the text side
        self.assertEqual(next(steps(self.kokoro, text, "af_bella")).chunk.phonemes, phonemize("One."))

    def test_numbers_are_in_words(self) -> None:
        first = next(steps(self.kokoro, "It costs $5.", "af_bella"))
        self.assertEqual(first.chunk.phonemes, phonemize("It costs five dollars."))

    def test_text_with_nothing_to_speak(self) -> None:
        for text in ("...", " \n ", "* * *"):
            with self.subTest(text), self.assertRaises(NothingToSpeakError):
                list(steps(self.kokoro, text, "af_bella"))

    def test_scene_break_between_paragraphs_is_left_out(self) -> None:
        said = list(steps(self.kokoro, f"{PROSE * 40}\n\n* * *\n\nThe end.", "af_bella"))
        self.assertTrue(said[-1].chunk.phonemes.endswith(phonemize("The end.")))


class QuickStartTests(SimpleTestCase):
    def test_chunks_of_a_quick_start_have_the_phonemes_of_the_text(self) -> None:
        text = f"One, two. {PROSE * 12}"
        for version in (V0_19, V1_0):
            chunks = text_to_chunks(text, "en-gb", 340, version, 40, quick_start=True)
            joined = "".join((" " if one.follows_space else "") + one.phonemes for one in chunks)
            self.assertEqual(joined, phonemize(text, "en-gb", version))
            self.assertEqual(chunks[0].behind, ())
            self.assertTrue(all(len(one.ids_in_context) <= 340 for one in chunks))
            self.assertTrue(all(one.before for one in chunks[1:]))


class StreamLevelTests(SimpleTestCase):
    def test_first_piece_sets_the_level_and_a_louder_one_lowers_it(self) -> None:
        level = StreamLevel()
        pieces = [np.array([0.0, 0.25, -0.5]), np.array([0.25]), np.array([-1.0]), np.array([0.5])]
        peaks = [float(np.max(np.abs(level.applied(piece.astype(np.float32))))) for piece in pieces]
        np.testing.assert_allclose(peaks, [PEAK, PEAK / 2, PEAK, PEAK / 2], rtol=1e-6)

    def test_silence_stays_silent(self) -> None:
        level = StreamLevel()
        self.assertFalse(level.applied(np.zeros(10, np.float32)).any())
        self.assertEqual(level.applied(np.zeros(0, np.float32)).size, 0)
