"""Joints: pauses by mark, no lost speech, and the start of every token."""

import unittest
from typing import Any

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.model.inference import Sound
from core_engine.kokoro.speech.joints import (
    JOINT_SILENCE_MS,
    LEAD_MS,
    PARAGRAPH_MS,
    PAUSE_MS,
    TRAIL_MS,
    join,
    pause_ms,
    without_context,
)
from core_engine.kokoro.text.chunks import Chunk

MS = 24
SPOKEN = 12_000


def chunk(phonemes: str = "ab.", **more: Any) -> Any:
    return Chunk(phonemes, tuple(range(1, len(phonemes) + 1)), **more)


def tone(samples: int = SPOKEN) -> Any:
    """Return a sound without pauses."""
    return (0.5 * np.sin(np.arange(samples) * 0.4) + 0.01).astype(np.float32)


def spoken(head_ms: Any, tail_ms: Any, frames: Any = None, noise: float = 1e-5) -> Any:
    """Return a tone between silences that, like those of a model, are not perfectly silent."""
    faint = np.random.default_rng(4).normal(0, noise, head_ms * MS + SPOKEN + tail_ms * MS).astype(np.float32)
    faint[head_ms * MS : head_ms * MS + SPOKEN] += tone()
    return Sound(faint, None if frames is None else np.array(frames))


def quiet_ms(audio: npt.NDArray[np.float32]) -> Any:
    """Return the start and length in ms of every silence within, measured differently: 2 ms without a loud sample."""
    loud = np.flatnonzero(np.abs(audio) > 0.005)
    gaps = np.flatnonzero(np.diff(loud) > 2 * MS)
    return [(loud[gap] / MS, (loud[gap + 1] - loud[gap]) / MS) for gap in gaps]


class PauseTests(unittest.TestCase):
    def paused(
        self, before: str = "ab.", speed: float = 1.0, head_ms: int = 300, tail_ms: int = 900, **behind: Any
    ) -> Any:
        chunks = [chunk(before), chunk(**behind)]
        audio = join(chunks, [spoken(head_ms, tail_ms), spoken(head_ms, tail_ms)], speed).audio
        ((_, length),) = quiet_ms(audio)
        return length

    def test_pause_is_that_of_the_mark(self) -> None:
        for mark, expected in PAUSE_MS.items():
            for before in (f"ab{mark}", f"ab{mark}”", f"ab{mark} "):
                self.assertAlmostEqual(self.paused(before), expected, delta=6, msg=before)

    def test_strongest_mark_counts(self) -> None:
        self.assertEqual(pause_ms(chunk("ab,.”"), chunk()), PAUSE_MS["."])
        self.assertEqual(pause_ms(chunk("a.b,"), chunk()), PAUSE_MS[","])

    def test_paragraph_has_its_own_pause(self) -> None:
        self.assertAlmostEqual(self.paused(begins_paragraph=True), PARAGRAPH_MS, delta=6)

    def test_cut_without_a_mark_pauses_100_ms(self) -> None:
        self.assertAlmostEqual(self.paused("ab"), JOINT_SILENCE_MS, delta=6)

    def test_speed_scales_the_pause(self) -> None:
        self.assertAlmostEqual(self.paused(speed=2.0), PAUSE_MS["."] / 2, delta=6)
        self.assertAlmostEqual(self.paused(speed=0.5), PAUSE_MS["."] * 2, delta=6)

    def test_pause_is_never_below_100_ms(self) -> None:
        self.assertAlmostEqual(self.paused(head_ms=0, tail_ms=0), JOINT_SILENCE_MS, delta=6)
        self.assertAlmostEqual(self.paused("ab", speed=2.0), JOINT_SILENCE_MS, delta=6)

    def test_shorter_pause_of_a_model_is_kept(self) -> None:
        self.assertAlmostEqual(self.paused(head_ms=50, tail_ms=200), 250, delta=6)

    def test_silence_on_only_one_side_makes_the_pause(self) -> None:
        self.assertAlmostEqual(self.paused(head_ms=0), PAUSE_MS["."], delta=6)
        self.assertAlmostEqual(self.paused(tail_ms=0, head_ms=900), PAUSE_MS["."], delta=6)


