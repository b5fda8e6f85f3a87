"""The bars for speech, each as one check, so that faulty speech can be shown to fail the same checks."""

from listening.accents import BRITISH_FROM, SENTENCE, britishness
from listening.listener import Listener, Recording
from listening.pace import words_per_minute
from listening.word_errors import WordErrors, words_of

_PACE = (115.0, 290.0)
"""Words per minute at speed 1.0: af_nicole whispers short sentences at 128, the other six voices read 180 to 260."""
_NEAR = 0.15
"""Tolerance around the requested speed, since pauses do not scale with it exactly."""


def check_words(errors: WordErrors, most_percent: float) -> None:
    """Fail if more than `most_percent` of the words are wrong; `pytest -rP` shows how many."""
    print(f"at most {most_percent} %: {errors}")
    assert 100 * errors.rate <= most_percent, str(errors)


def check_nothing_lost_or_doubled(errors: WordErrors) -> None:
    """Fail if two or more consecutive words are missing or repeated."""
    assert errors.longest_lost < 2, str(errors)
    assert errors.longest_added < 2, str(errors)


def check_pace(text: str, recording: Recording) -> None:
    """Fail if `text` was not read at a narrator's pace, for example because the speed is wrong."""
    pace = words_per_minute(len(words_of(text)), recording)
    slowest, fastest = _PACE
    assert slowest <= pace <= fastest, f"{pace:.0f} words per minute"


def check_speed(recording: Recording, normal: Recording, speed: float) -> None:
    """Fail if `recording` is not the requested `speed` relative to `normal`, a recording of the same text."""
    found = words_per_minute(1, recording) / words_per_minute(1, normal)
    assert abs(found / speed - 1) <= _NEAR, f"{found:.2f} instead of {speed}"


def check_accent(listener: Listener, recording: Recording, voice: str) -> None:
    """Fail if the sentence about the car was not read in the voice's accent."""
    british = britishness(listener, recording, SENTENCE)
    print(f"{voice}: {british:+.2f}, British from {BRITISH_FROM:+.2f}")
    assert (british > BRITISH_FROM) == voice.startswith("b"), f"{voice}: {british:+.2f}"
