"""The loop of the export, written without a loop for the benchmark of OpenVINO: the same numbers, or a refusal."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

onnx = pytest.importorskip("onnx")
REPEATS = Path(__file__).parents[3] / "benchmarks" / "bf16" / "repeats.py"

# What torch.onnx writes for torch.repeat_interleave(values, counts) at opset 17.
EXPORTED = """
<ir_version: 8, opset_import: ["" : 17]>
repeat (int64[n] values, int64[n] counts) => (int64[m] repeated) {
  length = Shape (values)
  sizes = ConstantOfShape <value = int64[1] {SIZE}> (length)
  count_pieces = SplitToSequence <axis: int = 0> (counts, sizes)
  value_pieces = SplitToSequence <axis: int = 0> (values, sizes)
  none = SequenceEmpty <dtype: int = 7> ()
  axis = Constant <value = int64[1] {0}> ()
  trips = Squeeze (length, axis)
  go = Constant <value = bool {1}> ()
  pieces = Loop (trips, go, none) <body = each (int64 i, bool on, seq(int64[p]) before)
                                        => (bool on_, seq(int64[q]) after) {
    count = SequenceAt (count_pieces, i)
    value = SequenceAt (value_pieces, i)
    one = Constant <value = int64[1] {1}> ()
    column = Unsqueeze (value, one)
    front = Constant <value = int64[1] {1}> ()
    shape = Concat <axis: int = 0> (front, count)
    wide = Expand (column, shape)
    flat = Constant <value = int64[1] {-1}> ()
    piece = Reshape (wide, flat)
    INSIDE
    after = SequenceInsert (before, piece_)
    on_ = Cast <to: int = 9> (on)
  }>
  repeated = ConcatFromSequence <axis: int = AXIS> (pieces)
}
"""


def exported(size: int = 1, inside: str = "piece_ = Identity (piece)", axis: int = 0) -> Any:
    """Return a model that repeats numbers; with other arguments one that only looks like it."""
    text = EXPORTED.replace("SIZE", str(size)).replace("INSIDE", inside).replace("AXIS", str(axis))
    return onnx.parser.parse_model(text)


@pytest.fixture(scope="module")
def repeats():
    """Return the module of the benchmark, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("repeats", REPEATS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(model, values: list[int], counts: list[int]) -> list[int]:
    """Return what onnxruntime makes of a model."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    repeated: list[int] = session.run(None, {"values": np.array(values), "counts": np.array(counts)})[0].tolist()
    return repeated


@pytest.mark.parametrize("counts", [[1], [3], [1, 1, 1], [2, 1, 4, 3], [1, 50, 1, 7]])
def test_without_loop_same_numbers(repeats, counts):
    values = list(range(10, 10 + len(counts)))
    expected = np.repeat(values, counts).tolist()
    assert run(exported(), values, counts) == expected
    assert run(repeats.without_loop(exported()), values, counts) == expected


def test_without_loop_leaves_no_sequence(repeats):
    kinds = {node.op_type for node in repeats.without_loop(exported()).graph.node}
    assert not kinds & {"Loop", "SplitToSequence", "SequenceEmpty", "ConcatFromSequence"}


def test_without_loop_keeps_the_given_model(repeats):
    model = exported()
    before = model.SerializeToString()
    repeats.without_loop(model)
    assert model.SerializeToString() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": 2}, "one element at a time"),
        ({"inside": "piece_ = Neg (piece)"}, "Neg"),
        ({"axis": 1}, "first axis"),
    ],
)
def test_without_loop_refuses_another_loop(repeats, changes, said):
    with pytest.raises(repeats.UnknownLoopError, match=said):
        repeats.without_loop(exported(**changes))


def test_without_loop_refuses_a_model_without(repeats):
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> plain (float[n] x) => (float[n] y) { y = Neg (x) }'
    )
    with pytest.raises(repeats.UnknownLoopError, match="ConcatFromSequence"):
        repeats.without_loop(model)