class SpeechTests(unittest.TestCase):
    def test_ends_are_short(self) -> None:
        audio = join([chunk()], [spoken(300, 500)]).audio
        loud = np.flatnonzero(np.abs(audio) > 0.005)
        self.assertAlmostEqual(loud[0] / MS, LEAD_MS, delta=6)
        self.assertAlmostEqual((audio.size - loud[-1]) / MS, TRAIL_MS, delta=6)

    def test_nothing_is_added_at_the_ends(self) -> None:
        sound = spoken(10, 20)
        np.testing.assert_array_equal(join([chunk()], [sound]).audio, sound.audio)

    def test_every_sample_of_the_speech_stays(self) -> None:
        sounds = [spoken(300, 500), spoken(0, 0), spoken(250, 10)]
        audio = join([chunk(), chunk("ab"), chunk()], sounds).audio
        loud = np.concatenate([sound.audio[np.abs(sound.audio) > 0.005] for sound in sounds])
        np.testing.assert_array_equal(audio[np.abs(audio) > 0.005], loud)

    def test_silence_and_pure_noise_are_kept(self) -> None:
        for audio in (np.zeros(5000), np.ones(7), np.random.default_rng(1).normal(0, 0.1, 5000)):
            sound = Sound(audio.astype(np.float32))
            np.testing.assert_array_equal(join([chunk()], [sound]).audio, sound.audio)

    def test_cuts_are_faded_within_the_silence(self) -> None:
        sounds = [spoken(300, 500, noise=0), spoken(300, 500, noise=0)]
        for sound in sounds:
            sound.audio[sound.audio == 0] = 0.003
        audio = join([chunk(), chunk()], sounds).audio
        joint = audio[LEAD_MS * MS + SPOKEN :][: PAUSE_MS["."] * MS]
        self.assertEqual((audio[0], audio[-1], np.abs(joint).min()), (0, 0, 0))
        self.assertLess(np.abs(np.diff(joint[10:-200])).max(), 0.003 / 50)

    def test_faint_first_sound_is_kept_if_its_token_is_known(self) -> None:
        sound = spoken(300, 500, frames=[4, 20, 0, 20, 8], noise=0)  # the first token starts 200 ms before it is loud
        sound.audio[100 * MS : 300 * MS] = 0.002
        faint = join([chunk("fb.")], [sound]).audio
        self.assertEqual(np.count_nonzero(faint == np.float32(0.002)), 200 * MS)
        self.assertLess(join([chunk("fb.")], [Sound(sound.audio)]).audio.size, faint.size)

    def test_noise_before_the_first_token_is_not_speech(self) -> None:
        sound = spoken(400, 500, frames=[16, 10, 10, 1, 19], noise=0)
        sound.audio[20 * MS : 30 * MS] = 0.3
        audio = join([chunk()], [sound]).audio
        self.assertAlmostEqual(audio.size / MS, LEAD_MS + 100 + 500 + TRAIL_MS, delta=6)


class ContextTests(unittest.TestCase):
    """Five words, of which only the middle one is the chunk's own; the value of each sample is its token."""

    FRAMES = np.array([3, 2, 4, 1, 5, 6, 2, 7, 1, 3, 2])
    AUDIO = np.repeat(np.arange(11), FRAMES * 600).astype(np.float32)

    def own(self, **more: Any) -> Any:
        return without_context(chunk("abc", **more), Sound(self.AUDIO, self.FRAMES))

    def test_own_part_begins_with_its_space_and_ends_before_the_next(self) -> None:
        sound = self.own(follows_space=True, before=(1, 2, 3), behind=(7, 8, 9))
        np.testing.assert_array_equal(sound.frames, [1, 5, 6, 2, 0])
        self.assertEqual(sound.audio.size, 14 * 600)
        np.testing.assert_array_equal(sound.audio[300::600], np.repeat([3, 4, 5, 6], [1, 5, 6, 2]))

    def test_cut_without_a_space_has_none(self) -> None:
        sound = self.own(before=(1, 2, 3), behind=(7, 8, 9))
        np.testing.assert_array_equal(sound.frames, [0, 5, 6, 2, 0])
        np.testing.assert_array_equal(sound.audio[300::600], np.repeat([4, 5, 6], [5, 6, 2]))

    def test_first_and_last_chunk_keep_the_ends_of_the_run(self) -> None:
        first = self.own(behind=(4, 5, 6, 7, 8, 9))
        np.testing.assert_array_equal(first.frames, [3, 2, 4, 1, 0])
        np.testing.assert_array_equal(first.audio[300::600], np.repeat([0, 1, 2, 3], [3, 2, 4, 1]))
        last = self.own(follows_space=True, before=(1, 2, 3, 4, 5, 6))
        np.testing.assert_array_equal(last.frames, [2, 7, 1, 3, 2])
        np.testing.assert_array_equal(last.audio[300::600], np.repeat([6, 7, 8, 9, 10], [2, 7, 1, 3, 2]))

    def test_frames_are_those_of_the_audio(self) -> None:
        for more in ({"before": (1, 2)}, {"behind": (1, 2)}, {"before": (1,), "behind": (1,), "follows_space": True}):
            sound = self.own(**more)
            self.assertEqual(sound.frames.sum() * 600, sound.audio.size)

    def test_chunk_without_context_is_the_whole_run(self) -> None:
        sound = Sound(self.AUDIO, self.FRAMES)
        self.assertIs(without_context(chunk("abcdefghi"), sound), sound)


class TokenTests(unittest.TestCase):
    def test_tokens_start_where_they_are_heard(self) -> None:
        sounds = [spoken(300, 500, frames=[12, 10, 5, 5, 20]), spoken(250, 500, frames=[10, 5, 15, 1, 19])]
        whole = join([chunk(), chunk()], sounds)
        for sound, starts in zip(sounds, whole.token_starts, strict=True):
            own = np.cumsum(sound.frames)[:-1] * 600
            assert starts is not None
            self.assertEqual(starts.shape, (4,))
            for here, there in zip(starts[:2], own[:2], strict=True):
                np.testing.assert_array_equal(whole.audio[here : here + 3000], sound.audio[there : there + 3000])
            self.assertTrue(np.all(np.diff(starts) >= 0))
        first, second = (starts.tolist() for starts in whole.token_starts if starts is not None)
        self.assertLess(first[-1], second[0])
        self.assertLessEqual(second[-1], whole.audio.size)

    def test_without_frames_there_are_no_token_starts(self) -> None:
        whole = join([chunk(), chunk()], [spoken(0, 0), spoken(300, 500, frames=[12, 10, 5, 5, 20])])
        self.assertIsNone(whole.token_starts[0])
        self.assertIsNotNone(whole.token_starts[1])
