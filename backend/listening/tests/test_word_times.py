"""Words are heard when they are said to be spoken; `benchmarks/times.py` measures more paragraphs."""

from dataclasses import replace

import pytest

from core_engine.kokoro.speech.synthesis import Kokoro, Speech
from core_engine.kokoro.speech.timings import timings_of
from core_engine.reading.aloud import Reading, read_aloud
from listening.listener import HeardWord, Listener, Recording
from listening.texts import paragraphs
from listening.word_times import TimeErrors, time_errors, together

pytestmark = [pytest.mark.listening, pytest.mark.timeout(3600)]

VOICES = ("bm_george", "af_bella")
MEDIAN_MS, MOST_MS = 80, 250
"""Limits for the median and for 95 % of the words. Whisper's own times are some 45 ms early."""

Heard = tuple[Speech, Reading, list[HeardWord]]


@pytest.fixture(scope="module")
def heard(kokoro: Kokoro, listener: Listener) -> list[Heard]:
    """A paragraph by each voice, and when its words were heard."""
    made = []
    for text, voice in zip(paragraphs(len(VOICES)), VOICES, strict=True):
        reading = read_aloud(text, kokoro.language(voice).code)
        speech = kokoro.speak(reading.text, voice)
        made.append((speech, reading, listener.hear_words(Recording(speech.audio, speech.sample_rate))))
    return made


def errors_of(heard: list[Heard], late_s: float = 0.0) -> TimeErrors:
    """Return the errors of our times, or of times that are wrong by `late_s`."""
    each = []
    for speech, reading, words in heard:
        told = [replace(word, start=word.start + late_s) for word in timings_of(speech, reading).words]
        each.append(time_errors(told, words))
    return together(each)


def check(errors: TimeErrors) -> None:
    print(errors)
    assert len(errors.differences_ms) > 0.9 * errors.words
    assert errors.median_ms <= MEDIAN_MS, str(errors)
    assert errors.most_ms <= MOST_MS, str(errors)


def test_words_are_heard_when_they_are_said_to_start(heard: list[Heard]) -> None:
    assert not any(timings_of(speech, reading).is_estimated for speech, reading, _ in heard)
    check(errors_of(heard))


def test_times_that_are_wrong_by_a_tenth_of_a_second_fail(heard: list[Heard]) -> None:
    for late_s in (0.1, -0.2):
        with pytest.raises(AssertionError, match="median"):
            check(errors_of(heard, late_s))


def test_without_durations_words_are_still_found_to_a_third_of_a_second(heard: list[Heard]) -> None:
    untold = [(without_durations(speech), reading, words) for speech, reading, words in heard]
    assert errors_of(untold).most_ms <= 350


def without_durations(speech: Speech) -> Speech:
    return replace(speech, token_starts=(None,) * speech.chunks)
