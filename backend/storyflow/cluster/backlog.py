"""The segments that wait for a speaker: the longest first, in batches that get smaller towards the end."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

from core_engine.kokoro.errors import KokoroError
from storyflow.cluster.job import Job
from storyflow.narration.planning import PlannedSegment

BATCH_S = 4.0
"""Seconds of work in a batch: long beside the way to a node and back, short beside a chapter."""

MAX_TOKENS = 3000
"""Tokens of a batch at most: some three minutes of audio, 9 MB, since all of its WAVs arrive together."""

FIRST_TOKENS = 300
"""Tokens of a speaker's first batch, before its pace is known."""

_ALONE_AFTER = 2
"""Deaths of a speaker after which a segment that it spoke goes out alone, so that it is known which one kills."""


@dataclass(eq=False)
class Item:
    """A segment to speak."""

    planned: PlannedSegment
    job: Job
    is_done: bool = False
    deaths: int = 0
    """Speakers that died while they spoke it."""
    failures: list[KokoroError] = field(default_factory=list)
    """Errors of single nodes, after which others try."""

    @property
    def tokens(self) -> int:
        """An estimate of its tokens, which only a node knows exactly: one per character as it is spoken."""
        return max(1, len(self.planned.line.text))

    @property
    def is_open(self) -> bool:
        """Whether an answer is still wanted."""
        return not (self.is_done or self.job.is_over)


class Backlog:
    """The waiting segments. Not thread-safe."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, Item]] = []
        self._numbers = count()
        self.tokens = 0
        """Tokens of all of them."""

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, items: Iterable[Item]) -> None:
        """Let items wait."""
        for item in items:
            if item.is_open:
                heapq.heappush(self._heap, (item.job.number, -item.tokens, next(self._numbers), item))
                self.tokens += item.tokens

    def take(self, tokens: int) -> list[Item]:
        """Remove and return the longest items of the first story, about `tokens` in all, one at least if there is one.

        What a story lacks, the next one gives.
        """
        taken: list[Item] = []
        found = 0
        while self._heap:
            item = self._heap[0][-1]
            alone = item.deaths >= _ALONE_AFTER
            if item.is_open and taken and (alone or found + item.tokens > tokens):
                break
            heapq.heappop(self._heap)
            self.tokens -= item.tokens
            if item.is_open:
                taken.append(item)
                found += item.tokens
                if alone:
                    break
        return taken


def whole_batch(pace: float | None) -> int:
    """Return the tokens of `BATCH_S` of work by a speaker of `pace` tokens per second, None while that is not known."""
    return FIRST_TOKENS if pace is None else int(min(pace * BATCH_S, MAX_TOKENS))


def batch_tokens(waiting: int, speakers: int, whole: int) -> int:
    """Return the tokens of the next batch: a whole one, but only a small share of the `waiting` tokens of the backlog.

    So slow speakers get little, and towards the end all get little: all end together.
    """
    return max(1, min(whole, waiting // (2 * max(1, speakers))))
