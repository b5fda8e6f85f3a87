"""What a difference between two texts is: a fault of the recording, or a mishearing of Whisper.

Whisper is asked a second time how probable each of two texts is, given the sound: what it wrote, and the same with the
expected words. If the expected words are nearly as probable, it only chose another spelling or a similar word.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from engines.stt.whisper.comparison import Comparison, Deviation
from engines.stt.whisper.content_words import is_content_word
from engines.stt.whisper.hearing import Listener
from engines.stt.whisper.transcriber import Piece

MISHEARING = 6.0
"""Up to this difference of log-probabilities (a factor of 400) the expected words may have been said. Of homophones it
is 0 to 3, of words that were left out or replaced 9 to 22."""
LEFT_OUT = -3.0
"""From this difference on, a text without a word is too probable for the word to have been said, else below -6."""
LONGEST_MISHEARING = 8
"""Words in a row; more are a fault without being heard again."""
MOST_HEARD_AGAIN = 60
"""Deviations of one recording; each takes time, and so many are no mishearings."""

Kind = Literal["missing", "added", "doubled", "replaced"]


@dataclass(frozen=True)
class Fault:
    """A difference that can be heard."""

    kind: Kind
    expected: str
    """As the text has it; empty if words were added."""
    heard: str
    words: int
    """The number of words that are wrong."""


@dataclass(frozen=True)
class HeardAs:
    """A piece of a recording, and its text as it is compared: digits may be written apart."""

    piece: Piece
    text: str
    start: int
    """Its position in the whole text."""

    @property
    def end(self) -> int:
        """The position after it in the whole text."""
        return self.start + len(self.text)


def in_whole(pieces: Sequence[Piece], texts: Sequence[str]) -> list[HeardAs]:
    """Return the pieces with their places in the whole text, in which a space divides them."""
    found, start = [], 0
    for piece, text in zip(pieces, texts, strict=True):
        found.append(HeardAs(piece, text, start))
        start += len(text) + 1
    return found


def sorted_out(
    listener: Listener, pieces: Sequence[HeardAs], comparison: Comparison
) -> tuple[list[Fault], list[Fault]]:
    """Return the deviations that can be heard, and those that are only mishearings, in the order of the text."""
    faults: list[Fault] = []
    mishearings: list[Fault] = []
    for number, deviation in enumerate(comparison.deviations):
        repeated = _is_repetition(comparison, deviation)
        may_be = not repeated and deviation.errors <= LONGEST_MISHEARING and number < MOST_HEARD_AGAIN
        misheard = may_be and _is_misheard(listener, pieces, comparison, deviation)
        (mishearings if misheard else faults).append(_fault(comparison, deviation, repeated))
    return faults, mishearings


def replaced(text: str, start: int, end: int, words: str) -> str:
    """Return `text` with `words` at the place from `start` to `end`, with spaces where they belong."""
    before, after = text[:start].rstrip(), text[end:].lstrip()
    glued = not after or not (after[0].isalnum() or after[0] in "\"'“‘(")
    return " ".join(part for part in (before, words) if part) + ("" if glued else " ") + after


def _is_misheard(listener: Listener, pieces: Sequence[HeardAs], comparison: Comparison, deviation: Deviation) -> bool:
    """Return whether the expected words may have been said in spite of what was heard."""
    start, end = comparison.heard.place(deviation.heard_start, deviation.heard_end)
    here = next((piece for piece in pieces if piece.start <= start and end <= piece.end), None)
    if here is None:  # across a pause between two pieces
        return False
    place = start - here.start, end - here.start
    expected = replaced(here.text, *place, comparison.expected_text(deviation))
    texts = [here.text, expected]
    if deviation.end - deviation.start > deviation.heard_end - deviation.heard_start:
        texts += [replaced(here.text, *place, rest) for rest in _without_one(comparison, deviation)]
    heard, said, *shorter = listener.log_probabilities(here.piece.states, here.piece.language, texts)
    return heard - said <= MISHEARING and all(less - said < LEFT_OUT for less in shorter)


def _without_one(comparison: Comparison, deviation: Deviation) -> Iterator[str]:
    """Yield the expected words of a deviation without each of their content words."""
    expected = comparison.expected
    for index in range(deviation.start, deviation.end):
        if is_content_word(expected.words[index].key):
            before = expected.written(deviation.start, index)
            after = expected.written(index + 1, deviation.end)
            yield f"{before} {after}".strip()


def _is_repetition(comparison: Comparison, deviation: Deviation) -> bool:
    """Return whether only words were added that were said directly before or after."""
    start, end = deviation.heard_start, deviation.heard_end
    keys, added = comparison.heard.keys, comparison.heard.keys[start:end]
    near = keys[max(0, 2 * start - end) : start], keys[end : 2 * end - start]
    return deviation.start == deviation.end and added in near


def _fault(comparison: Comparison, deviation: Deviation, repeated: bool) -> Fault:
    expected, heard = comparison.expected_text(deviation), comparison.heard_text(deviation)
    kind: Kind = "doubled" if repeated else "replaced" if expected and heard else "missing" if expected else "added"
    return Fault(kind, expected, heard, deviation.errors)
