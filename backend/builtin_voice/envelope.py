"""Graph, part 4: the spectral envelope of every frame, read from the tables."""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from builtin_voice.contexts import Contexts
from builtin_voice.graph_writer import GraphWriter
from builtin_voice.inventory import SILENCE, UNITS
from builtin_voice.segmenter import Segments
from builtin_voice.tables import CEPSTRA, NODES, SILENCE_GAIN, Tables
from builtin_voice.timing import Timing
from builtin_voice.voicing import voicing_logits

_JOIN_FRAMES = 3
_NO_LIMIT = 1e6


@dataclass(frozen=True)
class Envelope:
    """Names of float32 tensors."""

    cepstra: str
    """(CEPSTRA, frames)."""
    voicing: str
    """(BANDS, frames), logits."""


def envelope(g: GraphWriter, tables: Tables, parts: Segments, around: Contexts, times: Timing) -> Envelope:
    """Add the nodes that interpolate the cepstra of every frame between the two nearest points of its segment."""
    nodes = g.op("Reshape", _segment_cepstra(g, tables, parts, around), [-1, CEPSTRA])
    position = g.op("Mul", g.op("Clip", times.progress, 0.0, 1.0), float(NODES - 1))
    node = g.op("Min", g.op("Floor", position), float(NODES - 2))
    row = g.op("Add", g.op("Mul", times.segment, NODES), g.cast(node, TensorProto.INT64))
    before, behind = g.op("Gather", nodes, row), g.op("Gather", nodes, g.op("Add", row, 1))
    later = g.op("Unsqueeze", g.op("Sub", position, node), [1])
    sound = g.op("Add", before, g.op("Mul", g.op("Sub", behind, before), later))
    silence = (SILENCE_GAIN * np.eye(CEPSTRA)[:1]).astype(np.float32)
    unit = g.op("Gather", parts.unit, times.segment)
    is_silent = g.op("Or", g.op("Less", times.progress, 0.0), g.op("Equal", unit, UNITS.index(SILENCE)))
    frames = g.op("Where", g.op("Unsqueeze", is_silent, [1]), silence, sound)
    voicing = g.op("Gather", voicing_logits(), unit)
    return Envelope(g.op("Transpose", frames, perm=[1, 0]), _smoothed(g, g.op("Transpose", voicing, perm=[1, 0])))


def _segment_cepstra(g: GraphWriter, tables: Tables, parts: Segments, around: Contexts) -> str:
    """Return float32 (segments, NODES, CEPSTRA)."""
    own = g.op("Gather", g.constant(tables.unit, "tables.unit"), parts.unit)
    left_row = g.op("Gather", g.constant(tables.left_row, "tables.left_row"), around.left)
    right_row = g.op("Gather", g.constant(tables.right_row, "tables.right_row"), around.right)
    left = g.op("Gather", g.constant(tables.left, "tables.left"), left_row)
    right = g.op("Gather", g.constant(tables.right, "tables.right"), right_row)
    both_row = g.cast(g.op("Gather", g.constant(tables.both_row, "tables.both_row"), around.both), TensorProto.INT64)
    both = g.op("Gather", g.constant(tables.both, "tables.both"), both_row)
    gains = g.constant(tables.stress_gain, "tables.stress_gain")
    level = g.op("Add", g.op("Mul", parts.unit, 3), g.cast(parts.stress, TensorProto.INT64))
    gain = g.op("Mul", g.op("Reshape", g.op("Gather", gains, level), [-1, 1, 1]), np.eye(CEPSTRA, dtype=np.float32)[0])
    wanted = g.chain("Add", *(g.floats(part) for part in (own, left, right, both)), gain)
    loudest = g.op("Reshape", g.op("Gather", g.constant(tables.loudest, "tables.loudest"), parts.unit), [-1, 1, 1])
    free = np.where(np.arange(CEPSTRA) == 0, 0, _NO_LIMIT).astype(np.float32)
    return g.op("Min", wanted, g.op("Add", loudest, free))


def _smoothed(g: GraphWriter, channels: str) -> str:
    batch = g.op("Unsqueeze", channels, [0])
    return g.op("Squeeze", g.op("AveragePool", batch, kernel_shape=[_JOIN_FRAMES], pads=[_JOIN_FRAMES // 2] * 2), [0])
