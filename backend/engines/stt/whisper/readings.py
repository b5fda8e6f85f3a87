"""The ways to read what was to be said and what was heard, of which the closest counts."""

import re
from collections.abc import Iterator, Sequence

from engines.stt.whisper.comparison import Comparison, compare
from engines.stt.whisper.pronunciation import Pronunciation
from engines.stt.whisper.words import passage

_NUMBER = re.compile(r"\d{2,}")
MOST_NUMBERS = 20
"""Numbers of one recording that are read in another way; more would take long."""


def closest(expected: str, pieces: Sequence[str], language: str, rules: Pronunciation) -> tuple[Comparison, list[str]]:
    """Return the comparison of the readings that differ least, and the pieces as they were read for it.

    A listener may write a word or what it sounds like (`rules`), and "123" for "one, two, three".
    """
    readings = rules.readings(expected, list(pieces))
    compared = ((_compared(said, got, language), list(got), said) for said, got in readings)
    best, got, said = min(compared, key=lambda found: found[0].word_error_rate)
    for apart in _digits_apart(got) if best.deviations and language == "en" else ():
        other = _compared(said, apart, language)
        if other.word_error_rate < best.word_error_rate:
            best, got = other, apart
            break
    return best, got


def _compared(expected: str, pieces: Sequence[str], language: str) -> Comparison:
    return compare(passage(expected, language), passage(" ".join(pieces), language))


def _digits_apart(pieces: Sequence[str]) -> Iterator[list[str]]:
    """Yield the pieces with the digits of one number apart, for each number."""
    numbers = [(index, match) for index, text in enumerate(pieces) for match in _NUMBER.finditer(text)]
    for index, match in numbers[:MOST_NUMBERS]:
        changed = list(pieces)
        text = pieces[index]
        changed[index] = f"{text[: match.start()]}{', '.join(match[0])}{text[match.end() :]}"
        yield changed
