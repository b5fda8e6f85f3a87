"""Models that would make the runtime open other files are refused before it opens anything."""

import contextlib
import os
import struct
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_engine.kokoro.errors import ModelFileError
from core_engine.kokoro.model.external_data import external_data
from core_engine.kokoro.model.runtime import open_session
from core_engine.tests.support import forget_session
from core_engine.tts_wrapper import generate_audio

onnx = pytest.importorskip("onnx", reason="needs the onnx package, a development dependency")

SECRET = 9.0
BYTES = 16


def model(location: Any, offset: str = "0", length: str = str(BYTES), more: tuple[Any, ...] = ()) -> Any:
    """Return a model whose only output is a tensor of four floats kept elsewhere."""
    tensor = onnx.TensorProto(name="w", data_type=1, dims=[4], data_location=onnx.TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length), *more):
        tensor.external_data.add(key=key, value=value)
    outputs = [onnx.helper.make_tensor_value_info("audio", 1, [4])]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["w"], ["audio"])], "g", [], outputs, [tensor])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a model's data, and a secret file next to the folder."""
    folder = tmp_path / "model"
    folder.mkdir()
    np.full(4, SECRET, np.float32).tofile(tmp_path / "secret.bin")
    np.ones(4, np.float32).tofile(folder / "w.bin")
    return folder


def hard_link(folder: Path) -> None:
    os.link(folder.parent / "secret.bin", folder / "linked.bin")


def symbolic_link(folder: Path) -> None:
    (folder / "linked.bin").symlink_to("../secret.bin")


HOSTILE = {
    "parent": (model("../secret.bin"), None),
    "parent twice": (model("x/../../secret.bin"), None),
    "parent of windows": (model("..\\secret.bin"), None),
    "absolute": (model("/etc/hostname"), None),
    "drive": (model("C:secret.bin"), None),
    "folder itself": (model("."), None),
    "empty": (model(""), None),
    "memory address": (model("*/_ORT_MEM_ADDR_/*", offset="4096"), None),
    "symbolic link": (model("linked.bin"), symbolic_link),
    "hard link": (model("linked.bin"), hard_link),
    "missing": (model("nothing.bin"), None),
    "huge length": (model("w.bin", length=str(1 << 62)), None),
    "huge offset": (model("w.bin", offset=str(1 << 62)), None),
    "negative offset": (model("w.bin", offset="-16"), None),
    "negative length": (model("w.bin", length="-1"), None),
    "length in words": (model("w.bin", length="many"), None),
    "too long a number": (model("w.bin", offset="9" * 5000), None),
    "two locations": (model("w.bin", more=(("location", "../secret.bin"),)), None),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_model_is_refused_before_the_runtime_opens_it(folder: Path, settings: Any, name: Any) -> None:
    proto, prepare = HOSTILE[name]
    if prepare:
        prepare(folder)
    path = folder / "kokoro-v0_19.onnx"
    path.write_bytes(proto.SerializeToString())
    settings.STORYFLOW_TTS_MODEL = str(path)
    forget_session()
    with patch("onnxruntime.InferenceSession") as runtime:
        result = generate_audio("Hello", output_path=str(folder / "a.wav"))
    runtime.assert_not_called()
    assert not result["success"]
    assert "not opened" in result["error"]
    assert not (folder / "a.wav").exists()


def test_regular_file_next_to_the_model_is_read(folder: Path) -> None:
    path = folder / "m.onnx"
    path.write_bytes(model("w.bin").SerializeToString())
    np.testing.assert_array_equal(open_session(path).run(None, {})[0], np.ones(4))


def field(number: int, value: bytes, tag_bytes: int = 1) -> bytes:
    tag = number << 3 | 2
    return _varint(tag, tag_bytes) + _varint(len(value)) + value


def _varint(value: int, least: int = 1) -> bytes:
    encoded = b""
    while value > 0x7F or len(encoded) + 1 < least:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def disguised(folder: Path) -> dict[str, bytes]:
    """Return models that refer to a hard link, encoded so that a careless protobuf parser misses it."""
    hard_link(folder)
    proto = model("linked.bin")
    graph, tensor = proto.graph.SerializeToString(), proto.graph.initializer[0].SerializeToString()
    whole = proto.SerializeToString()
    proto.ClearField("graph")
    head = proto.SerializeToString()
    empty = onnx.GraphProto.FromString(graph)
    empty.ClearField("initializer")
    rest = empty.SerializeToString()
    return {
        "long tag": head + field(7, graph, tag_bytes=5),
        "tag beyond 32 bits": head + b"\xba\x80\x80\x80\x10" + _varint(len(graph)) + graph,
        "field of another type": head + field(7, rest + field(5, tensor + b"\x68\x01")),
        "group of garbage": b"\xa3\x06" + field(7, b"\xff\xff") + b"\xa4\x06" + whole,
        "fixed fields": b"\x39" + struct.pack("<d", 1) + whole,
        "graph in pieces": head + field(7, rest) + field(7, field(5, tensor)),
    }


@pytest.mark.parametrize("name", ["long tag", "tag beyond 32 bits", "field of another type", "group of garbage",
                                  "fixed fields", "graph in pieces"])  # fmt: skip
def test_disguised_model_is_refused_although_the_runtime_would_read_it(folder: Path, name: str) -> None:
    path = folder / "m.onnx"
    path.write_bytes(disguised(folder)[name])
    with pytest.raises(ModelFileError):
        open_session(path)
    try:
        heard = ort.InferenceSession(str(path)).run(None, {})[0]
    except Exception as error:
        pytest.skip(f"this version of the runtime refuses it itself: {error}")
    np.testing.assert_array_equal(heard, np.full(4, SECRET))


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


@pytest.mark.parametrize("cases", [300, pytest.param(20_000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_everything_that_the_runtimes_parser_finds_in_damaged_bytes_is_found(tmp_path: Path, cases: int) -> None:
    whole = model("../secret.bin").SerializeToString()
    path = tmp_path / "m.onnx"

    @settings(max_examples=cases, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.binary(max_size=4), st.integers(0, 4)), max_size=3))
    def check(edits: Any) -> None:
        data = whole
        for position, inserted, removed in edits:
            data = data[:position] + inserted + data[position + removed :]
        try:
            tensors = onnx.ModelProto.FromString(data).graph.initializer
        except Exception:
            return  # the runtime's parser refuses it too
        path.write_bytes(data)
        expected = {
            _text(entry.value) for tensor in tensors for entry in tensor.external_data if entry.key == "location"
        }
        with contextlib.suppress(ModelFileError):
            assert expected <= {reference.location for reference in external_data(path)}

    check()
