"""A pronunciation list: words with a respelling or with phonemes, used before everything else that reads a text.

# names.txt
Cholmondeley = Chumley
Moriarty = /mˌɔːɹiˈɑːɹti/
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from core_engine.reading.errors import LexiconError
from core_engine.reading.forms import Form

_COMMENT = re.compile(r"(?:^|\s)#.*")
_WORD = re.compile(r"\w+")
_PLAIN = re.compile(r"[^\W\d_]+(?:[ '-]+[^\W\d_]+)*'?")
"""Words whose phonemes can be given: no digits and marks, which are gone when phonemes are made."""

_LONGEST = 200
"""Characters of a word or of how it is spoken."""


@dataclass(frozen=True)
class Pronunciation:
    """One line of a pronunciation list."""

    word: str
    """With straight apostrophes and single spaces."""
    spoken: str
    """The respelling, or the phonemes without their slashes."""
    is_phonemes: bool
    line: int


@dataclass(frozen=True)
class Found:
    """A word of the list in a text."""

    start: int
    end: int
    """Exclusive; a possessive ending is not included."""
    entry: Pronunciation


@dataclass(frozen=True)
class Lexicon:
    """A pronunciation list.

    It applies to whole words. A word in small letters is found in any case, a word with a capital only as written or
    all in capitals: "Polish" leaves "polish" alone.
    """

    entries: tuple[Pronunciation, ...] = ()
    source: str = "The pronunciation list"
    """What error messages call it."""

    @classmethod
    def parse(cls, text: str, source: str = "The pronunciation list") -> "Lexicon":
        """Read lines `word = respelling` or `word = /phonemes/`; raise LexiconError, which names the line."""
        entries: dict[str, Pronunciation] = {}
        for number, line in enumerate(text.split("\n"), start=1):
            stripped = _COMMENT.sub("", line).strip()
            if stripped:
                entry = _entry(stripped, number, source)
                first = entries.setdefault(entry.word, entry)
                if first is not entry:
                    raise LexiconError(
                        f"{source}, line {number}, repeats '{entry.word}' of line {first.line}. Keep one."
                    )
        return cls(tuple(entries.values()), source)

    def find(self, text: str) -> Iterator[Found]:
        """Yield the words of the list in `text`, from left to right; at one place the longest."""
        words = self._words_for(text)
        if words:
            for match in _pattern(words).finditer(text):
                entry = self._meant(match.group())
                if entry:
                    yield Found(*match.span(), entry)

    def phonemes_in(self, text: str) -> list[Found]:
        """Return the words in `text` that are given as phonemes."""
        return [found for found in self.find(text) if found.entry.is_phonemes]

    def respellings(self, text: str) -> tuple[Form, ...]:
        """Return the forms that replace the words in `text` by their respellings."""
        return self._forms(text, of_phonemes=False)

    def protections(self, text: str) -> tuple[Form, ...]:
        """Return the forms that keep all others away from the words in `text` that are given as phonemes."""
        return self._forms(text, of_phonemes=True)

    def _forms(self, text: str, of_phonemes: bool) -> tuple[Form, ...]:
        def read(match: re.Match[str], _british: bool) -> str | None:
            entry = self._meant(match.group())
            if entry is None or entry.is_phonemes is not of_phonemes:
                return None
            return match.group() if of_phonemes else entry.spoken

        words = self._words_for(text)
        return (Form(_pattern(words), read),) if words else ()

    def _words_for(self, text: str) -> tuple[str, ...]:
        """Return the words that may be in `text`, the longest first: a long list costs short texts nothing."""
        if not self.entries:
            return ()
        present = {"", *_WORD.findall(text.lower())}
        words = {word for first, words in self._by_first_word.items() if first in present for word in words}
        return tuple(sorted(words, key=lambda word: (-len(word), word)))

    @cached_property
    def _by_first_word(self) -> dict[str, list[str]]:
        grouped: dict[str, list[str]] = {}
        for entry in self.entries:
            first = _WORD.search(entry.word.lower())
            grouped.setdefault(first.group() if first else "", []).append(entry.word)
        return grouped

    @cached_property
    def _by_word(self) -> dict[str, Pronunciation]:
        """The entries by the forms in which they are found, the exact ones last, so that they win."""
        capitals = {entry.word.upper(): entry for entry in self.entries if len(entry.word) > 1}
        return capitals | {entry.word: entry for entry in self.entries}

    def _meant(self, written: str) -> Pronunciation | None:
        word = _tidy(written)
        return self._by_word.get(word) or self._by_word.get(word.lower())


def _entry(line: str, number: int, source: str) -> Pronunciation:
    word, equals, spoken = (part.strip() for part in line.partition("="))
    word = _tidy(word)
    if not equals or not word or not spoken:
        raise LexiconError(
            f"{source}, line {number}, is '{line[:60]}'. Write `word = respelling` or `word = /phonemes/`."
        )
    if len(word) > _LONGEST or len(spoken) > _LONGEST:
        raise LexiconError(f"{source}, line {number}, is too long. A word can have {_LONGEST} characters.")
    is_phonemes = len(spoken) > 1 and spoken[0] == spoken[-1] == "/"
    if is_phonemes and not _PLAIN.fullmatch(word):
        raise LexiconError(
            f"{source}, line {number}, has phonemes for '{word}', which has digits or marks. Write a respelling."
        )
    return Pronunciation(word, spoken.strip("/").strip() if is_phonemes else spoken, is_phonemes, number)


def _tidy(word: str) -> str:
    return " ".join(word.replace("’", "'").split())


@lru_cache(maxsize=256)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern of whole words: the parts of "o'clock" and "don't" are none, but "Holmes'll" has "Holmes"."""
    return re.compile("|".join(map(_bounded, words)), re.IGNORECASE)


def _bounded(word: str) -> str:
    inside = r"\s+".join(re.escape(part).replace("'", "['’]") for part in word.split())
    before = r"(?<!\w)(?<!\w['’])" if word[0].isalnum() else ""
    behind = r"(?!\w|['’](?!(?:s|ll|d|ve|re)\b)\w)" if word[-1].isalnum() else ""
    return f"{before}{inside}{behind}"


NO_LEXICON = Lexicon()
