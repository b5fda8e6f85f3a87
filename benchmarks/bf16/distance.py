"""How far two sounds are apart: the mean difference of their log-mel spectra, in dB."""

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 24_000
BANDS = 80
WINDOW = 1024
HOP = 256
FLOOR = 1e-8
"""Power below which all is silence."""


def log_mel_distance(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Return the mean over bands and frames of |difference| in dB; both of shape (samples,), 24 kHz, equally long."""
    return float(np.abs(_log_mel(np.ravel(one)) - _log_mel(np.ravel(other))).mean())


def _log_mel(audio: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    padded = np.pad(audio.astype(np.float64), WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames)) ** 2 @ _filters().T
    return 10 * np.log10(np.maximum(power, FLOOR))


def _filters() -> npt.NDArray[np.float64]:
    """Return triangles evenly spaced in mel, mel = 2595 log10(1 + Hz / 700), of shape (bands, frequencies)."""
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    hertz = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
    return np.maximum(0, np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle)))
