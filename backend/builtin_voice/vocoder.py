"""Graph, part 5: filter the excitation by the mel-cepstra, frame by frame (short-time Fourier transform, overlap-add).

Every 5 ms a Hann-windowed piece of the excitation is transformed, multiplied by the minimum-phase filter
exp(sum of c_k z̃^-k), with z̃ on the all-pass axis (Imai 1983; Tokuda et al. 1994), transformed back and added. Both
transforms are one convolution each, so time and memory are linear in the length.
"""

import numpy as np
import numpy.typing as npt

from builtin_voice.controls import ControlNames
from builtin_voice.envelope import Envelope
from builtin_voice.graph_writer import GraphWriter
from builtin_voice.tables import BAND_EDGES_HZ, CEPSTRA, FRAME
from core_engine.kokoro.dimensions import SAMPLE_RATE

TRANSFORM = 768
"""Samples of one transform: a window of two frames, and 22 ms for the filter's decay."""

_TOP_HZ = 10_500.0
_BIN = np.arange(1, int(_TOP_HZ * TRANSFORM / SAMPLE_RATE))
"""Frequencies in use: without the first, to avoid DC, and up to the highest ones in espeak's sound."""

_HZ = _BIN * SAMPLE_RATE / TRANSFORM
_LEVEL = 0.6
"""Gain relative to espeak: leaves headroom for the loudest vowel of the brightest voice."""

_HALF_WINDOW = FRAME // 2


def vocoder(g: GraphWriter, shape: Envelope, sources: str, voice: ControlNames) -> str:
    """Return the name of the waveform, float32 (samples,), from `shape` and `sources` (2, 1, samples)."""
    pulses, noise = _transformed(g, sources)
    voicing = g.op("Sigmoid", g.op("MatMul", _band_weights(), g.op("Sub", shape.voicing, voice.breath)))
    pulse_gain, noise_gain = g.op("Sqrt", voicing), g.op("Sqrt", g.op("Sub", 1.0, voicing))
    real, imaginary = (
        g.op("Add", g.op("Mul", pulse, pulse_gain), g.op("Mul", hiss, noise_gain))
        for pulse, hiss in zip(pulses, noise, strict=True)
    )
    return _overlapped(g, *_filtered(g, shape.cepstra, real, imaginary, voice))


def _filtered(g: GraphWriter, cepstra: str, real: str, imaginary: str, voice: ControlNames) -> tuple[str, str]:
    angle = g.op("Mul", _axis(g, voice.warp), np.arange(CEPSTRA, dtype=np.float32)[np.newaxis])
    tilt = g.op("Mul", voice.tilt, np.eye(CEPSTRA, dtype=np.float32)[1][:, np.newaxis])
    tilted = g.op("Add", cepstra, tilt)
    gain = g.op("Exp", g.op("MatMul", g.op("Cos", angle), tilted))
    turn = g.op("Neg", g.op("MatMul", g.op("Sin", angle), tilted))
    cosine, sine = g.op("Mul", gain, g.op("Cos", turn)), g.op("Mul", gain, g.op("Sin", turn))
    return (
        g.op("Sub", g.op("Mul", real, cosine), g.op("Mul", imaginary, sine)),
        g.op("Add", g.op("Mul", real, sine), g.op("Mul", imaginary, cosine)),
    )


def _axis(g: GraphWriter, warp: str) -> str:
    """Return the angle of every bin on the all-pass axis, float32 (bins, 1), without atan2, which ONNX lacks."""
    omega = 2 * np.pi * _BIN[:, np.newaxis] / TRANSFORM
    above = g.op("Mul", warp, np.sin(omega).astype(np.float32))
    below = g.op("Sub", 1.0, g.op("Mul", warp, np.cos(omega).astype(np.float32)))
    return g.op("Add", omega.astype(np.float32), g.op("Mul", g.op("Atan", g.op("Div", above, below)), 2.0))


def _band_weights() -> npt.NDArray[np.float32]:
    rows = [np.interp(_HZ, BAND_EDGES_HZ, unit) for unit in np.eye(len(BAND_EDGES_HZ))]
    return np.stack(rows, axis=1).astype(np.float32)


def _transformed(g: GraphWriter, sources: str) -> list[tuple[str, str]]:
    """Return (real, imaginary), each (bins, frames), of both sources."""
    window = 0.5 - 0.5 * np.cos(np.pi * (np.arange(2 * FRAME) + 0.5) / FRAME)
    kernel = _waves(g, window, sign=-1)
    spectra = g.op("Conv", sources, kernel, strides=[FRAME], pads=[_HALF_WINDOW, _HALF_WINDOW])
    return [_halves(g, g.op("Gather", spectra, source, axis=0)) for source in range(2)]


def _halves(g: GraphWriter, both: str) -> tuple[str, str]:
    bins = len(_BIN)
    return g.op("Slice", both, [0], [bins], [0]), g.op("Slice", both, [bins], [2 * bins], [0])


def _waves(g: GraphWriter, window: npt.NDArray[np.float64], sign: int) -> str:
    """Return cosines, then `sign` times sines, of every bin under `window`: float32 (2 bins, 1, samples).

    They are looked up in one period to keep the file small; the runtime does so once, when it loads.
    """
    turns = g.op("Mul", _BIN[:, np.newaxis, np.newaxis], np.arange(len(window))[np.newaxis, np.newaxis])
    place = g.op("Mod", turns, TRANSFORM)
    period = 2 * np.pi * np.arange(TRANSFORM) / TRANSFORM
    tables = (np.cos(period), sign * np.sin(period))
    both = g.op("Concat", *(g.op("Gather", table.astype(np.float32), place) for table in tables), axis=0)
    return g.op("Mul", both, window.astype(np.float32))


def _overlapped(g: GraphWriter, real: str, imaginary: str) -> str:
    """Transform back, overlap and add, trim to the frames' own samples, and limit peaks below 1 smoothly."""
    basis = _waves(g, np.full(TRANSFORM, _LEVEL * 2 / TRANSFORM), sign=-1)
    spectrum = g.op("Unsqueeze", g.op("Concat", real, imaginary, axis=0), [0])
    wave = g.op("ConvTranspose", spectrum, basis, strides=[FRAME])
    tail = TRANSFORM - FRAME - _HALF_WINDOW
    flat = g.op("Slice", g.op("Reshape", wave, [-1]), [_HALF_WINDOW], [-tail])
    square = g.op("Mul", flat, flat)
    bend = g.op("Sqrt", g.op("Sqrt", g.op("Add", 1.0, g.op("Mul", square, square))))
    return g.op("Div", flat, bend, name="audio")
