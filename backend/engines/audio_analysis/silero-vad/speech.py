"""Where somebody speaks: probabilities of short windows become spans of speech, and the silence between them.

The limits are those that Silero's authors recommend.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

STARTS_AT, ENDS_BELOW = 0.5, 0.35  # probabilities: in doubt it stays what it was
SHORTEST_SPEECH_S = 0.25  # less is a cough or a click
SHORTEST_SILENCE_S = 0.15  # less lies within a word or between two that belong together
PAD_S = 0.03  # the first and last sounds of a word are faint

Span = tuple[float, float]  # begin and end in seconds


@dataclass(frozen=True)
class Speech:
    """What of a recording is speech."""

    duration_s: float
    spans: tuple[Span, ...]  # in order, apart from each other

    @property
    def ratio_percent(self) -> float:
        """The share of speech in the recording."""
        return 100 * sum(end - begin for begin, end in self.spans) / self.duration_s

    @property
    def longest_silence_s(self) -> float:
        """The longest time without speech, at the ends too; all of it where nobody speaks."""
        borders = [0.0, *(border for span in self.spans for border in span), self.duration_s]
        return max(end - begin for begin, end in zip(borders[::2], borders[1::2], strict=True))


def speech_in(probabilities: Iterable[float], window_s: float, duration_s: float) -> Speech:
    """Return the speech in a recording of `duration_s`, of which `probabilities` tell window by window."""
    joined = list(_joined(_raw_spans(probabilities, window_s)))
    kept = [(begin, end) for begin, end in joined if end - begin >= SHORTEST_SPEECH_S]
    return Speech(duration_s, tuple(_padded(kept, duration_s)))


def _raw_spans(probabilities: Iterable[float], window_s: float) -> Iterator[Span]:
    """Yield spans that start at a likely window and end before an unlikely one."""
    begin: float | None = None
    number = -1
    for number, probability in enumerate(probabilities):
        if begin is None and probability >= STARTS_AT:
            begin = number * window_s
        elif begin is not None and probability < ENDS_BELOW:
            yield begin, number * window_s
            begin = None
    if begin is not None:
        yield begin, (number + 1) * window_s


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield spans with those joined between which hardly anything is."""
    last: Span | None = None
    for begin, end in spans:
        if last and begin - last[1] < SHORTEST_SILENCE_S:
            last = last[0], end
            continue
        if last:
            yield last
        last = begin, end
    if last:
        yield last


def _padded(spans: Sequence[Span], duration_s: float) -> Iterator[Span]:
    """Yield spans a little longer at both ends, but never into each other or out of the recording."""
    for number, (begin, end) in enumerate(spans):
        before = spans[number - 1][1] if number else -PAD_S
        after = spans[number + 1][0] if number + 1 < len(spans) else duration_s + PAD_S
        yield (
            max(0.0, begin - min(PAD_S, (begin - before) / 2)),
            min(duration_s, end + min(PAD_S, max(0.0, after - end) / 2)),
        )
