"""What was heard as sentences and words with their times."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from core_engine.reading.sentences import Rank, breaks
from engines.stt.whisper.hearing import HeardWord, Listener
from engines.stt.whisper.transcriber import Piece


@dataclass(frozen=True)
class Segment:
    """A sentence, or the part of one that Whisper heard at once."""

    words: tuple[HeardWord, ...]
    """With their times in the recording."""
    piece: Piece
    """What it is a part of."""

    @property
    def text(self) -> str:
        """What is said."""
        return "".join(word.text for word in self.words).strip()

    @property
    def tokens(self) -> tuple[int, ...]:
        """Its tokens."""
        return tuple(token for word in self.words for token in word.tokens)


def segments_of(listener: Listener, piece: Piece) -> list[Segment]:
    """Return the sentences of a piece."""
    heard = listener.timed_words(piece.states, piece.language, piece.decoded.tokens)
    words = [_moved(word, piece.start_s) for word in with_their_marks(heard)]
    return [Segment(tuple(part), piece) for part in _sentences(words, piece.language)]


def with_their_marks(words: Sequence[HeardWord]) -> list[HeardWord]:
    """Return the words, each with the marks beside it; the time of a mark is not that of a word."""
    found: list[HeardWord] = []
    opening: list[HeardWord] = []
    for word in words:
        if any(map(str.isalnum, word.text)):
            found.append(_joined([*opening, word], word))
            opening = []
        elif found and not word.text.startswith(" "):
            found[-1] = _joined([found[-1], word], found[-1])
        else:
            opening.append(word)
    if opening and found:
        found[-1] = _joined([found[-1], *opening], found[-1])
    return found


def _joined(parts: Sequence[HeardWord], spoken: HeardWord) -> HeardWord:
    """Return `parts` as one word with the times of `spoken`."""
    text, tokens = "".join(part.text for part in parts), tuple(token for part in parts for token in part.tokens)
    return replace(spoken, text=text, tokens=tokens)


def _moved(word: HeardWord, seconds: float) -> HeardWord:
    return replace(word, start=word.start + seconds, end=max(word.start, word.end) + seconds)


def _sentences(words: Sequence[HeardWord], language: str) -> Iterator[list[HeardWord]]:
    text = "".join(word.text for word in words)
    ends = {found.end for found in breaks(text, language) if found.rank >= Rank.SENTENCE}
    sentence: list[HeardWord] = []
    position = 0
    for word in words:
        sentence.append(word)
        position += len(word.text)
        if position in ends:
            yield sentence
            sentence = []
    if sentence:
        yield sentence
