"""Graph, part 0: read the controls from the style vector and `speed`."""

import math
from dataclasses import dataclass

from builtin_voice.graph_writer import GraphWriter
from builtin_voice.tables import WARP
from builtin_voice.voices import BLOCK, CONTROLS, NEUTRAL_HZ

SLOWEST, FASTEST = 0.25, 4.0


@dataclass(frozen=True)
class ControlNames:
    """Names of float32 tensors of shape (1,)."""

    hertz: str
    """The voice's middle pitch."""
    warp: str
    """All-pass constant that moves the formants."""
    tilt: str
    """Added to the first mel-cepstral coefficient."""
    speed: str
    """The caller's speed times the voice's own tempo."""
    melody: str
    """Factor on the pitch movements."""
    breath: str
    """Subtracted from the voicing logits."""


def controls(g: GraphWriter, style: str, speed: str) -> ControlNames:
    """Add the nodes that read `style`, float32 (1, 256), and `speed`, float32 (1)."""
    means = g.op("ReduceMean", g.op("Reshape", style, [CONTROLS, BLOCK]), axes=[1], keepdims=0)
    values = g.op("Clip", g.op("Where", g.op("IsNaN", means), 0.0, means), -1.0, 1.0)
    pitch, size, tilt, tempo, melody, breath = (g.op("Slice", values, [n], [n + 1]) for n in range(6))
    safe_speed = g.op("Clip", g.op("Where", g.op("IsNaN", speed), 1.0, speed), SLOWEST, FASTEST)
    return ControlNames(
        hertz=g.op("Mul", _power_of_two(g, pitch, 1.0), NEUTRAL_HZ),
        warp=_shifted_warp(g, size),
        tilt=g.op("Mul", tilt, -0.5),
        speed=g.op("Mul", safe_speed, _power_of_two(g, tempo, 1 / 3)),
        melody=_power_of_two(g, melody, 1.0),
        breath=g.op("Mul", breath, 4.0),
    )


def _power_of_two(g: GraphWriter, value: str, scale: float) -> str:
    return g.op("Exp", g.op("Mul", value, scale * math.log(2)))


def _shifted_warp(g: GraphWriter, size: str) -> str:
    """Return the all-pass constant whose axis is `size` / 4 octaves less steep at low frequencies.

    Two cascaded all-passes are one all-pass, so the filter stays minimum-phase for every size.
    """
    slope = g.op("Mul", _power_of_two(g, size, -0.25), (1 + WARP) / (1 - WARP))
    return g.op("Div", g.op("Sub", slope, 1.0), g.op("Add", slope, 1.0))
