"""Texts as the words that are heard, each with its place in the text: without case, marks and other spellings."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from core_engine.reading.aloud import Reading, read_aloud
from engines.stt.whisper.spellings import one_spelling

# Written without spaces between words: compared by characters, as the error rates of these languages are.
_UNSPACED = frozenset({"zh", "yue", "ja", "th", "lo", "my"})
_APOSTROPHES = str.maketrans("’‘ʼ`´", "'''''")
_CONTRACTED = {
    "n't": "not", "'re": "are", "'ve": "have", "'ll": "will", "'m": "am", "'s": "is", "'d": "would",
}  # fmt: skip
_CONTRACTION = re.compile("(n't|'re|'ve|'ll|'m|'s|'d)$")
_WHOLE = {"can't": ("can", "not"), "won't": ("will", "not"), "shan't": ("shall", "not")}


@dataclass(frozen=True)
class SpokenWord:
    """A word, and the characters of the text that it stands for."""

    key: str
    """The form that is compared."""
    start: int
    """Position in the text; words of one written form, such as a number, share its characters. `end` is exclusive."""
    end: int


@dataclass(frozen=True)
class Passage:
    """A text and its words."""

    text: str
    words: tuple[SpokenWord, ...]

    @property
    def keys(self) -> list[str]:
        """The words as they are compared."""
        return [word.key for word in self.words]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return the first and the last position in the text of the words `start` to `end`; both the same for none.

        That is after the word before, so that what is put there stands before a comma or full stop.
        """
        if start < end:
            return self.words[start].start, self.words[end - 1].end
        position = self.words[start - 1].end if start else 0
        return position, position

    def written(self, start: int, end: int) -> str:
        """Return what the text has for the words `start` to `end`."""
        first, last = self.place(start, end)
        return self.text[first:last]


def passage(text: str, language: str) -> Passage:
    """Return `text` with its words as they are spoken; `language` is Whisper's code.

    In English numbers, dates, money and symbols become words, contractions two words, and British spellings American
    ones. Languages without spaces between words have a word for each character.
    """
    reading = read_aloud(text, "en-us") if language == "en" else Reading(text, text, ())
    words = (
        SpokenWord(key, *reading.written_range(start, end))
        for start, end in _stretches(reading.text, language in _UNSPACED)
        for key in _keys(reading.text[start:end], language)
    )
    return Passage(text, tuple(words))


def _stretches(text: str, by_character: bool) -> Iterator[tuple[int, int]]:
    """Yield start and end of each run of letters, vowel signs, digits and apostrophes within a word."""
    start = None
    plain = text.translate(_APOSTROPHES)
    for position, character in enumerate(f"{plain} "):
        inside = _is_spoken(character) or (
            character == "'" and start is not None and _is_spoken(plain[position + 1 : position + 2])
        )
        if start is not None and (not inside or (by_character and not unicodedata.category(character).startswith("M"))):
            yield start, position
            start = None
        if inside and start is None and character != "'":
            start = position


def _is_spoken(character: str) -> bool:
    return bool(character) and unicodedata.category(character)[0] in "LMN"


def _keys(word: str, language: str) -> tuple[str, ...]:
    """Return the compared forms of one word: two for an English contraction."""
    key = unicodedata.normalize("NFKC", word.translate(_APOSTROPHES)).casefold()
    if language != "en":
        return (key,)
    if key in _WHOLE:
        return _WHOLE[key]
    match = _CONTRACTION.search(key)
    first = one_spelling((key[: match.start()] if match else key).replace("'", ""))
    return (first, _CONTRACTED[match[0]]) if match else (first,)
