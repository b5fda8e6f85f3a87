"""The committed voice is small and identical to what the code builds."""

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from builtin_voice import build
from builtin_voice.voices import VOICE_CONTROLS, pack_bytes

_INPUTS = {"tokens": TensorProto.INT64, "style": TensorProto.FLOAT, "speed": TensorProto.FLOAT}
_FILES = [build.MODEL_NAME, build.PACK_NAME]


def test_graph_rebuilt_from_its_tables_is_the_committed_file_bit_for_bit(tmp_path: Path) -> None:
    build.build(tmp_path, build.tables_of(onnx.load(build.TARGET / build.MODEL_NAME)))
    for name in _FILES:
        assert (tmp_path / name).read_bytes() == (build.TARGET / name).read_bytes(), f"{name}: rebuild and commit it"


def test_built_files_are_small() -> None:
    assert sum((build.TARGET / name).stat().st_size for name in _FILES) <= 4_000_000


def test_pack_holds_seven_voices_of_kokoros_shape() -> None:
    pack = np.load(io.BytesIO(pack_bytes()), allow_pickle=False)
    assert sorted(pack) == sorted(VOICE_CONTROLS)
    assert all(pack[name].shape == (511, 1, 256) and pack[name].dtype == np.float32 for name in pack)


@pytest.mark.parametrize("side", ["input", "output"])
def test_model_has_kokoros_tensors(side: str) -> None:
    graph = onnx.load(build.TARGET / build.MODEL_NAME).graph
    values = graph.input if side == "input" else graph.output
    expected = _INPUTS if side == "input" else {"audio": TensorProto.FLOAT}
    assert {value.name: value.type.tensor_type.elem_type for value in values} == expected
