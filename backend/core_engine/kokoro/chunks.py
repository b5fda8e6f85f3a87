"""A text in the parts that the model reads at once: cut at sentence, clause, word, and finally anywhere."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from core_engine.kokoro.breaks import Break, Rank, breaks
from core_engine.kokoro.errors import NothingToSpeakError
from core_engine.kokoro.languages import DEFAULT_LANGUAGE, V0_19, V1_0
from core_engine.kokoro.phonemes import MARKS, Segment, phonemize_segments
from core_engine.kokoro.text_sides import MISAKI, phonemize_by_misaki, text_side
from core_engine.kokoro.vocabulary import MAX_TOKENS, VOCABULARY_V1_0, speakable_vocabulary, token_ids

_SILENT = frozenset(MARKS + " ˈˌː")
"""Symbols that make no sound of their own."""


@dataclass(frozen=True)
class Chunk:
    """What the model speaks in one run."""

    phonemes: str
    token_ids: tuple[int, ...]
    """One id per symbol of `phonemes`; pads excluded."""

    follows_space: bool = False
    """Whether the cut before this chunk took a space, which belongs there when chunks are joined again."""


def text_to_chunks(
    text: str, language: str = DEFAULT_LANGUAGE, max_tokens: int = MAX_TOKENS, version: str = V0_19
) -> list[Chunk]:
    """Return the phonemes of `text` in chunks of at most `max_tokens` ids, each filled as far as good cuts allow.

    Nothing is lost: the chunks joined, with a space before each that `follows_space`, are what the text side of the
    language (see text_sides.py) makes of the text, `phonemize(text, language, version)` for espeak-ng.
    Raises NothingToSpeakError when nothing but punctuation remains, ValueError for `max_tokens` below 1, and
    otherwise as `text_side` does.
    """
    _check_positive("max_tokens", max_tokens)
    if text_side(language, version) == MISAKI:
        return _chunks_by_misaki(text, language, max_tokens)
    vocabulary = speakable_vocabulary(version == V1_0)
    segments = phonemize_segments(text, language, version)
    phonemes = "".join(segment.phonemes for segment in segments)
    _check_speakable(phonemes)
    leading = len(phonemes) - len(phonemes.lstrip())
    found = _breaks_in_phonemes(segments, phonemes, language, vocabulary)
    shifted = (Break(b.end - leading, b.start - leading, b.rank) for b in found)
    return list(_chunks(phonemes.strip(), shifted, max_tokens, vocabulary))


def split_text_into_chunks(text: str, max_length: int) -> list[str]:
    """Return `text` in parts of at most `max_length` characters, cut as `text_to_chunks` cuts.

    Only white space at the cuts and the ends is lost. Raises ValueError for `max_length` below 1.
    """
    _check_positive("max_length", max_length)
    text = text.strip()
    parts = (text[start:end].strip() for start, end in _spans(text, breaks(text), max_length))
    return [part for part in parts if part]


def _chunks_by_misaki(text: str, language: str, max_tokens: int) -> list[Chunk]:
    """The same for misaki, whose phonemes keep the marks of the text as they are."""
    phonemes = phonemize_by_misaki(text, language)
    _check_speakable(phonemes)
    return list(_chunks(phonemes, breaks(phonemes, language=None), max_tokens, VOCABULARY_V1_0))


def _check_speakable(phonemes: str) -> None:
    if _SILENT.issuperset(phonemes):
        raise NothingToSpeakError(
            "The text holds nothing that can be spoken, only punctuation, spaces or symbols without a name. "
            "Give it at least one word or number."
        )


def _check_positive(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} is {value}; it must be at least 1.")


def _chunks(phonemes: str, found: Iterable[Break], max_tokens: int, vocabulary: Mapping[str, int]) -> Iterator[Chunk]:
    previous_end = 0
    for start, end in _spans(phonemes, found, max_tokens):
        spoken = phonemes[start:end]
        yield Chunk(spoken, tuple(token_ids(spoken, vocabulary)), follows_space=start > previous_end)
        previous_end = end


def _breaks_in_phonemes(
    segments: list[Segment], phonemes: str, language: str, vocabulary: Mapping[str, int]
) -> Iterator[Break]:
    """Yield the breaks of the normalised text at the places where its marks stand in `phonemes`."""
    ranks = {found.start: found.rank for found in breaks("".join(s.words + s.marks for s in segments), language)}
    position = spoken = 0
    for segment in segments:
        position += len(segment.words)
        spoken += len(segment.phonemes)
        start = spoken - sum(mark in vocabulary for mark in segment.marks)
        for mark in segment.marks:
            position += 1
            start += mark in vocabulary
            if position in ranks:
                yield Break(start - (phonemes[start - 1 : start] == " "), start, ranks[position])


def _spans(text: str, found: Iterable[Break], limit: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of parts of at most `limit` characters, with at most the white space of a break between."""
    by_rank: dict[Rank, list[Break]] = {Rank.SENTENCE: [], Rank.CLAUSE: []}
    for candidate in found:
        by_rank[candidate.rank].append(candidate)
    start = 0
    while len(text) - start > limit:
        cut = (
            _last_within(by_rank[Rank.SENTENCE], start, limit)
            or _last_within(by_rank[Rank.CLAUSE], start, limit)
            or _last_space(text, start, limit)
            or Break(start + limit, start + limit, Rank.ANYWHERE)
        )
        yield start, cut.end
        start = cut.start
    if start < len(text):
        yield start, len(text)


def _last_within(found: list[Break], start: int, limit: int) -> Break | None:
    """Return the last break that leaves 1 to `limit` characters behind `start`."""
    index = bisect_right(found, start + limit, key=lambda candidate: candidate.end) - 1
    return found[index] if index >= 0 and found[index].end > start else None


def _last_space(text: str, start: int, limit: int) -> Break | None:
    for position in range(start + limit, start, -1):
        if text[position].isspace():
            return Break(position, position + 1, Rank.WORD)
    return None
