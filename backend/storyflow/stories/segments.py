"""Split a document's blocks into segments: one audio file each, short enough to edit, with stable ids."""

import hashlib
import re
import unicodedata
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
"""Minimum length in characters of the parts of a long block."""

_WORDS_IN_ID, _LONGEST_WORDS = 5, 40  # words, characters


_WITHIN_PARAGRAPH_S = 0.45
"""The pause between the parts of one paragraph: that of a full stop."""


class SegmentIdError(ValueError):
    """A segment's id is not a valid file name, or is used twice."""


@dataclass(frozen=True)
class Segment:
    """A part of a story that becomes one audio file."""

    id: str
    """Name of its audio file; stays the same as long as the text does."""
    text: str
    kind: Kind = "paragraph"
    level: int = 0
    """Level of a heading, 1 being the highest; 0 for anything else."""
    voice: str | None = None
    """The voice, if the story gives one."""
    speaker: str | None = None
    """The name of who says it, if that is not the narrator."""
    speed: float | None = None
    pause_after: float | None = None
    """Seconds of silence after it, if the story says so, or if the paragraph goes on."""
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Additional keys of a JSON segment."""


def segments_of(blocks: Iterable[Block]) -> tuple[Segment, ...]:
    """Return the segments of a story; a block longer than about a minute of speech is split.

    A block with a given id is never split: the program that gave the id expects one file. Raises SegmentIdError.
    """
    parts = [part for block in blocks for part in _parts(block) if part.text]
    taken = _given_ids(parts)
    return tuple(_segment(part, part.id or _made_id(part.text, taken)) for part in parts)


def _segment(block: Block, segment_id: str) -> Segment:
    return Segment(
        segment_id,
        block.text,
        block.kind,
        block.level,
        block.voice,
        block.speaker,
        block.speed,
        block.pause_after,
        block.extra,
    )


def _parts(block: Block) -> Iterator[Block]:
    if block.id is not None or len(block.text) <= LONGEST:
        yield block
        return
    *all_but_last, last = _cut(block.text)
    for text in all_but_last:
        yield replace(block, text=text, pause_after=_WITHIN_PARAGRAPH_S)
    yield replace(block, text=last)


def _cut(text: str) -> Iterator[str]:
    """Split a long text at sentences.

    The text of a sentence decides whether a part may end there, so that a change moves only the nearby cuts.
    """
    part, rest = "", len(text)
    for sentence, following in pairwise([*_sentences(text), ""]):
        part, rest = f"{part} {sentence}".lstrip(), rest - len(sentence) - 1
        may_end = len(part) >= _SHORTEST and rest >= _SHORTEST and _ends_parts(sentence)
        if not following or may_end or len(part) + 1 + len(following) > LONGEST:
            yield part
            part = ""


def _sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text; split a sentence that is longer than a segment."""
    start = 0
    for cut in breaks(text):
        if cut.rank >= Rank.SENTENCE:
            yield from split_text_into_chunks(text[start : cut.end], LONGEST)
            start = cut.start
    yield from split_text_into_chunks(text[start:], LONGEST)


def _ends_parts(sentence: str) -> bool:
    """Return whether a part may end with this sentence: true for every third on average, whatever its context."""
    return hashlib.sha256(sentence.encode("utf-8", "surrogatepass")).digest()[0] % 3 == 0


def _given_ids(parts: Sequence[Block]) -> set[str]:
    """Return the case-folded ids given by the story; raise SegmentIdError for invalid or duplicate ids."""
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
    """Return an id made from the text, so that it survives changes elsewhere; a repeated text gets a number.

    It begins with the first words, for people who look at the files. It has no number of its place in the story, which
    would change with every segment added before it; the playlist and the manifest have the order.
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    name = f"{_first_words(text)}-{digest}".lstrip("-")
    candidates = (name if number == 1 else f"{name}-{number}" for number in count(1))
    made = next(candidate for candidate in candidates if candidate not in taken)
    taken.add(made)
    return made


def _first_words(text: str) -> str:
    """Return the first words of a text in plain letters, with hyphens between: "i-had-called-upon-my"."""
    decomposed = unicodedata.normalize("NFKD", text[:200].casefold())
    if not decomposed.isascii():
        decomposed = "".join(letter for letter in decomposed if letter != "’" and not unicodedata.combining(letter))
    plain = decomposed.replace("'", "")
    return "-".join(re.findall("[a-z0-9]+", plain)[:_WORDS_IN_ID])[:_LONGEST_WORDS].rstrip("-")
