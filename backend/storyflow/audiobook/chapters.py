"""The chapters of an audiobook: its headings, or its segments if it has none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from storyflow.audiobook.timeline import Placed, Timeline

MOST = 255
"""Chapters that M4B and MP3 can list: their tables count them in one byte."""

_LONGEST_TITLE = 90


@dataclass(frozen=True)
class Chapter:
    """A chapter of the one file."""

    title: str
    start_s: float
    end_s: float


def chapters_of(timeline: Timeline, title: str) -> tuple[Chapter, ...]:
    """Return the chapters without gaps from start to end; what comes before the first heading is called `title`."""
    (start, name), *later = _starts(timeline.placed, title)
    first = next(place.start_s for place in timeline.placed if place.entry.kind != "break")
    starts = [(0.0, name), *later] if start == first else [(0.0, title), (start, name), *later]
    ends = [*starts[1:], (timeline.duration_s, "")]
    return tuple(Chapter(name, start, end) for (start, name), (end, _) in zip(starts, ends, strict=True))


def _starts(placed: Sequence[Placed], title: str) -> list[tuple[float, str]]:
    """Return where chapters start and their titles, at most MOST: with too many, minor headings are left out."""
    headings = [place for place in placed if place.entry.kind == "heading"]
    for deepest in sorted({place.entry.level for place in headings}, reverse=True):
        starts = list(_joined(placed, deepest, title))
        if len(starts) < MOST:  # one more may come before the first heading
            return starts
    spoken = [place for place in (headings or placed) if place.entry.kind != "break"]
    every = -(-len(spoken) // (MOST - 1))
    return [(place.start_s, _short(place.entry.text)) for place in spoken[::every]]


def _joined(placed: Sequence[Placed], deepest: int, title: str) -> Iterator[tuple[float, str]]:
    """Yield a chapter for each run of headings, such as "CHAPTER I." and its title, without the book's title."""
    run: list[Placed] = []
    for place, after in pairwise([*placed, None]):
        if place is None or place.entry.kind == "break":
            continue
        if place.entry.kind == "heading" and place.entry.level <= deepest:
            run.append(place)
        if run and (after is None or after.entry.kind != "heading"):
            texts = [each.entry.text for each in run]
            own = [text for text in texts if text.casefold() != title.casefold()] or texts
            yield run[0].start_s, _short(_sentence(own))
            run = []


def _sentence(texts: Sequence[str]) -> str:
    joined = texts[0]
    for text in texts[1:]:
        joined += f" {text}" if joined.endswith((".", ":", "!", "?", "—")) else f". {text}"
    return joined


def _short(text: str) -> str:
    """Return a title that fits on a line, cut between words."""
    if len(text) <= _LONGEST_TITLE:
        return text
    return f"{text[:_LONGEST_TITLE].rsplit(' ', 1)[0]} …"
