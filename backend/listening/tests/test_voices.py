"""Seven voices, their accents and their speeds, and five more languages, as the listener hears `generate_audio`."""

from typing import Any

import pytest

from core_engine.kokoro.voice.voices import VOICES
from listening.accents import SENTENCE
from listening.hindi import hindi_errors
from listening.listener import Listener
from listening.tests.bars import check_accent, check_nothing_lost_or_doubled, check_pace, check_speed, check_words
from listening.tests.conftest import ReadAloud
from listening.texts import HARVARD, PASSAGES, paragraphs
from listening.word_errors import together, word_errors

# One worker, so that what is read aloud is read once.
pytestmark = [pytest.mark.listening, pytest.mark.timeout(3600), pytest.mark.xdist_group("read-aloud")]

SEVEN = [voice.id for voice in VOICES]
TEN_SENTENCES = " ".join(HARVARD)


def test_seven_voices_are_understood(read_aloud: ReadAloud, listener: Listener) -> None:
    each = [word_errors(TEN_SENTENCES, listener.hear(read_aloud(TEN_SENTENCES, voice))) for voice in SEVEN]
    check_words(together(each), 4)
    for errors in each:
        check_nothing_lost_or_doubled(errors)


@pytest.mark.parametrize("voice", SEVEN)
def test_voice_speaks_in_its_own_accent(read_aloud: ReadAloud, listener: Listener, voice: Any) -> None:
    check_accent(listener, read_aloud(SENTENCE, voice), voice)


@pytest.mark.parametrize("voice", SEVEN)
def test_voice_reads_at_a_narrators_pace(read_aloud: ReadAloud, voice: Any) -> None:
    check_pace(TEN_SENTENCES, read_aloud(TEN_SENTENCES, voice))


# Faster speech is shorter per word, so it needs more words for a stable rate.
@pytest.mark.parametrize(("speed", "length"), [(0.5, 1), (0.8, 1), (1.25, 2), (2.0, 10)])
def test_speed_is_followed_and_understood(read_aloud: ReadAloud, listener: Listener, speed: float, length: int) -> None:
    texts = paragraphs(length)
    recordings = [read_aloud(text, "af_bella", speed) for text in texts]
    heard = [listener.hear(recording) for recording in recordings]
    check_words(together([word_errors(text, words) for text, words in zip(texts, heard, strict=True)]), 8)
    check_speed(recordings[0], read_aloud(texts[0], "af_bella"), speed)


@pytest.mark.parametrize("passage", PASSAGES, ids=lambda passage: passage.language)
def test_other_languages_are_understood(read_aloud: ReadAloud, listener: Listener, passage: Any) -> None:
    heard = listener.hear(read_aloud(passage.text, passage.voice), passage.language)
    errors_of = hindi_errors if passage.language == "hi" else word_errors
    check_words(errors_of(passage.text, heard), 15)
