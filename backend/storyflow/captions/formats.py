"""Cues as SubRip (.srt), WebVTT (.vtt) and lyrics (.lrc)."""

import html
from collections.abc import Callable, Iterable, Iterator

from storyflow.captions.cues import Cue

_SILENCE_MS = 1500
"""A gap from which on lyrics show an empty line; they have no ends of their own."""

Format = Callable[[Iterable[Cue]], Iterator[str]]


def srt(cues: Iterable[Cue]) -> Iterator[str]:
    """Yield the cues as SubRip."""
    for number, cue in enumerate(cues, start=1):
        times = f"{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}"
        yield "\n".join((str(number), times, *cue.texts, "", ""))


def vtt(cues: Iterable[Cue]) -> Iterator[str]:
    """Yield the cues as WebVTT, with the time of each word, by which players show how far the voice is.

    Source: https://www.w3.org/TR/webvtt1/#webvtt-cue-timestamp
    """
    yield "WEBVTT\n\n"
    for cue in cues:
        times = f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}"
        yield "\n".join((times, *_timed_lines(cue), "", ""))


def lrc(cues: Iterable[Cue]) -> Iterator[str]:
    """Yield the cues as lyrics, each on one line."""
    end_ms = 0
    for cue in cues:
        if end_ms and cue.start_ms - end_ms >= _SILENCE_MS:
            yield f"[{_lyrics_clock(end_ms)}]\n"
        yield f"[{_lyrics_clock(cue.start_ms)}]{' '.join(cue.texts)}\n"
        end_ms = cue.end_ms
    if end_ms:
        yield f"[{_lyrics_clock(end_ms)}]\n"


FORMATS: dict[str, Format] = {"srt": srt, "vtt": vtt, "lrc": lrc}
"""Ending of a file's name → what writes it."""


def _timed_lines(cue: Cue) -> Iterator[str]:
    """Yield the lines with a time before each word that begins later than the one before it."""
    last_ms = cue.start_ms
    for line in cue.lines:
        parts = []
        for number, unit in enumerate(line):
            start_ms = round(unit.start * 1000)
            is_later = last_ms < start_ms < cue.end_ms
            last_ms = start_ms if is_later else last_ms
            space = " " * (unit.follows_space and number > 0)
            time = f"<{_clock(start_ms, '.')}>" if is_later else ""
            parts.append(space + time + html.escape(unit.text, quote=False))
        yield "".join(parts)


def _clock(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{rest:03d}"


def _lyrics_clock(milliseconds: int) -> str:
    """Return minutes, which may be more than 99, seconds and hundredths."""
    hundredths = milliseconds // 10
    return f"{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"
