"""Speeds, as the listener hears `generate_audio`; half speed labelled as normal is detected."""

import pytest

from listening.listener import Listener
from listening.tests.bars import check_pace, check_speed, check_words
from listening.tests.conftest import ReadAloud
from listening.texts import paragraphs
from listening.word_errors import together, word_errors

pytestmark = [pytest.mark.listening, pytest.mark.timeout(3600)]

(PARAGRAPH,) = paragraphs(1)


# Faster speech is shorter per word, so it needs more words for a stable rate.
@pytest.mark.parametrize(("speed", "length"), [(0.5, 1), (0.8, 1), (1.25, 2), (2.0, 10)])
def test_speed_is_followed_and_understood(read_aloud: ReadAloud, listener: Listener, speed: float, length: int) -> None:
    texts = paragraphs(length)
    recordings = [read_aloud(text, "af_bella", speed) for text in texts]
    heard = [listener.hear(recording) for recording in recordings]
    check_words(together([word_errors(text, words) for text, words in zip(texts, heard, strict=True)]), 8)
    check_speed(recordings[0], read_aloud(texts[0], "af_bella"), speed)


def test_half_speed_labelled_as_normal_is_caught(read_aloud: ReadAloud, listener: Listener) -> None:
    recording = read_aloud(PARAGRAPH, "af_bella", 0.5)
    check_words(word_errors(PARAGRAPH, listener.hear(recording)), 8)
    check_speed(recording, read_aloud(PARAGRAPH, "af_bella"), 0.5)
    with pytest.raises(AssertionError):
        check_pace(PARAGRAPH, recording)
    with pytest.raises(AssertionError):
        check_speed(recording, read_aloud(PARAGRAPH, "af_bella"), 1.0)
