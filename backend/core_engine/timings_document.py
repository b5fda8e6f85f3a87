"""Times of a text's parts as values for JSON, the same for Django and the command line."""

from collections.abc import Iterable
from typing import Any

from core_engine.kokoro.speech.timings import Timed, TimedPassage, Timings

_DIGITS = 5
"""Decimals of a time in seconds: enough to find the sample again."""


def words_document(timings: Timings) -> dict[str, Any]:
    """Return `estimated`, `words` and `sentences`."""
    return {
        "estimated": timings.is_estimated,
        "words": _passages(timings.words),
        "sentences": _passages(timings.sentences),
    }


def timings_document(timings: Timings) -> dict[str, Any]:
    """Return the same with `phonemes` and `tokens`."""
    return {
        **words_document(timings),
        "phonemes": [{"text": phoneme.text, **_times(phoneme)} for phoneme in timings.phonemes],
        "tokens": [{"id": token.id, "text": token.text, **_times(token)} for token in timings.tokens],
    }


def _passages(passages: Iterable[TimedPassage]) -> list[dict[str, Any]]:
    return [
        {"text": passage.text, **_times(passage), "from": passage.written_start, "to": passage.written_end}
        for passage in passages
    ]


def _times(timed: Timed) -> dict[str, float]:
    return {"start": round(timed.start, _DIGITS), "end": round(timed.end, _DIGITS)}
