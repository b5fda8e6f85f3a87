"""Graph: what the vocal tract does in every frame, read from the tables."""

from onnx import TensorProto

from builtin_voice.graph_writer import GraphWriter
from builtin_voice.segmenter import Segments
from builtin_voice.tables import FEATURES, NODES, Tables
from builtin_voice.timing import Timing

_JOIN_FRAMES = 5


def envelope(g: GraphWriter, tables: Tables, parts: Segments, times: Timing) -> str:
    """Return the name of the features of every frame: float32 (FEATURES, frames)."""
    table = tables.features.reshape(-1, FEATURES)
    position = g.op("Mul", times.progress, float(NODES - 1))
    node = g.op("Min", g.op("Floor", position), float(NODES - 2))
    later = g.op("Unsqueeze", g.op("Sub", position, node), [1])
    unit = g.op("Gather", parts.unit, times.segment)
    row = g.op("Add", g.op("Mul", unit, NODES), g.cast(node, TensorProto.INT64))
    before, behind = g.op("Gather", table, row), g.op("Gather", table, g.op("Add", row, 1))
    mixed = g.op("Add", before, g.op("Mul", g.op("Sub", behind, before), later))
    channels = g.op("Unsqueeze", g.op("Transpose", mixed, perm=[1, 0]), [0])
    smooth = g.op("AveragePool", channels, kernel_shape=[_JOIN_FRAMES], pads=[_JOIN_FRAMES // 2] * 2)
    return g.op("Squeeze", smooth, [0])
