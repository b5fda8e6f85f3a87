"""Blocks of a document to segments: each one audio file, short enough to edit, with an id that stays the same."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from types import MappingProxyType
from typing import Any

from core_engine.reading.parts import split_text_into_chunks
from core_engine.reading.sentences import Rank, breaks
from engines.store.names import is_name
from storyflow.stories.blocks import Block, Kind

LONGEST = 900
"""Characters of a segment: about a minute of speech."""

_SHORTEST = 300
"""A long block is not cut before so many characters."""


class SegmentIdError(ValueError):
    """An id of a segment that cannot be the name of a file, or that stands twice."""


@dataclass(frozen=True)
class Segment:
    """One piece of a story, and later one audio file."""

    id: str
    """Name of its audio file; the same in every run as long as its text is."""
    text: str
    kind: Kind = "paragraph"
    level: int = 0
    """Of a heading: 1 is the highest. 0 for anything else."""
    voice: str | None = None
    """Who speaks it, where the story says so."""
    speed: float | None = None
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Further keys of a JSON segment."""


def segments_of(blocks: Iterable[Block]) -> tuple[Segment, ...]:
    """Return the segments of a story; a block that would be spoken for more than a minute becomes several.

    A block with an id of its own stays whole: the program that gave the id expects one file. Raises SegmentIdError.
    """
    parts = [part for block in blocks for part in _parts(block) if part.text]
    taken = _given_ids(parts)
    return tuple(_segment(part, part.id or _made_id(part.text, taken)) for part in parts)


def _segment(block: Block, segment_id: str) -> Segment:
    return Segment(segment_id, block.text, block.kind, block.level, block.voice, block.speed, block.extra)


def _parts(block: Block) -> Iterator[Block]:
    if block.id is not None or len(block.text) <= LONGEST:
        yield block
        return
    for text in _cut(block.text):
        yield replace(block, text=text)


def _cut(text: str) -> Iterator[str]:
    """Yield a long text in parts, cut at sentences.

    The text of a sentence decides whether a part may end with it, so that a change moves only the cuts around it.
    """
    part, rest = "", len(text)
    for sentence, following in pairwise([*_sentences(text), ""]):
        part, rest = f"{part} {sentence}".lstrip(), rest - len(sentence) - 1
        may_end = len(part) >= _SHORTEST and rest >= _SHORTEST and _ends_parts(sentence)
        if not following or may_end or len(part) + 1 + len(following) > LONGEST:
            yield part
            part = ""


def _sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text; one that is longer than a segment comes in pieces."""
    start = 0
    for cut in breaks(text):
        if cut.rank >= Rank.SENTENCE:
            yield from split_text_into_chunks(text[start : cut.end], LONGEST)
            start = cut.start
    yield from split_text_into_chunks(text[start:], LONGEST)


def _ends_parts(sentence: str) -> bool:
    """Return whether a part may end with this sentence: true of every third, whatever stands around it."""
    return hashlib.sha256(sentence.encode("utf-8", "surrogatepass")).digest()[0] % 3 == 0


def _given_ids(parts: Sequence[Block]) -> set[str]:
    """Return the ids that the story gives, as a file system without cases sees them; refuse what would clash."""
    taken: set[str] = set()
    for given in (part.id for part in parts if part.id is not None):
        if not is_name(given):
            raise SegmentIdError(
                f"has the segment id {given!r}, which cannot be a file name. Use letters, digits, '.', '_' and '-'."
            )
        if given.casefold() in taken:
            raise SegmentIdError(f"has the segment id {given!r} twice. Give every segment an id of its own.")
        taken.add(given.casefold())
    return taken


def _made_id(text: str, taken: set[str]) -> str:
    """Return an id made from the text, so that it survives changes elsewhere; repeats of a text are counted."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    candidates = (digest if number == 1 else f"{digest}-{number}" for number in count(1))
    made = next(candidate for candidate in candidates if candidate not in taken)
    taken.add(made)
    return made
