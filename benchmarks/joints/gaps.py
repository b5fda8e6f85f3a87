"""The places where a reader rests: how long, and how far pitch and loudness are apart on either side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.dimensions import SAMPLE_RATE

Floats = npt.NDArray[np.float32]
SENTENCE, CLAUSE, NO_MARK = "sentence", "clause", "no mark"
_STEP = SAMPLE_RATE // 200  # 5 ms
_QUIET_DB = -40.0
_BESIDE = 3 * SAMPLE_RATE // 10  # 0.3 s of speech on either side
_WINDOW, _HOP = SAMPLE_RATE // 25, SAMPLE_RATE // 100
_LOWEST_HZ, _HIGHEST_HZ = 60, 400
_VOICED = 0.5  # of the normalised autocorrelation
SOUNDLESS = frozenset(';:,.!?¡¿—…"«»“”() ˈˌː')


@dataclass(frozen=True)
class Placed:
    """One chunk in the audio of an utterance."""

    phonemes: str
    starts: npt.NDArray[np.int64]
    """Of shape (n + 1,): the sample at which each symbol begins, and where the last ends."""


@dataclass(frozen=True)
class Gap:
    """What lies between the last sound before a mark and the first one behind it."""

    kind: str
    """SENTENCE, CLAUSE or NO_MARK."""
    pause_ms: float
    pitch_rise: float
    """Semitones, below zero where the voice falls; nan where one side has no voice."""
    loudness_rise: float
    """dB, below zero where it gets fainter."""
    at_joint: bool


def gaps(audio: Floats, chunks: Sequence[Placed]) -> Iterator[Gap]:
    """Yield every gap at a mark or between two chunks."""
    symbols = [
        (symbol, int(start), number)
        for number, chunk in enumerate(chunks)
        for symbol, start in zip(chunk.phonemes, chunk.starts, strict=False)
    ]
    ends = [start for _, start, _ in symbols[1:]] + [audio.size]
    quiet = _quiet(audio)
    sounding = [index for index, (symbol, _, _) in enumerate(symbols) if symbol not in SOUNDLESS]
    for before, behind in pairwise(sounding):
        kind = _kind("".join(symbol for symbol, _, _ in symbols[before + 1 : behind]))
        at_joint = symbols[before][2] != symbols[behind][2]
        if at_joint or kind != NO_MARK:
            begin, end = _longest_run(quiet, symbols[before][1] // _STEP, ends[behind] // _STEP)
            yield _gap(audio, kind, begin * _STEP, end * _STEP, at_joint=at_joint)


def longest_pause_ms(audio: Floats) -> float:
    """Return the longest pause between the first and the last sound."""
    quiet = _quiet(audio)
    loud = np.flatnonzero(~quiet)
    begin, end = _longest_run(quiet, int(loud[0]), int(loud[-1]))
    return float(end - begin) * 5


def _gap(audio: Floats, kind: str, begin: int, end: int, *, at_joint: bool) -> Gap:
    before, behind = audio[max(0, begin - _BESIDE) : begin], audio[end : end + _BESIDE]
    pitch = 12 * float(np.log2(pitch_hz(behind) / pitch_hz(before)))
    energy = 20 * float(np.log10(rms(behind) / rms(before)))
    return Gap(kind, (end - begin) * 1000 / SAMPLE_RATE, pitch, energy, at_joint)


def _kind(marks: str) -> str:
    if any(mark in marks for mark in ".!?"):
        return SENTENCE
    return CLAUSE if any(mark in marks for mark in ",;:—…") else NO_MARK


def _quiet(audio: Floats) -> npt.NDArray[np.bool_]:
    levels = np.sqrt(np.mean(np.square(audio[: audio.size // _STEP * _STEP].reshape(-1, _STEP)), axis=1))
    quiet: npt.NDArray[np.bool_] = levels < np.percentile(levels, 95) * 10 ** (_QUIET_DB / 20)
    return quiet


def _longest_run(quiet: npt.NDArray[np.bool_], begin: int, end: int) -> tuple[int, int]:
    """Return begin and end of the longest silence between two steps; both `begin` where there is none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet[begin:end], [False]]).astype(int)))
    runs = edges.reshape(-1, 2)
    if len(runs) == 0:
        return begin, begin
    first, last = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    return begin + int(first), begin + int(last)


def pitch_hz(audio: Floats) -> float:
    """Return the median pitch of the voiced parts in Hz, by autocorrelation; nan where none is."""
    windows = [audio[at : at + _WINDOW] for at in range(0, audio.size - _WINDOW, _HOP)]
    found = [hz for hz in map(_pitch_of_window, windows) if hz]
    return float(np.median(found)) if found else float("nan")


def _pitch_of_window(window: Floats) -> float | None:
    centred = window - window.mean()
    spectrum = np.fft.rfft(centred * np.hanning(centred.size), 2 * centred.size)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)
    lags = correlation[SAMPLE_RATE // _HIGHEST_HZ : SAMPLE_RATE // _LOWEST_HZ]
    best = int(np.argmax(lags))
    voiced = correlation[0] > 0 and lags[best] > _VOICED * correlation[0]
    return SAMPLE_RATE / (best + SAMPLE_RATE // _HIGHEST_HZ) if voiced else None


def rms(audio: Floats) -> float:
    """Return the root of the mean square; nan where there is nothing."""
    return float(np.sqrt(np.mean(np.square(audio)))) if audio.size else float("nan")
