"""Find which phonemes of a text belong to which of its words.

The G2P reads a text as a whole and does not say what came from where: it merges words ("of the" is one group of
phonemes), splits others, and reads some differently beside others ("a", "the"). So every word is also read alone, and
the phonemes of the words one after another are aligned with those of the text: the fewest and smallest differences
(Needleman and Wunsch 1970) show where each word begins and ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.text.chunks import SILENT

Costs = npt.NDArray[np.int32]

_WINDOW = 600
"""Phonemes of words aligned together; time and memory grow with its square."""
_ROOM = 200
"""The text's phonemes in a window may be this many more than twice the words'."""
_SETTLED = 2 / 3
"""The share of a window's words that is kept; the others are aligned again, with what follows them."""

_STRESS = "ˈˌː\u0329"
"""Left out of the comparison: they depend on the neighbours, and a word keeps those that stand with its sounds."""
_VOWELS = frozenset("aeiouyæɑɐɒɔəɘɚɛɜɝɞɤɨɪɯɵøœɶʉʊʌʏᵻᵊAIOQWY")

_SAME_KIND, _OTHER_KIND, _SOUND, _MARK, _SPACE, _NEVER = 6, 16, 10, 5, 3, 10_000
"""What it costs to take one symbol for another of its kind (vowel, consonant, mark), for one of another kind, or to
leave out a sound, a mark or a space."""


@dataclass(frozen=True)
class Span:
    """Symbols of a text's phonemes; `end` is exclusive."""

    start: int
    end: int


def word_spans(alone: Sequence[str], phonemes: str) -> list[Span]:
    """Return which part of `phonemes` each word is, in order, given the phonemes of each word read alone.

    Every sound belongs to one word, and the spaces and marks between words to none. A word that the G2P did not speak
    has an empty span.
    """
    if not alone:
        return []
    kept = [index for index, symbol in enumerate(phonemes) if symbol not in _STRESS]
    heard = "".join(phonemes[index] for index in kept)
    starts = [*kept, len(phonemes)]
    reached = [starts[position] for position in _starts_of_words([_plain(word) for word in alone], heard)]
    return [_sounding(phonemes, start, end) for start, end in zip(reached, [*reached[1:], len(phonemes)], strict=True)]


def _plain(word: str) -> str:
    return "".join(symbol for symbol in word if symbol not in _STRESS)


def _sounding(phonemes: str, start: int, end: int) -> Span:
    """Return the span from the first sound between `start` and `end`, with its stress mark, to the last."""
    sounds = [index for index in range(start, end) if phonemes[index] not in SILENT]
    if not sounds:
        return Span(start, start)
    first, last = sounds[0], sounds[-1] + 1
    while first > 0 and phonemes[first - 1] in _STRESS:
        first -= 1
    while last < end and phonemes[last] in _STRESS[2:]:
        last += 1
    return Span(first, last)


def _starts_of_words(words: Sequence[str], heard: str) -> list[int]:
    """Return the position in `heard` where each word starts: in order, the first one 0."""
    found: list[int] = []
    position = 0
    while len(found) < len(words):
        window = _window(words[len(found) :])
        is_last = len(found) + len(window) == len(words)
        rest = heard[position:] if is_last else heard[position : position + 2 * _WINDOW + _ROOM]
        starts = [position + start for start in _aligned(window, rest, is_last)]
        settled = len(window) if is_last else max(1, int(len(window) * _SETTLED))
        found += starts[:settled]
        position = starts[settled] if settled < len(window) else len(heard)
    return [0, *found[1:]]


def _window(words: Sequence[str]) -> Sequence[str]:
    """Return the first words with together about `_WINDOW` symbols, at least two of them."""
    for count, size in enumerate(accumulate(len(word) + 1 for word in words), start=1):
        if size > _WINDOW and count >= 2:
            return words[:count]
    return words


def _aligned(words: Sequence[str], heard: str, to_the_end: bool) -> list[int]:
    """Return where each word starts in `heard`, which may go on behind the last word unless `to_the_end`."""
    expected = " ".join(words)
    across, left_out = _substitutions(expected, heard), _gaps(expected)
    least = _least_costs(across, left_out, _gaps(heard))
    row, column = len(expected), len(heard) if to_the_end else int(np.argmin(least[-1]))
    starts: dict[int, int] = {}
    while row or column:
        if row not in starts:
            starts[row] = column
        if row and column and least[row, column] == least[row - 1, column - 1] + across[row - 1, column - 1]:
            row, column = row - 1, column - 1
        elif row and least[row, column] == least[row - 1, column] + left_out[row - 1]:
            row -= 1
        else:
            column -= 1
    starts.setdefault(0, 0)
    return [starts[first] for first in accumulate((len(word) + 1 for word in words[:-1]), initial=0)]


def _least_costs(across: Costs, left_out: Costs, added: Costs) -> Costs:
    """Return (n + 1, m + 1): the least cost of aligning the first i expected with the first j heard symbols."""
    so_far = np.concatenate([[0], np.cumsum(added)]).astype(np.int32)
    least = np.empty((left_out.size + 1, added.size + 1), dtype=np.int32)
    least[0] = so_far
    for i, cost in enumerate(left_out):
        row = least[i] + cost
        np.minimum(row[1:], least[i, :-1] + across[i], out=row[1:])
        # Symbols that were only heard cost the difference of `so_far`, from the best column to the left.
        least[i + 1] = np.minimum.accumulate(row - so_far) + so_far
    return least


def _substitutions(expected: str, heard: str) -> Costs:
    """Return (n, m): the cost of taking each expected symbol for each heard one."""
    one, other = _codes(expected)[:, np.newaxis], _codes(heard)
    kind, heard_kind = _kinds(expected)[:, np.newaxis], _kinds(heard)
    speaks = (kind <= _CONSONANT) & (heard_kind <= _CONSONANT)
    costs = np.where(kind == heard_kind, _SAME_KIND, np.where(speaks, _OTHER_KIND, _NEVER))
    silent = (kind > _CONSONANT) & (heard_kind > _CONSONANT)
    return np.where(one == other, 0, np.where(silent, _SPACE, costs)).astype(np.int32)


_VOWEL, _CONSONANT, _IS_MARK, _IS_SPACE = range(4)


def _kinds(symbols: str) -> npt.NDArray[np.int8]:
    return np.array([_kind(symbol) for symbol in symbols], dtype=np.int8)


def _kind(symbol: str) -> int:
    if symbol == " ":
        return _IS_SPACE
    if symbol in SILENT:
        return _IS_MARK
    return _VOWEL if is_vowel(symbol) else _CONSONANT


def is_vowel(symbol: str) -> bool:
    """Return whether a phoneme is a vowel, in the alphabet of any version."""
    return symbol in _VOWELS


def _gaps(symbols: str) -> Costs:
    """Return the cost of leaving out each symbol."""
    costs = np.array([_SOUND, _SOUND, _MARK, _SPACE], dtype=np.int32)
    return costs[_kinds(symbols)] if symbols else np.zeros(0, np.int32)


def _codes(symbols: str) -> npt.NDArray[np.int32]:
    return np.array([ord(symbol) for symbol in symbols], dtype=np.int32)
