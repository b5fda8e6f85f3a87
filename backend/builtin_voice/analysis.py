"""Convert audio to mel-cepstra: the spectral envelope without the harmonics of the voice.

The envelope is the "true envelope" (Röbel & Rodet 2005): a cepstrum is fitted repeatedly, each time to the maximum of
the logarithmic spectrum and the last fit, until it rests on the peaks. The fit is least squares on the all-pass axis,
which weights low frequencies as the ear does.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from builtin_voice.tables import CEPSTRA, Floats, warped_frequency
from core_engine.kokoro.dimensions import SAMPLE_RATE

Doubles = npt.NDArray[np.float64]

TRANSFORM = 1024
_ROUNDS = 12
_TOP_HZ = 10_600.0
"""espeak's sound ends at 11 kHz; higher frequencies are assumed to be as loud as those here."""

_FLOOR = 1e-6
_NOISE_BIAS = 0.29
"""Half of Euler's constant: the mean logarithm of a noise amplitude is this far below its root mean square."""


@dataclass(frozen=True)
class Window:
    """The analysis window for one kind of sound."""

    seconds: float
    pitch_hz: float | None
    """Of the harmonics it rests on; None for noise."""


@dataclass(frozen=True)
class Moment:
    """A point in time and the uniform stretch around it, in samples."""

    centre: float
    begin: int
    end: int


def cepstra_at(audio: Floats, sample_rate: int, moments: list[Moment], window: Window) -> Floats:
    """Return, for every moment, the filter that turns the vocoder's sources into `audio`: (moments, CEPSTRA)."""
    length = int(window.seconds * sample_rate)
    pieces = np.stack([_piece(audio, moment, length) for moment in moments])
    shape = np.hanning(length + 2)[1:-1]
    lengths = np.array([[min(moment.end - moment.begin, length)] for moment in moments])
    filled = (np.arange(length) < lengths) * shape
    spectrum = np.abs(np.fft.rfft(pieces * shape, TRANSFORM))
    if window.pitch_hz is None:
        scale = np.sqrt(np.sum(filled**2, axis=1))
        return _least_squares(np.log(_held(spectrum / scale[:, np.newaxis], sample_rate)) + _NOISE_BIAS, sample_rate)
    scale = np.sum(filled, axis=1) * np.sqrt(window.pitch_hz / SAMPLE_RATE)
    return _true_envelope(np.log(_held(spectrum / scale[:, np.newaxis], sample_rate)), sample_rate)


def _piece(audio: Floats, moment: Moment, length: int) -> Floats:
    """Cut `length` samples around the moment, shifted to stay in its stretch and zero-padded if that is too short."""
    first = round(moment.centre - length / 2)
    first = max(min(first, moment.end - length), moment.begin)
    piece = np.zeros(length, dtype=np.float32)
    part = audio[first : min(first + length, moment.end)]
    piece[: len(part)] = part
    return piece


def _held(amplitude: Doubles, sample_rate: int) -> Doubles:
    top = int(_TOP_HZ * TRANSFORM / sample_rate)
    held = np.maximum(amplitude, _FLOOR)
    held[:, top:] = held[:, top - 20 : top].mean(axis=1, keepdims=True)
    return held


@lru_cache
def _fit(sample_rate: int) -> tuple[Doubles, Doubles]:
    """Return (analysis, synthesis): (bins, CEPSTRA) and (CEPSTRA, bins).

    In float64, although float32 would sound the same: the rounded result then does not depend on the number of threads
    of the matrix product.
    """
    hz = np.arange(TRANSFORM // 2 + 1) * sample_rate / TRANSFORM
    angle = warped_frequency(np.minimum(hz, SAMPLE_RATE / 2), SAMPLE_RATE)
    basis = np.cos(np.outer(angle, np.arange(CEPSTRA)))
    weight = np.gradient(angle)[:, np.newaxis]
    ridge = 1e-4 * np.eye(CEPSTRA)
    analysis = np.linalg.solve(basis.T @ (weight * basis) + ridge, (weight * basis).T).T
    return np.ascontiguousarray(analysis), np.ascontiguousarray(basis.T)


def _least_squares(log_amplitude: Doubles, sample_rate: int) -> Floats:
    cepstra: Floats = (log_amplitude @ _fit(sample_rate)[0]).astype(np.float32)
    return cepstra


def _true_envelope(log_amplitude: Doubles, sample_rate: int) -> Floats:
    analysis, synthesis = _fit(sample_rate)
    cepstra = log_amplitude @ analysis
    for _ in range(_ROUNDS):
        cepstra = np.maximum(log_amplitude, cepstra @ synthesis) @ analysis
    return cepstra.astype(np.float32)
