"""Group the units of a narration into cues: what is on the screen at one time.

A cue has at most two lines and seven seconds. Where cues are cut is the cheapest choice for a whole segment: behind a
sentence rather than a clause, a clause rather than a word, and few cues rather than many.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core_engine.reading.sentences import Rank
from storyflow.captions.units import LINE, Spoken, Unit, units_of

LONGEST_S = 7.0
"""Most seconds of a cue."""

_SHORTEST_S = 1.0
"""A cue stays at least this long, unless the next one begins."""
_LINGER_S = 0.2
"""How long a cue stays behind its last word, for the same reason."""
_PER_CUE = 1.0
_CUT = {Rank.ANYWHERE: 6.0, Rank.WORD: 3.0, Rank.CLAUSE: 0.5, Rank.SENTENCE: 0.0, Rank.PARAGRAPH: 0.0}
"""What it costs to end a cue behind a unit of this rank."""
_SENTENCE_WITHIN = 0.4
"""What it costs to go on behind the end of a sentence."""
_NO_TIME = 20.0

Line = tuple[Unit, ...]


@dataclass(frozen=True)
class Cue:
    """One caption; cues do not overlap."""

    start_ms: int
    end_ms: int
    lines: tuple[Line, ...]
    """One or two."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The text of each line."""
        return tuple(map(text_of, self.lines))


def cues_of(story: Iterable[Spoken], language: str = "en-us") -> Iterator[Cue]:
    """Yield the cues of a narration's segments, in order; only one segment is held in memory."""
    waiting: tuple[Line, ...] | None = None
    for spoken in story:
        for lines in _groups(units_of(spoken, language)):
            if waiting:
                yield _cue(waiting, next_start=lines[0][0].start)
            waiting = lines
    if waiting:
        yield _cue(waiting, next_start=None)


def text_of(line: Sequence[Unit]) -> str:
    """Return the text of a line."""
    return "".join(" " * (unit.follows_space and number > 0) + unit.text for number, unit in enumerate(line))


def _cue(lines: tuple[Line, ...], next_start: float | None) -> Cue:
    start, end = lines[0][0].start, lines[-1][-1].end
    end = min(max(end + _LINGER_S, start + _SHORTEST_S), start + LONGEST_S)
    if next_start is not None:
        end = min(end, next_start)
    start_ms = round(start * 1000)
    return Cue(start_ms, max(round(end * 1000), start_ms), lines)


def _groups(units: Sequence[Unit]) -> list[tuple[Line, ...]]:
    """Return the lines of each cue of a segment: the cheapest way to cut its units (dynamic programming)."""
    least = [0.0] + [float("inf")] * len(units)
    best: list[tuple[int, tuple[Line, ...]]] = [(0, ())] * (len(units) + 1)
    for end in range(1, len(units) + 1):
        for begin in range(end - 1, -1, -1):
            lines = _lines(units[begin:end])
            is_too_long = units[end - 1].end - units[begin].start > LONGEST_S
            if lines is None or (is_too_long and begin < end - 1):
                break
            cost = least[begin] + _cost(units[begin:end], is_last=end == len(units))
            if cost < least[end]:
                least[end], best[end] = cost, (begin, lines)
    groups = []
    end = len(units)
    while end:
        end, lines = best[end]
        groups.append(lines)
    return groups[::-1]


def _cost(units: Sequence[Unit], is_last: bool) -> float:
    cost = _PER_CUE + (0.0 if is_last else _CUT[units[-1].rank])
    cost += _SENTENCE_WITHIN * sum(unit.rank >= Rank.SENTENCE for unit in units[:-1])
    return cost + _NO_TIME * (round(units[-1].end * 1000) <= round(units[0].start * 1000))


def _lines(units: Sequence[Unit]) -> tuple[Line, ...] | None:
    """Return the units as one line or two; None if they do not fit.

    The first of two lines ends behind a clause if both are long enough, otherwise where they are about equally long.
    """
    if len(text_of(units)) <= LINE:
        return (tuple(units),)
    found = []
    for cut in range(1, len(units)):
        sizes = [len(text_of(part)) for part in (units[:cut], units[cut:])]
        if max(sizes) <= LINE:
            is_clause = units[cut - 1].rank >= Rank.CLAUSE and min(sizes) * 3 >= max(sizes)
            found.append((not is_clause, units[cut - 1].rank == Rank.ANYWHERE, abs(sizes[0] - sizes[1]), cut))
    if not found:
        return None
    cut = min(found)[-1]
    return tuple(units[:cut]), tuple(units[cut:])
