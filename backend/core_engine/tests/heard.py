"""Compare voices as a listener would, by pitch and timbre measured in the audio."""

import math

import numpy as np
import numpy.typing as npt

SEMITONES_APART = 1.0
"""Limit between medians. One voice at two speeds differs by 0.2, the closest two built-in voices by 1.8."""
TIMBRE_DB_APART = 1.0
"""Limit between mean mel spectra. One voice at two speeds differs by 0.4 dB, the closest two voices by 1.5 dB."""

_PITCH_WINDOW_S = 0.04
_PITCH_HOP_S = 0.01
_LOWEST_HZ, _HIGHEST_HZ = 60, 400
_SPECTRUM_WINDOW = 1024
_BANDS = 24
_BAND_RANGE_HZ = (80.0, 8000.0)

Audio = npt.NDArray[np.float32]


def sound_different(one: Audio, other: Audio, sample_rate: int) -> bool:
    """Return whether two recordings of one text differ by more than one voice varies."""
    semitones = 12 * math.log2(median_pitch_hz(one, sample_rate) / median_pitch_hz(other, sample_rate))
    timbre_db = np.sqrt(np.mean((band_levels_db(one, sample_rate) - band_levels_db(other, sample_rate)) ** 2))
    return abs(semitones) > SEMITONES_APART or float(timbre_db) > TIMBRE_DB_APART


def median_pitch_hz(audio: Audio, sample_rate: int) -> float:
    """Return the median of the fundamental frequency over the voiced frames, by autocorrelation (Boersma 1993)."""
    window = round(_PITCH_WINDOW_S * sample_rate)
    frames = _frames(audio, window, round(_PITCH_HOP_S * sample_rate))
    loud = frames[frames.std(axis=1) > 0.3 * audio.std()]
    shape = np.hanning(window)
    similar = _autocorrelation((loud - loud.mean(axis=1, keepdims=True)) * shape) / _autocorrelation(shape)
    shortest, longest = sample_rate // _HIGHEST_HZ, sample_rate // _LOWEST_HZ
    period = shortest + similar[:, shortest:longest].argmax(axis=1)
    voiced = similar[np.arange(len(period)), period] > 0.6
    return float(np.median(sample_rate / period[voiced]))


def band_levels_db(audio: Audio, sample_rate: int) -> npt.NDArray[np.float64]:
    """Return the mean level in each of 24 overlapping mel bands, relative to the overall loudness."""
    frames = _frames(audio, _SPECTRUM_WINDOW, _SPECTRUM_WINDOW // 4) * np.hanning(_SPECTRUM_WINDOW)
    power = np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)
    hz = np.fft.rfftfreq(_SPECTRUM_WINDOW, 1 / sample_rate)
    low, high = (math.log1p(edge / 700) for edge in _BAND_RANGE_HZ)  # the mel scale
    edges = 700 * np.expm1(np.linspace(low, high, _BANDS + 2))
    bands = [power[(hz >= begin) & (hz < end)].sum() for begin, end in zip(edges[:-2], edges[2:], strict=True)]
    levels = 10 * np.log10(np.array(bands) + 1e-12)
    centred: npt.NDArray[np.float64] = levels - levels.mean()
    return centred


def _frames(audio: Audio, window: int, hop: int) -> Audio:
    """Cut audio into overlapping frames: (frames, window)."""
    starts = np.arange(0, len(audio) - window, hop)
    cut: Audio = audio[starts[:, np.newaxis] + np.arange(window)]
    return cut


def _autocorrelation(frames: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the autocorrelation of each frame, 1 at no lag, up to half a frame."""
    window = frames.shape[-1]
    lags = np.fft.irfft(np.abs(np.fft.rfft(frames, 2 * window)) ** 2)[..., : window // 2]
    scaled: npt.NDArray[np.float64] = lags / lags[..., :1]
    return scaled
