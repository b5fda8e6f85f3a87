"""Measure a file by the levels that the audiobook shop ACX asks for."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from storyflow.audiobook.timeline import Samples

_WINDOW_S = 0.5
_SILENCE_DB = -120.0


@dataclass(frozen=True)
class Level:
    """A measured level and its limits."""

    name: str
    db: float
    """Decibels of full scale; -120 for digital silence."""
    lowest: float | None
    highest: float

    @property
    def passes(self) -> bool:
        """Return whether the level is within its limits."""
        return (self.lowest is None or self.db >= self.lowest) and self.db <= self.highest


def levels_of(path: Path) -> tuple[Level, ...]:
    """Return RMS, peak and noise floor (the quietest half second) of an audio file, decoded block by block."""
    power = peak = 0.0
    frames = 0
    quietest = math.inf
    for window in _windows(path):
        energy = float(np.dot(window, window))
        power, frames = power + energy, frames + len(window)
        peak = max(peak, float(np.max(np.abs(window), initial=0.0)))
        quietest = min(quietest, energy / len(window))
    return (
        Level("RMS", _db(power / max(frames, 1)), -23.0, -18.0),
        Level("peak", _db(peak**2), None, -3.0),
        Level("noise floor", _db(0.0 if math.isinf(quietest) else quietest), None, -60.0),
    )


def _db(power: float) -> float:
    return max(_SILENCE_DB, 10 * math.log10(power)) if power > 0 else _SILENCE_DB


def _windows(path: Path) -> Iterator[Samples]:
    """Yield half seconds of one channel."""
    if path.suffix.lower() in (".m4b", ".m4a"):
        yield from _decoded_by_ffmpeg(path)
        return
    with sf.SoundFile(path) as audio:
        yield from audio.blocks(round(_WINDOW_S * audio.samplerate), dtype="float32")


def _decoded_by_ffmpeg(path: Path) -> Iterator[Samples]:
    import av

    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        size = round(_WINDOW_S * stream.rate)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=stream.rate, frame_size=size)
        for frame in container.decode(stream):
            for window in resampler.resample(frame):
                yield window.to_ndarray()[0]
        for window in resampler.resample(None):
            yield window.to_ndarray()[0]
