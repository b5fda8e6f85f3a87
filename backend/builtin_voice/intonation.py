"""Graph, part 3: the pitch of every frame, by rule.

A clause starts high and declines, stressed vowels stand out, and the last part falls at a full stop, rises at a
question mark, and stays slightly raised if the sentence goes on.
"""

from builtin_voice.controls import ControlNames
from builtin_voice.graph_writer import GraphWriter
from builtin_voice.segmenter import Segments
from builtin_voice.timing import Timing

_START_SEMITONES, _DECLINATION_SEMITONES = 2.0, 4.0
_ACCENT_SEMITONES = 1.6
_FALL_SEMITONES, _RISE_SEMITONES, _CONTINUE_SEMITONES = -5.0, 10.0, 1.5
_TUNE_FRAMES = 70.0
_SMOOTHING_FRAMES = 21


def intonation(g: GraphWriter, parts: Segments, times: Timing, voice: ControlNames) -> str:
    """Return the name of the pitch contour: float32 (frames,), Hz."""

    def per_frame(per_segment: str) -> str:
        return g.op("Gather", per_segment, times.segment)

    end = per_frame(g.op("Gather", times.start, parts.clause_end))
    start = per_frame(g.op("Gather", times.start, parts.clause_start))
    left = g.op("Sub", end, times.time)
    length = g.op("Max", g.op("Sub", end, start), 1.0)
    through = g.op("Clip", g.op("Sub", 1.0, g.op("Div", left, length)), 0.0, 1.0)
    line = g.op("Sub", _START_SEMITONES, g.op("Mul", through, _DECLINATION_SEMITONES))
    accent = per_frame(g.op("Mul", g.op("Mul", parts.stress, g.floats(parts.is_nucleus)), _ACCENT_SEMITONES))
    ramp = g.op("Clip", g.op("Sub", 1.0, g.op("Div", g.op("Mul", left, voice.speed), _TUNE_FRAMES)), 0.0, 1.0)
    tune = g.op("Mul", ramp, per_frame(_tune_semitones(g, parts.tune)))
    semitones = _smoothed(g, g.chain("Add", line, accent, tune))
    return g.op("Mul", voice.hertz, g.op("Pow", 2.0, g.op("Mul", g.op("Mul", semitones, voice.melody), 1 / 12)))


def _tune_semitones(g: GraphWriter, tune: str) -> str:
    falls, rises = g.op("Less", tune, 0.0), g.op("Greater", tune, 0.0)
    return g.op("Where", falls, _FALL_SEMITONES, g.op("Where", rises, _RISE_SEMITONES, _CONTINUE_SEMITONES))


def _smoothed(g: GraphWriter, contour: str) -> str:
    signal = g.op("Reshape", contour, [1, 1, -1])
    for _ in range(2):
        pads = [_SMOOTHING_FRAMES // 2] * 2
        signal = g.op("AveragePool", signal, kernel_shape=[_SMOOTHING_FRAMES], pads=pads)
    return g.op("Reshape", signal, [-1])
