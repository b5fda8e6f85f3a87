"""Graph, part 2: the length of each segment, and the segment of each 5 ms frame."""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from builtin_voice.contexts import Contexts
from builtin_voice.controls import ControlNames
from builtin_voice.graph_writer import GraphWriter
from builtin_voice.inventory import SILENCE, UNITS
from builtin_voice.segmenter import Segments
from builtin_voice.tables import FRAME, Tables
from core_engine.kokoro.dimensions import SAMPLE_RATE

_FRAMES_PER_SECOND = SAMPLE_RATE / FRAME
_SHORTEST_CLOSURE_S = 0.004
_PAD_SECONDS = 0.03
"""Length of a pad, and of a mark after another mark: "?!" pauses once."""


@dataclass(frozen=True)
class Timing:
    """Names of tensors; times are in frames."""

    start: str
    """float32 (segments,): where the sound starts, after the closure."""
    end: str
    """float32 (segments,)."""
    segment: str
    """int64 (frames,): the segment of each frame."""
    progress: str
    """float32 (frames,): relative position of the frame in its segment's sound, 0 to 1; negative in the closure."""
    time: str
    """float32 (frames,): 0, 1, 2, …"""


def timing(g: GraphWriter, tables: Tables, parts: Segments, around: Contexts, voice: ControlNames) -> Timing:
    """Add the nodes that compute the timing of every segment."""
    length = g.op("Exp", _summed(g, g.constant(tables.length, "tables.length"), around))
    closure = _summed(g, g.constant(tables.closure, "tables.closure"), around)
    is_pause = g.op("Equal", parts.unit, UNITS.index(SILENCE))
    follows_pause = g.shifted(is_pause, 1, np.ones(1, dtype=bool))
    pause = g.op("Where", follows_pause, _PAD_SECONDS, g.op("Max", parts.pause_seconds, _PAD_SECONDS))
    length = g.op("Where", is_pause, pause, length)
    is_open = g.op("Or", is_pause, g.op("Less", closure, _SHORTEST_CLOSURE_S))
    closure = g.op("Where", is_open, 0.0, closure)
    frames_per_second = g.op("Div", _FRAMES_PER_SECOND, voice.speed)
    return _frames(g, g.op("Mul", closure, frames_per_second), g.op("Mul", length, frames_per_second))


def _summed(g: GraphWriter, table: str, around: Contexts) -> str:
    return g.op("ReduceSum", g.op("Gather", table, around.rows), [1], keepdims=0)


def _frames(g: GraphWriter, closure: str, length: str) -> Timing:
    """Round lengths to at least one frame each, keeping the total, and number the frames' segments."""
    rounded = g.op("Round", g.op("CumSum", g.op("Add", closure, length), 0))
    steps = g.op("Sub", rounded, g.shifted(rounded, 1, np.zeros(1, dtype=np.float32)))
    end = g.op("CumSum", g.op("Max", steps, 1.0), 0)
    total = g.cast(g.op("ReduceMax", end, axes=[0], keepdims=1), TensorProto.INT64)
    zeros = g.op("ConstantOfShape", total)
    first_frames = g.cast(g.op("Slice", end, [0], [-1]), TensorProto.INT64)
    marks = g.op("ScatterElements", zeros, first_frames, g.op("Add", g.op("Mul", g.floats(first_frames), 0.0), 1.0))
    segment = g.op("CumSum", g.cast(marks, TensorProto.INT64), 0)
    time = g.op("Sub", g.op("CumSum", g.op("Add", zeros, 1.0), 0), 1.0)
    start = g.op("Sub", end, length)
    passed = g.op("Sub", g.op("Add", time, 0.5), g.op("Gather", start, segment))
    return Timing(start, end, segment, g.op("Div", passed, g.op("Gather", length, segment)), time)
