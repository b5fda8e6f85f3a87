"""Split a segment's text into units that captions do not cut: a word with the punctuation that belongs to it."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from core_engine.kokoro.speech.timings import TimedPassage
from core_engine.reading.characters import CHARACTER
from core_engine.reading.sentences import Rank, breaks

LINE = 42
"""Most characters of a line."""

_PIECE = re.compile(r"[^\s—]*—+|[^\s—]+")
_OPENING = "([{“‘«¿¡「『（《【"


@dataclass(frozen=True)
class Spoken:
    """A segment of the audio."""

    text: str
    """As written."""
    words: Sequence[TimedPassage]
    """Its words, in seconds from the start of the segment's audio."""
    start: float
    """Where the segment's audio starts, in seconds from the start of the whole audio."""


@dataclass(frozen=True)
class Unit:
    """A part of a caption: at most a line long."""

    text: str
    start: float
    """Seconds from the start of the whole audio."""
    end: float
    follows_space: bool
    """Whether there is a space before it, unless it begins a line."""
    rank: Rank = Rank.WORD
    """How good it is to cut behind it."""


@dataclass(frozen=True)
class _Stretch:
    """Characters of the text with the words in them."""

    start: int
    end: int
    words: tuple[TimedPassage, ...] = ()


def units_of(spoken: Spoken, language: str = "en-us") -> list[Unit]:
    """Return the units of a segment, in order; none if no word of it is spoken.

    A word longer than a line, such as an address on the web, is cut where the line ends.
    """
    ranks = {found.end: found.rank for found in breaks(spoken.text, language)}
    units: list[Unit] = []
    for stretch in _stretches(spoken):
        text = " ".join(spoken.text[stretch.start : stretch.end].split())
        follows_space = spoken.text[stretch.start - 1 : stretch.start].isspace()
        start, end = (spoken.start + time for time in (stretch.words[0].start, stretch.words[-1].end))
        unit = Unit(text, start, end, follows_space, ranks.get(stretch.end, Rank.WORD))
        units += _within_lines(unit)
    return units


def _stretches(spoken: Spoken) -> list[_Stretch]:
    """Return the pieces of a text between spaces and behind dashes; those that share a word, or have none, are one."""
    found: list[_Stretch] = []
    waiting = list(reversed(spoken.words))
    lead: int | None = None
    for match in _pieces(spoken.text):
        start = match.start() if lead is None else lead
        inside = []
        while waiting and waiting[-1].written_start < match.end():
            inside.append(waiting.pop())
        continues = bool(found) and found[-1].words[-1].written_end > match.start()
        if inside and not continues:
            found.append(_Stretch(start, match.end(), tuple(inside)))
            lead = None
        elif found and (continues or match.group()[0] not in _OPENING):
            found[-1] = replace(found[-1], end=match.end(), words=(*found[-1].words, *inside))
            lead = None
        else:
            lead = start
    if found and lead is not None:  # an opening mark that nothing follows
        found[-1] = replace(found[-1], end=len(spoken.text))
    return found


def _pieces(text: str) -> Iterator[re.Match[str]]:
    for piece in _PIECE.finditer(text):
        yield from CHARACTER.finditer(text, *piece.span())


def _within_lines(unit: Unit) -> Iterator[Unit]:
    """Yield the unit, or its parts if it is longer than a line."""
    parts = textwrap.wrap(unit.text, LINE, break_on_hyphens=False)
    rate = (unit.end - unit.start) / len(unit.text)
    position = 0
    for number, text in enumerate(parts):
        begin = unit.text.index(text, position)
        follows_space = begin > position if number else unit.follows_space
        position = begin + len(text)
        rank = unit.rank if number == len(parts) - 1 else Rank.ANYWHERE
        yield Unit(text, unit.start + begin * rate, unit.start + position * rate, follows_space, rank)
