"""Place the segments of a project one after another, with pauses, and read them as one stream of samples."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf

from core_engine.kokoro.dimensions import SAMPLE_RATE
from storyflow.audiobook.errors import ExportError
from storyflow.audiobook.pauses import pause_between
from storyflow.audiobook.project import Project
from storyflow.narration.record import Entry

Samples = npt.NDArray[np.floating[Any]]

BLOCK = SAMPLE_RATE
"""Samples that are read and written at a time: a second."""

_SILENT = 10 ** (-50 / 20)
"""Amplitude below which the start and the end of a WAV count as silence."""
_LONGEST_END = SAMPLE_RATE // 2


@dataclass(frozen=True)
class Placed:
    """A segment's place in the one file."""

    entry: Entry
    start_s: float
    """Seconds from the start of the file to the start of the segment's WAV; of a scene break, to its silence."""


@dataclass(frozen=True)
class _Wav:
    path: Path
    frames: int
    before: int
    """Silent samples at its start."""
    after: int
    """Silent samples at its end."""


@dataclass(frozen=True)
class Timeline:
    """Where everything is in the one file."""

    placed: tuple[Placed, ...]
    """Every segment, in order."""
    parts: tuple[Path | int, ...]
    """What is heard one after another: WAVs, and silences in samples."""
    frames: int
    """Samples in all."""

    @property
    def duration_s(self) -> float:
        """Seconds of the one file."""
        return self.frames / SAMPLE_RATE

    def blocks(self) -> Iterator[Samples]:
        """Yield the samples, float32 and 1-D, at most BLOCK at a time, so that memory does not grow with the book."""
        for part in self.parts:
            if isinstance(part, Path):
                with sf.SoundFile(part) as wav:
                    yield from wav.blocks(BLOCK, dtype="float32")
            else:
                for start in range(0, part, BLOCK):
                    yield np.zeros(min(BLOCK, part - start), np.float32)


def timeline_of(project: Project, pauses: Mapping[str, float]) -> Timeline:
    """Return the timeline of a project; only the ends of its WAVs are read.

    Raises ExportError if a WAV cannot be used.
    """
    maker = _Maker(project, pauses)
    for entry in project.record.segments:
        maker.add(entry)
    return maker.timeline()


class _Maker:
    def __init__(self, project: Project, pauses: Mapping[str, float]) -> None:
        self._project, self._pauses = project, pauses
        self._placed: list[Placed] = []
        self._parts: list[Path | int] = []
        self._now = 0
        self._last: tuple[Entry, _Wav] | None = None
        self._breaks: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Place the next segment, after the pause before it."""
        if entry.kind == "break":
            self._breaks.append(entry)
            return
        wav = _examined(self._project.wav(entry))
        if self._last is None:
            self._add_silence(self._pauses["start"], wav.before)
        else:
            before, wav_before = self._last
            pause = pause_between(before, self._breaks, entry, self._pauses)
            self._add_silence(pause, wav_before.after + wav.before)
        self._placed.append(Placed(entry, self._now / SAMPLE_RATE))
        self._parts.append(wav.path)
        self._now += wav.frames
        self._last = entry, wav

    def timeline(self) -> Timeline:
        """Return the timeline of what was added."""
        self._add_silence(self._pauses["end"], self._last[1].after if self._last else 0)
        return Timeline(tuple(self._placed), tuple(self._parts), self._now)

    def _add_silence(self, seconds: float, already: int) -> None:
        """Add what is missing to a silence; the scene breaks in it begin where it does."""
        self._placed += [Placed(entry, self._now / SAMPLE_RATE) for entry in self._breaks]
        self._breaks.clear()
        frames = max(0, round(seconds * SAMPLE_RATE) - already)
        if frames:
            self._parts.append(frames)
            self._now += frames


def _examined(path: Path) -> _Wav:
    """Read the ends of a WAV."""
    try:
        with sf.SoundFile(path) as wav:
            if (wav.samplerate, wav.channels) != (SAMPLE_RATE, 1):
                raise ExportError(
                    f"'{path}' has {wav.channels} channels at {wav.samplerate} Hz instead of one at {SAMPLE_RATE} Hz. "
                    f"Convert it, or delete it and narrate the story again."
                )
            frames = wav.frames
            start = wav.read(min(frames, _LONGEST_END), dtype="float32")
            wav.seek(max(0, frames - _LONGEST_END))
            end = wav.read(dtype="float32")
    except sf.LibsndfileError as error:
        raise ExportError(
            f"'{path}' cannot be read: {error.error_string} Delete it and narrate the story again."
        ) from error
    return _Wav(path, frames, _silent_samples(start), _silent_samples(end[::-1]))


def _silent_samples(samples: Samples) -> int:
    sounds = np.flatnonzero(np.abs(samples) > _SILENT)
    return int(sounds[0]) if len(sounds) else len(samples)
