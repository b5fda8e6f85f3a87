"""Seven voices, their accents and their speeds, and five more languages, as the listener hears `generate_audio`."""

import pytest

from core_engine.kokoro.espeak import to_ipa
from core_engine.kokoro.voices import VOICES
from listening.accents import SENTENCE
from listening.tests.bars import check_accent, check_nothing_lost_or_doubled, check_pace, check_speed, check_words
from listening.texts import HARVARD, PASSAGES, Passage
from listening.word_errors import WordErrors, sequence_errors, together, word_errors, words_of

pytestmark = [pytest.mark.listening, pytest.mark.timeout(1200)]

SEVEN = [voice.id for voice in VOICES]
TEN_SENTENCES = " ".join(HARVARD)
FEW_SENTENCES = " ".join(HARVARD[:4])


def test_seven_voices_are_understood(read_aloud, listener):
    each = [word_errors(TEN_SENTENCES, listener.hear(read_aloud(TEN_SENTENCES, voice))) for voice in SEVEN]
    check_words(together(each), 4)
    for errors in each:
        check_nothing_lost_or_doubled(errors)


@pytest.mark.parametrize("voice", SEVEN)
def test_voice_speaks_in_its_own_accent(read_aloud, listener, voice):
    check_accent(listener, read_aloud(SENTENCE, voice), voice)


@pytest.mark.parametrize("voice", SEVEN)
def test_voice_reads_at_a_narrators_pace(read_aloud, voice):
    check_pace(TEN_SENTENCES, read_aloud(TEN_SENTENCES, voice))


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
def test_speed_is_obeyed_and_understood(read_aloud, listener, speed):
    recording = read_aloud(FEW_SENTENCES, "af_bella", speed)
    check_words(word_errors(FEW_SENTENCES, listener.hear(recording)), 8)
    check_speed(recording, read_aloud(FEW_SENTENCES, "af_bella"), speed)


@pytest.mark.parametrize("passage", PASSAGES, ids=lambda passage: passage.language)
def test_other_languages_are_understood(read_aloud, listener, passage):
    heard = listener.hear(read_aloud(passage.text, passage.voice), passage.language)
    check_words(_errors(passage, heard), 15)


def _errors(passage: Passage, heard: str) -> WordErrors:
    """Return the errors; of Hindi by how the words sound, since Whisper spells them in more than one way or script."""
    if passage.language != "hi":
        return word_errors(passage.text, heard)
    return sequence_errors(_as_spoken(passage.text), _as_spoken(heard))


def _as_spoken(text: str) -> list[str]:
    """Return each word in IPA, as espeak-ng reads it."""
    return to_ipa(words_of(text), "hi")
