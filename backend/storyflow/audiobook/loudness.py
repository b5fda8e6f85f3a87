"""Measure loudness after ITU-R BS.1770-4 and EBU R 128, in one pass over blocks of samples.

The ready-made meters need the whole book in memory (pyloudnorm, with SciPy) or FFmpeg; this is a hundred lines.
"""

import math
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from storyflow.audiobook.timeline import Samples

_STEP_S = 0.1
_STEPS_PER_WINDOW = 4
"""Windows of 400 ms that overlap by 75 %."""
_OFFSET_DB = -0.691
"""Makes a 997 Hz sine at full scale in one channel -3.01 LUFS."""
_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE = -10.0
_TAPS_S = 0.2
"""Length of the impulse response that is used; 90 dB below its start at the end."""

_Power = npt.NDArray[np.float64]


class LoudnessMeter:
    """Takes blocks of one channel and gives their integrated loudness."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._tail = np.zeros(len(_k_weighting(sample_rate)) - 1)
        self._step = round(_STEP_S * sample_rate)
        self._rest = np.zeros(0)
        self._powers: list[_Power] = []

    def add(self, block: Samples) -> None:
        """Take the next samples, 1-D."""
        if len(block) == 0:
            return
        weighted = np.concatenate([self._rest, self._weighted(block) ** 2])
        whole = len(weighted) // self._step * self._step
        self._powers.append(weighted[:whole].reshape(-1, self._step).mean(axis=1))
        self._rest = weighted[whole:]

    def loudness(self) -> float | None:
        """Return the integrated loudness in LUFS; None for silence or for less than 400 ms of sound."""
        steps = np.concatenate(self._powers) if self._powers else np.zeros(0)
        if len(steps) < _STEPS_PER_WINDOW:
            return None
        windows = np.lib.stride_tricks.sliding_window_view(steps, _STEPS_PER_WINDOW).mean(axis=1)
        heard = windows[windows > _power(_ABSOLUTE_GATE)]
        if len(heard) == 0:
            return None
        gated = heard[heard > heard.mean() * 10 ** (_RELATIVE_GATE / 10)]
        return _OFFSET_DB + 10 * math.log10(gated.mean())

    def _weighted(self, block: Samples) -> _Power:
        """Filter a block by overlap-save."""
        tail = self._tail
        joined = np.concatenate([tail, block])
        size = 1 << (len(joined) - 1).bit_length()
        filtered = np.fft.irfft(np.fft.rfft(joined, size) * _response(self._sample_rate, size), size)
        self._tail = joined[-len(tail) :]
        out: _Power = filtered[len(tail) : len(joined)]
        return out


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_DB) / 10))


@lru_cache(maxsize=8)
def _response(sample_rate: int, size: int) -> npt.NDArray[np.complex128]:
    """Return the K-weighting by frequency, for blocks of `size`."""
    return np.fft.rfft(_k_weighting(sample_rate), size)


@cache
def _k_weighting(sample_rate: int) -> _Power:
    """Return the impulse response of the K-weighting: a shelf for the head, then a high-pass (BS.1770, annex 1)."""
    impulse = np.zeros(round(_TAPS_S * sample_rate))
    impulse[0] = 1.0
    shelf = _shelf(sample_rate, frequency=1681.974450955533, gain_db=3.999843853973347, q=0.7071752369554196)
    high_pass = _high_pass(sample_rate, frequency=38.13547087602444, q=0.5003270373238773)
    return np.array(list(_filtered(_filtered(iter(impulse), *shelf), *high_pass)))


_Coefficients = tuple[tuple[float, float, float], tuple[float, float]]


def _shelf(sample_rate: int, frequency: float, gain_db: float, q: float) -> _Coefficients:
    """Return the high shelf whose coefficients at 48 kHz are those of the standard's table 1."""
    k = math.tan(math.pi * frequency / sample_rate)
    high = 10 ** (gain_db / 20)
    band = high**0.4996667741545416
    scale = 1 + k / q + k * k
    forward = ((high + band * k / q + k * k) / scale, 2 * (k * k - high) / scale, (high - band * k / q + k * k) / scale)
    return forward, (2 * (k * k - 1) / scale, (1 - k / q + k * k) / scale)


def _high_pass(sample_rate: int, frequency: float, q: float) -> _Coefficients:
    """Return the high-pass whose coefficients at 48 kHz are those of the standard's table 2."""
    k = math.tan(math.pi * frequency / sample_rate)
    scale = 1 + k / q + k * k
    return (1.0, -2.0, 1.0), (2 * (k * k - 1) / scale, (1 - k / q + k * k) / scale)


def _filtered(
    samples: Iterator[Any], forward: tuple[float, float, float], back: tuple[float, float]
) -> Iterator[float]:
    """Run a biquad filter (direct form II transposed)."""
    first = second = 0.0
    for sample in samples:
        out = forward[0] * sample + first
        first = forward[1] * sample - back[0] * out + second
        second = forward[2] * sample - back[1] * out
        yield out
