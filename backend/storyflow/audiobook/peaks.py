"""True peaks, and a limiter that keeps them below a ceiling: samples may be low where the wave between them is not."""

from functools import cache

import numpy as np
import numpy.typing as npt

from storyflow.audiobook.timeline import Samples

_PHASES = 4
"""Points looked at per sample, as in ITU-R BS.1770-4, annex 2."""
_HALF_TAPS = 12
"""Samples on each side from which a point between two samples is interpolated."""
_REACH_S = 0.01
"""How long before and after a peak the level is lowered and raised."""

_Gain = npt.NDArray[np.float64]


def true_peak(samples: Samples) -> _Gain:
    """Return, for each sample, the largest amplitude at it or between it and the next."""
    highest: _Gain = np.abs(samples).astype(np.float64)
    for taps in _interpolators():
        between = np.convolve(samples, taps)[_HALF_TAPS - 1 :][: len(samples)]
        np.maximum(highest, np.abs(between), out=highest)
    return highest


class Limiter:
    """Lowers what would exceed a ceiling; the rest stays as it is."""

    def __init__(self, sample_rate: int, ceiling: float) -> None:
        """`ceiling` is the highest true peak as an amplitude."""
        self._ceiling = ceiling
        self._reach = round(_REACH_S * sample_rate)
        self._context = 2 * self._reach + _HALF_TAPS
        self._pending = np.zeros(self._context)  # the samples around the next one to return

    def add(self, block: Samples) -> Samples:
        """Take the next samples; return the samples that are decided, `_context` behind."""
        joined = np.concatenate([self._pending, block])
        ready = len(joined) - 2 * self._context
        if ready <= 0:
            self._pending = joined
            return np.zeros(0, np.float32)
        out = joined[self._context : self._context + ready] * self._gain(joined)
        self._pending = joined[ready:]
        return out.astype(np.float32)

    def rest(self) -> Samples:
        """Return the last samples."""
        return self.add(np.zeros(self._context))

    def _gain(self, joined: Samples) -> _Gain | float:
        """Return the gain of each sample of `joined` that has its context on both sides."""
        if np.max(np.abs(joined)) < self._ceiling / 2:  # spares silence the search
            return 1.0
        peaks = true_peak(joined)
        if np.max(peaks) <= self._ceiling:
            return 1.0
        allowed = self._ceiling / np.maximum(peaks, self._ceiling)
        width = 2 * self._reach + 1
        # Each mean is one of minima that all include the sample itself, so no gain exceeds what is allowed there.
        gain = _sliding_mean(_sliding_minimum(allowed, width), width)
        edge = self._context - 2 * self._reach
        return gain[edge : len(gain) - edge]


def _sliding_minimum(values: _Gain, width: int) -> _Gain:
    """Return the minimum of each `width` neighbours, in log2(width) steps."""
    length = len(values) - width + 1
    span = 1
    while span * 2 <= width:
        values = np.minimum(values[:-span], values[span:])
        span *= 2
    smallest: _Gain = np.minimum(values[:length], values[width - span :][:length])
    return smallest


def _sliding_mean(values: _Gain, width: int) -> _Gain:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    mean: _Gain = (sums[width:] - sums[:-width]) / width
    return mean


@cache
def _interpolators() -> tuple[_Gain, ...]:
    """Return a windowed sinc for each point between two samples."""
    positions = np.arange(-_HALF_TAPS + 1, _HALF_TAPS + 1)
    found = []
    for phase in range(1, _PHASES):
        distance = phase / _PHASES - positions
        taps = np.sinc(distance) * np.cos(np.pi * distance / (2 * (_HALF_TAPS + 0.5))) ** 2
        found.append(taps[::-1] / taps.sum())
    return tuple(found)
