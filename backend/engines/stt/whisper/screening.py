"""Faults that Whisper's own transcript hides: it likes to write what makes sense, not what was said twice or left out.

At each word the model has said how probable every other token is. A word that may have been said twice, or not at all,
is checked by the probability of the whole text.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from engines.stt.whisper.content_words import is_content_word
from engines.stt.whisper.hearing import Listener
from engines.stt.whisper.second_hearing import LEFT_OUT, Fault, HeardAs, replaced
from engines.stt.whisper.words import SpokenWord, passage

DOUBLED = -6.0
"""From this difference of log-probabilities on, a text with a word twice is too probable for it to have been said once;
of words that were said once it is below -8.5."""
SUSPECT = -9.0
"""What is checked: the same difference for the next token only."""
MOST_CHECKED = 8
"""Words of a piece, the most suspect first: each costs as much time as listening again."""
_UNSPACED = ("zh", "yue", "ja", "th", "lo", "my")


@dataclass(frozen=True)
class _Suspect:
    kind: Literal["missing", "doubled"]
    start: int
    end: int
    difference: float
    """How much less probable it is, at the next token."""


def hidden_faults(listener: Listener, here: HeardAs, known: Collection[int]) -> Iterator[Fault]:
    """Yield content words of a piece that were said twice, or not said, though the transcript has them once.

    `known` are positions in the whole text of words that differ from the expected ones anyway.
    """
    text, language = here.text, here.piece.language
    if text != here.piece.text or language in _UNSPACED:
        return
    suspects = sorted(_suspects(listener, here, known), key=lambda found: -found.difference)[:MOST_CHECKED]
    if not suspects:
        return
    texts = [text, *(_as_suspected(text, found) for found in suspects)]
    plain, *others = listener.log_probabilities(here.piece.states, language, texts)
    for found, other in zip(suspects, others, strict=True):
        word = text[found.start : found.end]
        if found.kind == "doubled" and other - plain > DOUBLED:
            yield Fault("doubled", "", word, 1)
        elif found.kind == "missing" and other - plain > LEFT_OUT:
            yield Fault("missing", word, "", 1)


def _as_suspected(text: str, found: _Suspect) -> str:
    word = text[found.start : found.end]
    return replaced(text, found.start, found.end, f"{word} {word}" if found.kind == "doubled" else "")


def _suspects(listener: Listener, here: HeardAs, known: Collection[int]) -> Iterator[_Suspect]:
    decoded = here.piece.decoded
    starts = _token_starts(listener, decoded.tokens)
    for word in _content_words(here):
        first = next((i for i, start in enumerate(starts) if start >= word.start), len(starts))
        after = next((i for i, start in enumerate(starts) if start >= word.end), len(starts))
        if word.start + here.start in known or not first < after < len(starts):
            continue
        again = listener.tokens_of(f" {here.text[word.start : word.end]}")[0]
        places = [place for place in (after, after + 1) if place < len(decoded.tokens)]
        twice = max(decoded.difference(place, again) for place in places)
        if twice > SUSPECT:
            yield _Suspect("doubled", word.start, word.end, twice)
        absent = decoded.difference(first, decoded.tokens[after])
        if absent > SUSPECT - DOUBLED + LEFT_OUT:
            yield _Suspect("missing", word.start, word.end, absent)


def _content_words(here: HeardAs) -> Iterator[SpokenWord]:
    """Yield the content words of a piece, but not those of a number or contraction, and none that is there twice."""
    words = passage(here.text, here.piece.language).words
    for index, word in enumerate(words):
        near = [words[other] for other in (index - 1, index + 1) if 0 <= other < len(words)]
        is_alone = all(other.start != word.start and other.key != word.key for other in near)
        if is_alone and is_content_word(word.key):
            yield word


def _token_starts(listener: Listener, tokens: tuple[int, ...]) -> list[int]:
    """Return the position of each token in the text, without the space before it."""
    lead = len(listener.word_of(tokens)) - len(listener.word_of(tokens).lstrip())
    starts = []
    for index, token in enumerate(tokens):
        word = listener.word_of([token])
        starts.append(len(listener.word_of(tokens[:index])) - lead + len(word) - len(word.lstrip()))
    return starts
