"""What was heard against what was to be said, word by word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from engines.stt.whisper.words import Passage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Table = npt.NDArray[np.uint16]

_LARGE = ("hundred", "thousand", "million", "dozen")


@dataclass(frozen=True)
class Deviation:
    """A stretch of words that were to be said, and what was heard there: positions of words; one may be empty."""

    start: int
    end: int
    heard_start: int
    heard_end: int

    @property
    def errors(self) -> int:
        """The number of words that were changed, left out or added."""
        return max(self.end - self.start, self.heard_end - self.heard_start)


@dataclass(frozen=True)
class Comparison:
    """Where two texts differ."""

    expected: Passage
    heard: Passage
    deviations: tuple[Deviation, ...]
    """In the order of the text."""

    @property
    def word_error_rate(self) -> float:
        """Errors by expected words: 0 is the same text; above 1 if much was added."""
        return sum(deviation.errors for deviation in self.deviations) / max(1, len(self.expected.words))

    @property
    def match(self) -> float:
        """The share of words that are right, 0 to 1."""
        return max(0.0, 1.0 - self.word_error_rate)

    def expected_text(self, deviation: Deviation) -> str:
        """Return what the text has there."""
        return self.expected.written(deviation.start, deviation.end)

    def heard_text(self, deviation: Deviation) -> str:
        """Return what was heard there, as the recogniser wrote it."""
        return self.heard.written(deviation.heard_start, deviation.heard_end)


def compare(expected: Passage, heard: Passage) -> Comparison:
    """Return the fewest changes that make `heard` of `expected`, without those that only a reader can tell."""
    said, got = expected.keys, heard.keys
    found = (
        Deviation(start, end, heard_start, heard_end)
        for (start, end), (heard_start, heard_end) in _gaps(_agreements(said, got), len(said), len(got))
    )
    return Comparison(expected, heard, tuple(part for part in found if not _sounds_alike(part, said, got)))


def _sounds_alike(part: Deviation, said: Sequence[str], got: Sequence[str]) -> bool:
    """Return whether a deviation is only written: words joined or divided, "a hundred" or "one hundred and"."""
    expected, heard = said[part.start : part.end], got[part.heard_start : part.heard_end]
    if "".join(expected) == "".join(heard):
        return True
    before, after = said[part.start - 1] if part.start else "", said[part.end] if part.end < len(said) else ""
    if {*expected, *heard} == {"and"} and len(expected) + len(heard) == 1:
        return before in _LARGE
    return sorted([*expected, *heard]) == ["a", "one"] and after in _LARGE


def _gaps(
    agreements: list[tuple[int, int]], expected: int, heard: int
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the stretches between neighbouring agreements that hold anything, as (start, end) in both texts."""
    for (left, heard_left), (right, heard_right) in pairwise([(-1, -1), *agreements, (expected, heard)]):
        if right - left > 1 or heard_right - heard_left > 1:
            yield (left + 1, right), (heard_left + 1, heard_right)


def _agreements(expected: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places (in expected, in heard) of the words that an alignment with the fewest changes leaves alone."""
    table = _distances(expected, heard)
    row, column = len(expected), len(heard)
    found = []
    while row and column:
        same = expected[row - 1] == heard[column - 1]
        if same and table[row, column] == table[row - 1, column - 1]:
            row, column = row - 1, column - 1
            found.append((row, column))
        elif table[row, column] == table[row - 1, column - 1] + 1:
            row, column = row - 1, column - 1
        elif table[row, column] == table[row - 1, column] + 1:
            row -= 1
        else:
            column -= 1
    return found[::-1]


def _distances(expected: Sequence[str], heard: Sequence[str]) -> "Table":
    """Return the changes between all beginnings of both texts: Levenshtein's table, (words + 1, words heard + 1).

    16 bits a number: each text may have 65,535 words.
    """
    import numpy as np

    numbers = {word: number for number, word in enumerate({*expected, *heard})}
    columns = np.arange(len(heard) + 1, dtype=np.int32)
    heard_numbers = np.array([numbers[word] for word in heard], np.int32)
    table = np.empty((len(expected) + 1, len(heard) + 1), np.uint16)
    table[0] = columns
    for row, word in enumerate(expected, start=1):
        above = table[row - 1].astype(np.int32)
        best = np.append(np.int32(row), np.minimum(above[:-1] + (heard_numbers != numbers[word]), above[1:] + 1))
        # One more word heard costs 1 from the left: the smallest of best[k] + column - k over all k up to the column.
        table[row] = np.minimum.accumulate(best - columns) + columns
    return table
