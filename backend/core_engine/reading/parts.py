"""Split text into parts of limited length: at paragraphs, sentences, clauses, words, and finally anywhere."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat

from core_engine.reading.sentences import Break, Rank, breaks

_SHORTEST = 3
"""Where good cuts allow it, no part is shorter than the limit divided by this: a few words alone sound flat."""


@dataclass(frozen=True)
class Part:
    """The span of one part of a text (`end` is exclusive), and the rank of the cut before it."""

    start: int
    end: int
    rank: Rank


def split_text_into_chunks(text: str, max_length: int, language: str = "en-us") -> list[str]:
    """Split `text` into parts of at most `max_length` characters, each as long as good cuts allow.

    Only whitespace at the cuts and the ends is lost. Abbreviations are those of `language`. Raises ValueError if
    `max_length` is below 1.
    """
    check_positive("max_length", max_length)
    text = text.strip()
    found = parts_of(text, breaks(text, language), max_length, spare_last=False)
    parts = (text[part.start : part.end].strip() for part in found)
    return [part for part in parts if part]


def sentences_of(text: str, language: str) -> Iterator[Part]:
    """Yield the sentences of `text` with at most white space between them; the first of a paragraph has that rank."""
    start, rank = 0, Rank.PARAGRAPH
    for cut in breaks(text, language):
        if cut.rank >= Rank.SENTENCE:
            if text[start : cut.end].strip():
                yield Part(start, cut.end, rank)
            start, rank = cut.start, cut.rank
    if text[start:].strip():
        yield Part(start, len(text), rank)


def check_positive(name: str, value: int) -> None:
    """Raise ValueError if `value` is below 1."""
    if value < 1:
        raise ValueError(f"{name} is {value}; it must be at least 1.")


def parts_of(
    text: str, found: Iterable[Break], limit: int | Iterator[int], *, spare_last: bool = True
) -> Iterator[Part]:
    """Yield parts of at most `limit` characters, separated at most by the whitespace of a break.

    `limit` may be an endless iterator, which gives each part its own. With `spare_last`, the last part but one is cut
    earlier if the last part would otherwise be too short.
    """
    limits = repeat(limit) if isinstance(limit, int) else limit
    by_rank: dict[Rank, list[Break]] = {Rank.PARAGRAPH: [], Rank.SENTENCE: [], Rank.CLAUSE: []}
    for candidate in found:
        by_rank[candidate.rank].append(candidate)
    start, rank = 0, Rank.ANYWHERE
    for most in limits:
        if len(text) - start <= most:
            break
        cut = (
            _good_cut(by_rank, start, most, len(text) if spare_last else None)
            or _last_space(text, start, most)
            or Break(start + most, start + most, Rank.ANYWHERE)
        )
        yield Part(start, cut.end, rank)
        start, rank = cut.start, cut.rank
    if start < len(text):
        yield Part(start, len(text), rank)


def _good_cut(by_rank: Mapping[Rank, list[Break]], start: int, limit: int, size: int | None) -> Break | None:
    """Return the last cut of the best rank that leaves neither this part nor, if `size` is given, the rest too short.

    If there is none, return the last cut of any rank, or None.
    """
    shortest = limit // _SHORTEST
    spared = limit if size is None else min(limit, size - start - shortest)
    for longest, least in ((spared, shortest), (limit, 1)):
        for found in by_rank.values():
            cut = _last_within(found, start, longest)
            if cut and cut.end - start >= least:
                return cut
    return None


def _last_within(found: list[Break], start: int, limit: int) -> Break | None:
    """Return the last break within 1 to `limit` characters after `start`."""
    index = bisect_right(found, start + limit, key=lambda candidate: candidate.end) - 1
    return found[index] if index >= 0 and found[index].end > start else None


def _last_space(text: str, start: int, limit: int) -> Break | None:
    for position in range(start + limit, start, -1):
        if text[position].isspace():
            return Break(position, position + 1, Rank.WORD)
    return None
