"""Seven voices and their accents, as the listener hears `generate_audio`."""

from typing import Any

import pytest

from core_engine.kokoro.voice.voices import VOICES
from listening.accents import SENTENCE
from listening.listener import Listener
from listening.tests.bars import check_accent, check_nothing_lost_or_doubled, check_pace, check_words
from listening.tests.conftest import ReadAloud
from listening.texts import HARVARD
from listening.word_errors import together, word_errors

pytestmark = [pytest.mark.listening, pytest.mark.timeout(3600)]

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
