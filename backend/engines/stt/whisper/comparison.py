"""What was heard against what was to be said, word by word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Table = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Deviation:
    """A stretch of words that were to be said, and what was heard there; one of the two may be empty."""

    expected: tuple[str, ...]
    heard: tuple[str, ...]

    @property
    def errors(self) -> int:
        """The words that were changed, left out or added."""
        return max(len(self.expected), len(self.heard))

    @property
    def stretch(self) -> int:
        """How many words are missing, or too many."""
        return abs(len(self.expected) - len(self.heard))


@dataclass(frozen=True)
class Comparison:
    """Where two texts differ."""

    expected_words: int
    deviations: tuple[Deviation, ...]  # in the order of the text

    @property
    def word_error_rate(self) -> float:
        """Errors by expected words: 0 is the same text; above 1 where much was added."""
        return sum(deviation.errors for deviation in self.deviations) / max(1, self.expected_words)

    @property
    def match(self) -> float:
        """The share of words that are right, 0 to 1."""
        return max(0.0, 1.0 - self.word_error_rate)


def compare(expected: Sequence[str], heard: Sequence[str]) -> Comparison:
    """Return the fewest changes that make `heard` of `expected`; words only joined or divided otherwise are none."""
    found = (
        Deviation(tuple(expected[start:end]), tuple(heard[heard_start:heard_end]))
        for (start, end), (heard_start, heard_end) in _gaps(_agreements(expected, heard), len(expected), len(heard))
    )
    kept = (deviation for deviation in found if "".join(deviation.expected) != "".join(deviation.heard))
    return Comparison(len(expected), tuple(kept))


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

    A number has 16 bits: each text may have 65,535 words.
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
