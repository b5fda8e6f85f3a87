"""The listening tests detect faulty speech: each fault fails a bar that correct speech passes.

| fault | caught by |
|---|---|
| shuffled tokens | word error rate |
| phonemes of another accent | britishness: the encoder's states compared with both readings of espeak-ng |
| a missing chunk | a run of lost words |
| a repeated chunk | a run of added words |
| half speed labelled as normal | words per minute; the words themselves are understood: `test_speeds.py` |
"""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core_engine.kokoro.speech.synthesis import Kokoro, Utterance
from listening.accents import SENTENCE
from listening.listener import Listener, Recording
from listening.tests.bars import check_accent, check_nothing_lost_or_doubled, check_words
from listening.texts import FEW
from listening.word_errors import word_errors

pytestmark = [pytest.mark.listening, pytest.mark.timeout(3600)]

CHUNK_TOKENS = 80
"""Few enough that each sentence, with its context, is a chunk."""


@pytest.fixture(scope="module")
def spoken(kokoro: Kokoro) -> tuple[Utterance, list[Any]]:
    """Four sentences, one per chunk, spoken chunk by chunk."""
    utterance = kokoro.prepare(FEW, "af_sarah", max_tokens=CHUNK_TOKENS)
    assert len(utterance.chunks) == 4
    return utterance, [kokoro.run(utterance, chunk) for chunk in utterance.chunks]


@pytest.fixture
def recording_of(kokoro: Kokoro, spoken: tuple[Utterance, list[Any]]) -> Callable[..., Recording]:
    """Return recording_of(numbers): the chunks with these numbers, in this order, joined like `speak` does."""
    utterance, pieces = spoken

    def recording(*numbers: int) -> Recording:
        chosen = replace(utterance, chunks=tuple(utterance.chunks[number] for number in numbers))
        speech = kokoro.joined(chosen, [pieces[number] for number in numbers])
        return Recording(speech.audio, speech.sample_rate)

    return recording


def test_all_chunks_pass(recording_of: Callable[..., Recording], listener: Listener) -> None:
    errors = word_errors(FEW, listener.hear(recording_of(0, 1, 2, 3)))
    check_words(errors, 8)
    check_nothing_lost_or_doubled(errors)


def test_dropped_chunk_is_caught(recording_of: Callable[..., Recording], listener: Listener) -> None:
    errors = word_errors(FEW, listener.hear(recording_of(0, 2, 3)))
    with pytest.raises(AssertionError):
        check_nothing_lost_or_doubled(errors)
    assert errors.longest_lost >= 7, str(errors)


def test_doubled_chunk_is_caught(recording_of: Callable[..., Recording], listener: Listener) -> None:
    errors = word_errors(FEW, listener.hear(recording_of(0, 1, 1, 2, 3)))
    with pytest.raises(AssertionError):
        check_nothing_lost_or_doubled(errors)
    assert errors.longest_added >= 7, str(errors)


def test_shuffled_tokens_are_caught(kokoro: Kokoro, listener: Listener) -> None:
    utterance = kokoro.prepare(FEW, "af_sarah")
    (chunk,) = utterance.chunks
    order = random.Random(1).sample(range(len(chunk.token_ids)), len(chunk.token_ids))
    phonemes = "".join(chunk.phonemes[place] for place in order)
    shuffled = replace(chunk, phonemes=phonemes, token_ids=tuple(chunk.token_ids[place] for place in order))
    errors = word_errors(FEW, listener.hear(_spoken(kokoro, replace(utterance, chunks=(shuffled,)))))
    with pytest.raises(AssertionError):
        check_words(errors, 8)
    assert errors.rate > 0.5, str(errors)


@pytest.mark.parametrize(("voice", "other"), [("bm_george", "en-us"), ("am_adam", "en-gb")])
def test_another_accent_is_caught(kokoro: Kokoro, listener: Listener, voice: str, other: str) -> None:
    recording = _spoken(kokoro, kokoro.prepare(SENTENCE, voice, language=other))
    check_words(word_errors(SENTENCE, listener.hear(recording)), 8)  # the words are still understood
    with pytest.raises(AssertionError):
        check_accent(listener, recording, voice)


def _spoken(kokoro: Any, utterance: Utterance) -> Recording:
    speech = kokoro.joined(utterance, [kokoro.run(utterance, chunk) for chunk in utterance.chunks])
    return Recording(speech.audio, speech.sample_rate)
