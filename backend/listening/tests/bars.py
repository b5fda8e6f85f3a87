"""What speech has to keep to, each as one check, so that what is wrong can be shown to fail the very same ones."""

from listening.accents import BRITISH_FROM, SENTENCE, britishness
from listening.listener import Listener, Recording
from listening.pace import words_per_minute
from listening.word_errors import WordErrors, words_of

_PACE = (115.0, 290.0)
"""Words per minute at speed 1.0: af_nicole whispers short sentences at 128, the other six read them at 180 to 260."""
_NEAR = 0.15
"""How far from the asked speed a reading may be, since pauses do not scale with it exactly."""


def check_words(errors: WordErrors, most_percent: float) -> None:
    """Fail where more of the words was misunderstood; `pytest -rP` shows how many were."""
    print(f"at most {most_percent} %: {errors}")
    assert 100 * errors.rate <= most_percent, str(errors)


def check_nothing_lost_or_doubled(errors: WordErrors) -> None:
    """Fail where two words or more are missing, or there once too often, in a run."""
    assert errors.longest_lost < 2, str(errors)
    assert errors.longest_added < 2, str(errors)


def check_pace(text: str, recording: Recording) -> None:
    """Fail where `text` was not read as fast as a narrator reads, as it is where another speed was made of it."""
    pace = words_per_minute(len(words_of(text)), recording)
    slowest, fastest = _PACE
    assert slowest <= pace <= fastest, f"{pace:.0f} words per minute"


def check_speed(recording: Recording, normal: Recording, speed: float) -> None:
    """Fail where `recording` is not `normal`, of the same text, at the asked speed."""
    found = words_per_minute(1, recording) / words_per_minute(1, normal)
    assert abs(found / speed - 1) <= _NEAR, f"{found:.2f} instead of {speed}"


def check_accent(listener: Listener, recording: Recording, voice: str) -> None:
    """Fail where the sentence about the car was not read in the accent that the voice's name stands for."""
    british = britishness(listener, recording, SENTENCE)
    print(f"{voice}: {british:+.2f}, British from {BRITISH_FROM:+.2f}")
    assert (british > BRITISH_FROM) == voice.startswith("b"), f"{voice}: {british:+.2f}"
