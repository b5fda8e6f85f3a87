"""Graph, part 2: how long each segment lasts, and which segment each 5 ms frame belongs to."""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from builtin_voice.controls import ControlNames
from builtin_voice.graph_writer import GraphWriter
from builtin_voice.segmenter import Segments
from builtin_voice.tables import FRAME, Tables
from core_engine.kokoro.vocabulary import SAMPLE_RATE

_FRAMES_PER_SECOND = SAMPLE_RATE / FRAME
_LONGER_BY_STRESS = 0.14
_LONGER_AT_THE_END = 0.3


@dataclass(frozen=True)
class Timing:
    """Names of tensors; times are in frames."""

    start: str
    """float32 (segments,)."""
    frames: str
    """float32 (segments,): length, at least 1."""
    segment: str
    """int64 (frames,): the segment of each frame."""
    progress: str
    """float32 (frames,): how far the frame is through its segment, in (0, 1)."""
    time: str
    """float32 (frames,): 0, 1, 2, …"""


def timing(g: GraphWriter, tables: Tables, parts: Segments, voice: ControlNames) -> Timing:
    """Add the nodes that give every segment its time."""
    seconds = g.op("Gather", tables.seconds, parts.unit)
    vowel = g.floats(parts.is_nucleus)
    factor = g.op("Add", 1.0, g.chain("Mul", parts.stress, vowel, _LONGER_BY_STRESS))
    factor = g.op("Mul", factor, g.op("Add", 1.0, g.op("Mul", g.floats(parts.is_last), _LONGER_AT_THE_END)))
    pause = g.op("Greater", parts.pause_seconds, 0.0)
    wanted = g.op("Where", pause, parts.pause_seconds, g.op("Mul", seconds, factor))
    return _frames(g, g.op("Mul", g.op("Div", wanted, voice.speed), _FRAMES_PER_SECOND))


def _frames(g: GraphWriter, wanted: str) -> Timing:
    """Round so that the total stays right, at least one frame each, and number the frames' segments."""
    rounded = g.op("Round", g.op("CumSum", wanted, 0))
    length = g.op("Max", g.op("Sub", rounded, g.shifted(rounded, 1, np.zeros(1, dtype=np.float32))), 1.0)
    end = g.op("CumSum", length, 0)
    start = g.op("Sub", end, length)
    total = g.cast(g.op("ReduceMax", end, axes=[0], keepdims=1), TensorProto.INT64)
    zeros = g.op("ConstantOfShape", total)
    first_frame = g.cast(g.op("Slice", start, [1], [np.iinfo(np.int64).max]), TensorProto.INT64)
    ones = g.op("Add", g.op("Mul", first_frame, 0), 1)
    segment = g.op("CumSum", g.cast(g.op("ScatterElements", zeros, first_frame, g.floats(ones)), TensorProto.INT64), 0)
    time = g.op("Sub", g.op("CumSum", g.op("Add", zeros, 1.0), 0), 1.0)
    passed = g.op("Add", g.op("Sub", time, g.op("Gather", start, segment)), 0.5)
    return Timing(start, length, segment, g.op("Div", passed, g.op("Gather", length, segment)), time)
