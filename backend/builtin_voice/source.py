"""Graph, part 4: the excitation of the vocal tract: a pulse train at the pitch, and noise."""

import math

import numpy as np
from onnx import TensorProto

from builtin_voice.graph_writer import GraphWriter
from builtin_voice.tables import FRAME
from core_engine.kokoro.dimensions import SAMPLE_RATE

_TOP_HZ = 11_000.0
_LOWEST_HZ, _HIGHEST_HZ = 40.0, 800.0


def excitation(g: GraphWriter, hertz: str) -> str:
    """Return the name of both sources: float32 (2, 1, samples), pulses then noise, with equal spectral density."""
    per_sample = _interpolated(g, g.op("Clip", hertz, _LOWEST_HZ, _HIGHEST_HZ))
    sources = (g.op("Reshape", wave, [1, 1, -1]) for wave in (_pulses(g, per_sample), _noise(g, per_sample)))
    return g.op("Concat", *sources, axis=0)


def _interpolated(g: GraphWriter, per_frame: str) -> str:
    """Interpolate linearly from one value per frame to one per sample."""
    here = g.op("Reshape", per_frame, [-1, 1])
    following = g.op(
        "Concat",
        g.op("Slice", here, [1], [np.iinfo(np.int64).max]),
        g.op("Slice", here, [-1], [np.iinfo(np.int64).max]),
        axis=0,
    )
    weight = (np.arange(FRAME, dtype=np.float32) / FRAME)[np.newaxis]
    line = g.op("Add", here, g.op("Mul", g.op("Sub", following, here), weight))
    return g.op("Reshape", line, [-1])


def _pulses(g: GraphWriter, hertz: str) -> str:
    """Sum of all cosines at multiples of `hertz` below _TOP_HZ, by the Dirichlet kernel; no aliasing, no DC.

    The phase is accumulated in float64; in float32 the pitch would be wrong after a minute.
    """
    cycles = g.op("CumSum", g.op("Div", g.cast(hertz, TensorProto.DOUBLE), np.float64(SAMPLE_RATE) * np.ones(1)), 0)
    phase = g.floats(g.op("Sub", cycles, g.op("Round", cycles)))
    harmonics = g.op("Floor", g.op("Div", _TOP_HZ, hertz))
    order = g.op("Add", g.op("Mul", harmonics, 2.0), 1.0)
    angle = g.op("Mul", phase, math.pi)
    below = g.op("Sin", angle)
    is_peak = g.op("Less", g.op("Abs", below), 1e-4)
    kernel = g.op("Div", g.op("Sin", g.op("Mul", angle, order)), g.op("Where", is_peak, 1.0, below))
    cosines = g.op("Mul", g.op("Sub", g.op("Where", is_peak, order, kernel), 1.0), 0.5)
    return g.op("Mul", cosines, g.op("Mul", g.op("Sqrt", g.op("Div", hertz, float(SAMPLE_RATE))), 2.0))


def _noise(g: GraphWriter, like: str) -> str:
    """White noise of variance 1, the same in every run: a middle-square hash of the sample's index."""
    modulus, factor = 2**31, 1_640_531_527
    number = g.cast(g.op("CumSum", g.op("Add", g.op("Mul", like, 0.0), 1.0), 0), TensorProto.INT64)
    number = g.op("Mod", g.op("Mul", number, factor), modulus)
    for _ in range(2):
        number = g.op("Mod", g.op("Add", g.op("Div", g.op("Mul", number, number), 2**16), factor), modulus)
    return g.op("Mul", g.op("Sub", g.op("Div", g.floats(number), float(modulus)), 0.5), math.sqrt(12))
