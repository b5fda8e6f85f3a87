"""What a listener got wrong of a text, word by word: how much of it, and which runs were lost or heard twice."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'"})
_LETTER = r"[\w\u0900-\u0963\u0966-\u097f]"
"""Also the vowel signs of Devanagari, without its full stop."""
_WORD = re.compile(rf"{_LETTER}+(?:'{_LETTER}+)*")


@dataclass(frozen=True)
class Difference:
    """A stretch of text that was heard as something else: nothing in it agrees, and what is around it does."""

    position: int
    """Of its first word among the expected ones."""
    expected: tuple[str, ...]
    """Empty where words were heard that were not there."""
    heard: tuple[str, ...]
    """Empty where words were lost."""

    @property
    def errors(self) -> int:
        """Words exchanged, lost or put in: the least that makes one of the other."""
        return max(len(self.expected), len(self.heard))

    def __str__(self) -> str:
        """Return it as a line for people."""
        return f"word {self.position + 1}: {' '.join(self.expected) or '-'} → {' '.join(self.heard) or '-'}"


@dataclass(frozen=True)
class WordErrors:
    """A text beside what was heard of it."""

    words: int
    """Of the text."""
    differences: tuple[Difference, ...]

    @property
    def rate(self) -> float:
        """The word error rate: words exchanged, lost and put in, for each word of the text. It may be above 1."""
        return sum(found.errors for found in self.differences) / self.words

    @property
    def longest_lost(self) -> int:
        """Words of the longest run that is missing."""
        return max([0, *(len(found.expected) - len(found.heard) for found in self.differences)])

    @property
    def longest_added(self) -> int:
        """Words of the longest run that was heard and is not in the text there, as where a chunk is spoken twice."""
        return max([0, *(len(found.heard) - len(found.expected) for found in self.differences)])

    def __str__(self) -> str:
        """Return rate and differences for people."""
        listed = "; ".join(map(str, self.differences))
        return f"{100 * self.rate:.1f} % of {self.words} words" + (f" ({listed})" if listed else "")


def words_of(text: str) -> list[str]:
    """Return the words of a text as they are compared: in lower case, without punctuation."""
    return _WORD.findall(text.lower().translate(_APOSTROPHES).replace("-", " "))


def word_errors(expected: str, heard: str) -> WordErrors:
    """Return how `heard` differs from `expected`, with as few errors as possible (Levenshtein's distance on words).

    Raises ValueError for an expected text without words.
    """
    return sequence_errors(words_of(expected), words_of(heard))


def sequence_errors(expected: Sequence[str], heard: Sequence[str]) -> WordErrors:
    """Return the same for words, or other units, that are told apart already."""
    if not expected:
        raise ValueError("The expected text holds no words to compare with. Give it at least one.")
    return WordErrors(len(expected), tuple(_differences(expected, heard)))


def together(each: Sequence[WordErrors]) -> WordErrors:
    """Return the errors of several texts as those of one; positions count on."""
    before, found = 0, []
    for errors in each:
        found += [Difference(before + d.position, d.expected, d.heard) for d in errors.differences]
        before += errors.words
    return WordErrors(before, tuple(found))


def _differences(expected: Sequence[str], heard: Sequence[str]) -> Iterator[Difference]:
    """Yield the stretches between the words that agree."""
    end = (len(expected), len(heard))
    i = j = 0
    for same_i, same_j in [*_agreeing(expected, heard), end]:
        if i < same_i or j < same_j:
            yield Difference(i, tuple(expected[i:same_i]), tuple(heard[j:same_j]))
        i, j = same_i + 1, same_j + 1


def _agreeing(expected: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """Return the positions of the words that agree, in both, along the way of least errors."""
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
    """Return (n + 1, m + 1): the least errors between the first i expected and the first j heard words."""
    ids = {word: number for number, word in enumerate({*expected, *heard})}
    across = np.array([ids[word] for word in heard], dtype=np.int32)
    columns = np.arange(len(heard) + 1, dtype=np.int32)
    least = np.empty((len(expected) + 1, len(heard) + 1), dtype=np.int32)
    least[0] = columns
    for i, word in enumerate(expected, start=1):
        row = least[i - 1] + 1  # the word was lost
        np.minimum(row[1:], least[i - 1, :-1] + (across != ids[word]), out=row[1:])
        # A word put in costs one more than what stands to its left: the least of all to the left, at their distance.
        least[i] = np.minimum.accumulate(row - columns) + columns
    return least
