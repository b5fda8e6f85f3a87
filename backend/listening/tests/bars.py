"""What speech has to keep to, each as one check, so that what is wrong can be shown to fail the very same ones."""

from listening.accents import SENTENCE, britishness
from listening.listener import Listener, Recording
from listening.pace import words_per_minute
from listening.word_errors import WordErrors, words_of

_PACE = (130.0, 230.0)
"""Words per minute at speed 1.0: how fast the seven voices read sentences."""


def check_words(errors: WordErrors, most_percent: float) -> None:
    """Fail where more of the words was misunderstood."""
    assert 100 * errors.rate <= most_percent, str(errors)


def check_nothing_lost_or_doubled(errors: WordErrors) -> None:
    """Fail where two words or more are missing, or there once too often, in a run."""
    assert errors.longest_lost < 2, str(errors)
    assert errors.longest_added < 2, str(errors)


def check_pace(text: str, recording: Recording, speed: float = 1.0) -> None:
    """Fail where `text` was not read at about the asked speed."""
    pace = words_per_minute(len(words_of(text)), recording)
    slowest, fastest = (speed * bound for bound in _PACE)
    assert slowest <= pace <= fastest, f"{pace:.0f} words per minute"


def check_accent(listener: Listener, recording: Recording, voice: str) -> None:
    """Fail where the sentence about the car was not read in the accent that the voice's name stands for."""
    british = britishness(listener, recording, SENTENCE)
    assert (british > 0) == voice.startswith("b"), f"{voice}: {british:+.2f}"
