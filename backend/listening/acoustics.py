"""Acoustic measures of audio for the tests and the benchmark, independent of how the audio was made."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

HOP_S = 0.005
_PITCH_WINDOW_S = 0.04
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 400.0
_PERIODIC = 0.6
_BANDS, _CEPSTRA = 60, 25


def frames(audio: Floats, sample_rate: int, window_s: float) -> Floats:
    """Split `audio` into overlapping windows, one every HOP_S: (frames, window)."""
    window, hop = int(window_s * sample_rate), int(HOP_S * sample_rate)
    padded = np.pad(audio, (window // 2, window))
    starts = np.arange(0, len(audio), hop)
    pieces: Floats = padded[starts[:, np.newaxis] + np.arange(window)]
    return pieces


def pitch_track(audio: Floats, sample_rate: int) -> npt.NDArray[np.float64]:
    """Return the pitch in Hz every HOP_S by autocorrelation; NaN where the sound is not periodic or too quiet."""
    pieces = frames(audio, sample_rate, _PITCH_WINDOW_S)
    pieces = pieces - pieces.mean(axis=1, keepdims=True)
    window = pieces.shape[1]
    shape = np.hanning(window)
    size = 1 << (2 * window - 1).bit_length()
    spectra = np.abs(np.fft.rfft(pieces * shape, size)) ** 2
    shape_lags = np.fft.irfft(np.abs(np.fft.rfft(shape, size)) ** 2)
    lags = np.fft.irfft(spectra)[:, : window // 2 + 1]
    normal = lags / np.maximum(lags[:, :1], 1e-9) * (shape_lags[0] / shape_lags[: window // 2 + 1])
    low, high = int(sample_rate / _HIGHEST_HZ), min(int(sample_rate / _LOWEST_HZ), window // 2 - 1)
    # the shortest lag that is nearly as good as the best one, to avoid octave errors
    span = normal[:, low:high]
    first = np.argmax(span > 0.93 * span.max(axis=1, keepdims=True), axis=1)
    reach = np.minimum(first[:, np.newaxis] + np.arange(12), span.shape[1] - 1)
    best = low + first + np.argmax(np.take_along_axis(span, reach, axis=1), axis=1)
    loud = pieces.std(axis=1) > 0.1 * audio.std()
    return np.where((normal[np.arange(len(best)), best] > _PERIODIC) & loud, sample_rate / best, np.nan)


def spectral_tilt(audio: Floats, sample_rate: int) -> float:
    """Return the level below 1 kHz relative to that from 2 to 6 kHz, in dB."""
    power = np.mean(np.abs(np.fft.rfft(frames(audio, sample_rate, 0.02) * np.hanning(int(0.02 * sample_rate)))) ** 2, 0)
    hz = np.linspace(0, sample_rate / 2, len(power))
    return float(10 * np.log10(power[hz < 1000].sum() / power[(hz > 2000) & (hz < 6000)].sum()))


def mel_cepstra(audio: Floats, sample_rate: int, top_hz: float = 8000.0) -> npt.NDArray[np.float64]:
    """Return mel-cepstra without the gain for the mel-cepstral distance: (frames, 24)."""
    window = int(0.025 * sample_rate)
    spectrum = np.abs(np.fft.rfft(frames(audio, sample_rate, 0.025) * np.hanning(window), 1024)) ** 2
    hz = np.linspace(0, sample_rate / 2, spectrum.shape[1])
    edges = 700 * (np.exp(np.linspace(0, np.log1p(top_hz / 700), _BANDS + 2)) - 1)
    rising = (hz - edges[:-2, np.newaxis]) / (edges[1:-1] - edges[:-2])[:, np.newaxis]
    falling = (edges[2:, np.newaxis] - hz) / (edges[2:] - edges[1:-1])[:, np.newaxis]
    bands = spectrum @ np.maximum(np.minimum(rising, falling), 0).T
    logs = np.log(np.maximum(bands, 1e-6 * bands.max()))
    angles = np.outer(np.arange(1, _CEPSTRA), np.arange(_BANDS) + 0.5) * np.pi / _BANDS
    cepstra: npt.NDArray[np.float64] = logs @ np.cos(angles).T / _BANDS
    return cepstra


def mel_cepstral_distance(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Return the mean distance in dB of two sequences under dynamic time warping (Kubichek 1993).

    The factor 10 sqrt(2) / ln 10 converts the Euclidean distance of amplitude cepstra to dB.
    """
    cost = np.sqrt(np.maximum((one**2).sum(1)[:, np.newaxis] + (other**2).sum(1) - 2 * one @ other.T, 0))
    total, steps = np.full((len(one) + 1, len(other) + 1), np.inf), np.zeros((len(one) + 1, len(other) + 1))
    total[0, 0] = 0.0
    for diagonal in range(2, len(one) + len(other) + 1):
        row = np.arange(max(1, diagonal - len(other)), min(len(one), diagonal - 1) + 1)
        column = diagonal - row
        choices = np.stack([total[row - 1, column - 1], total[row - 1, column], total[row, column - 1]])
        counts = np.stack([steps[row - 1, column - 1], steps[row - 1, column], steps[row, column - 1]])
        best = np.argmin(choices, axis=0)
        at = np.arange(len(row))
        total[row, column] = choices[best, at] + cost[row - 1, column - 1]
        steps[row, column] = counts[best, at] + 1
    return float(10 * np.sqrt(2) / np.log(10) * total[-1, -1] / steps[-1, -1])
