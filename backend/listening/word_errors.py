"""Compare a text with what a listener heard: the word error rate, and runs of lost or repeated words."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'"})
_LETTER = r"[\w\u0900-\u0963\u0966-\u097f]"
"""Includes the vowel signs of Devanagari, but not its full stop."""
_WORD = re.compile(rf"{_LETTER}+(?:'{_LETTER}+)*")


@dataclass(frozen=True)
class Difference:
    """A stretch of text without any matching word, between matching words."""

    position: int
    """Index of its first expected word."""
    expected: tuple[str, ...]
    """Empty if words were only added."""
    heard: tuple[str, ...]
    """Empty if words were only lost."""

    @property
    def errors(self) -> int:
        """Number of substituted, lost and added words."""
        return max(len(self.expected), len(self.heard))

    def __str__(self) -> str:
        """Return a readable line."""
        return f"word {self.position + 1}: {' '.join(self.expected) or '-'} → {' '.join(self.heard) or '-'}"


@dataclass(frozen=True)
class WordErrors:
    """The differences between a text and what was heard."""

    words: int
    """Number of words in the text."""
    differences: tuple[Difference, ...]

    @property
    def rate(self) -> float:
        """The word error rate: substituted, lost and added words per word of the text. It may exceed 1."""
        return sum(found.errors for found in self.differences) / self.words

    @property
    def longest_lost(self) -> int:
        """Number of words in the longest missing run."""
        return max([0, *(len(found.expected) - len(found.heard) for found in self.differences)])

    @property
    def longest_added(self) -> int:
        """Number of words in the longest added run, such as a chunk spoken twice."""
        return max([0, *(len(found.heard) - len(found.expected) for found in self.differences)])

    def __str__(self) -> str:
        """Return the rate and the differences in readable form."""
        listed = "; ".join(map(str, self.differences))
        return f"{100 * self.rate:.1f} % of {self.words} words" + (f" ({listed})" if listed else "")


def words_of(text: str) -> list[str]:
    """Return the words of a text for comparison: in lower case, without punctuation."""
    return _WORD.findall(text.lower().translate(_APOSTROPHES).replace("-", " "))


def word_errors(expected: str, heard: str) -> WordErrors:
    """Return the differences between `heard` and `expected` with the fewest errors (Levenshtein distance on words).

    Raises ValueError if the expected text has no words.
    """
    return sequence_errors(words_of(expected), words_of(heard))


def sequence_errors(expected: Sequence[str], heard: Sequence[str]) -> WordErrors:
    """Return the same for sequences of words or other units."""
    if not expected:
        raise ValueError("The expected text has no words to compare with. Give it at least one.")
    return WordErrors(len(expected), tuple(_differences(expected, heard)))


def together(each: Sequence[WordErrors]) -> WordErrors:
    """Combine the errors of several texts as if they were one text."""
    before, found = 0, []
    for errors in each:
        found += [Difference(before + d.position, d.expected, d.heard) for d in errors.differences]
        before += errors.words
    return WordErrors(before, tuple(found))


def _differences(expected: Sequence[str], heard: Sequence[str]) -> Iterator[Difference]:
    """Yield the stretches between matching words."""
    end = (len(expected), len(heard))
    i = j = 0
    for same_i, same_j in [*agreeing(expected, heard), end]:
        if i < same_i or j < same_j:
            yield Difference(i, tuple(expected[i:same_i]), tuple(heard[j:same_j]))
        i, j = same_i + 1, same_j + 1


def agreeing(expected: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """Return the positions of matching words in both, for an alignment with the fewest errors."""
    least = _least_errors(expected, heard)
    found = []
    i, j = len(expected), len(heard)
    while i and j:
        same = expected[i - 1] == heard[j - 1]
        if same and least[i, j] == least[i - 1, j - 1]:
            i, j = i - 1, j - 1
            found.append((i, j))
        elif least[i, j] == least[i - 1, j] + 1:
            i -= 1
        elif least[i, j] == least[i, j - 1] + 1:
            j -= 1
        else:
            i, j = i - 1, j - 1
    return found[::-1]


def _least_errors(expected: Sequence[str], heard: Sequence[str]) -> npt.NDArray[np.int32]:
    """Return (n + 1, m + 1): the fewest errors between the first i expected and the first j heard words."""
    ids = {word: number for number, word in enumerate({*expected, *heard})}
    across = np.array([ids[word] for word in heard], dtype=np.int32)
    columns = np.arange(len(heard) + 1, dtype=np.int32)
    least = np.empty((len(expected) + 1, len(heard) + 1), dtype=np.int32)
    least[0] = columns
    for i, word in enumerate(expected, start=1):
        row = least[i - 1] + 1  # the word was lost
        np.minimum(row[1:], least[i - 1, :-1] + (across != ids[word]), out=row[1:])
        # An added word costs one more than the entry to its left: the minimum over all to the left plus distance.
        least[i] = np.minimum.accumulate(row - columns) + columns
    return least
