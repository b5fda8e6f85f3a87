"""Turn written text into spoken text, and map each spoken word back to its place in the written text."""

import re
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from functools import cached_property

from core_engine.reading.forms import Edit, edits
from core_engine.reading.lexicon import NO_LEXICON, Lexicon
from core_engine.reading.order import PASSES, forms_for

_LETTER_A = re.compile(r"\bA-(?=\s)")
_WORD = re.compile(r"[^\s—]+")


@dataclass(frozen=True)
class Word:
    """A spoken word and the written characters that it came from."""

    start: int
    """Position in the spoken text; `end` is exclusive."""
    end: int
    written_start: int
    """Position in the written text; words of one written form share its characters."""
    written_end: int


@dataclass(frozen=True)
class Reading:
    """A text and its spoken form."""

    written: str
    text: str
    """The spoken text."""
    spans: tuple[tuple[int, int, int, int], ...]
    """The replacements, in order: start and end in the spoken text, start and end in the written text."""

    @property
    def printed(self) -> str:
        """The spoken text for display: without the hyphen that marks the letter A for espeak-ng."""
        return _LETTER_A.sub("A", self.text)

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The spoken words, split at spaces and dashes, in order."""
        return tuple(Word(*match.span(), *self.written_range(*match.span())) for match in _WORD.finditer(self.text))

    def written_range(self, start: int, end: int) -> tuple[int, int]:
        """Return the start and end in the written text of the spoken characters from `start` to `end`."""
        return self._written(start, is_end=False), self._written(end, is_end=True)

    def _written(self, position: int, is_end: bool) -> int:
        """Return the written position of a spoken one; within a replaced form, its start or, if `is_end`, its end."""
        index = bisect_right(self.spans, position - is_end, key=lambda span: span[0]) - 1
        if index < 0:
            return position
        _, end, written_start, written_end = self.spans[index]
        if position - is_end < end:
            return written_end if is_end else written_start
        return written_end + position - end


def read_aloud(text: str, language: str = "en-us", lexicon: Lexicon = NO_LEXICON) -> Reading:
    """Return `text` as a speaker of `language` reads it: numbers, dates, money, units, titles and symbols in words.

    Supports "en-us" and "en-gb", the latter with British dates and numbers. Of text in any other language only the
    respellings of `lexicon` are used. Its words that are given as phonemes stay as they are.
    """
    reading = respelled(text, lexicon)
    if language.partition("-")[0] != "en":
        return reading
    for groups in PASSES:
        forms = (*lexicon.protections(reading.text), *forms_for(reading.text, groups))
        reading = _after(reading, edits(reading.text, forms, british=language == "en-gb"))
    return reading


def respelled(text: str, lexicon: Lexicon = NO_LEXICON) -> Reading:
    """Return `text` with the respellings of `lexicon`, and nothing else changed: the model reads the written forms."""
    return _after(Reading(text, text, ()), edits(text, lexicon.respellings(text), british=False))


def spoken_text(text: str, language: str = "en-us", lexicon: Lexicon = NO_LEXICON) -> str:
    """Return only the spoken text of `read_aloud`."""
    return read_aloud(text, language, lexicon).text


def _after(reading: Reading, changes: list[Edit]) -> Reading:
    """Return `reading` with `changes` applied; earlier replacements keep their written positions."""
    if not changes:
        return reading
    parts: list[str] = []
    spans: list[tuple[int, int, int, int]] = []
    old = deque(reading.spans)
    position = length = 0
    for change in [*changes, Edit(len(reading.text), len(reading.text), "")]:
        kept = reading.text[position : change.start]
        while old and old[0][0] < change.start:
            start, end, *written = old.popleft()
            if end > position:
                spans.append((length + start - position, length + end - position, written[0], written[1]))
        parts += [kept, change.spoken]
        length += len(kept)
        if change.end > change.start:
            written = list(reading.written_range(change.start, change.end))
            spans.append((length, length + len(change.spoken), written[0], written[1]))
        length += len(change.spoken)
        position = change.end
        while old and old[0][0] < position:
            old.popleft()
    return Reading(reading.written, "".join(parts), tuple(spans))
