"""Add the duration of each token, which every Kokoro export computes but few return, to a model's outputs.

In the graph, the number of frames of every token, including pads, is rounded and clipped from below: the one `Clip` of
a `Round`. The output is added without the `onnx` package and without rewriting the file: bytes appended to a protobuf
message are merged into it, so a small message after the model's bytes adds an Identity node and an output for the
tensor.

Field numbers: onnx.proto (ModelProto, GraphProto, NodeProto, ValueInfoProto).
"""

import logging
import mmap
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.dimensions import SAMPLES_PER_FRAME
from core_engine.kokoro.model.protobuf import encoded, messages

logger = logging.getLogger(__name__)

OUTPUT = "storyflow_frames"
"""Name of the added output."""

KNOWN_OUTPUTS = (OUTPUT, "duration", "durations", "pred_dur")
"""Names that exports use for the output with the frames of each token."""

_GRAPH = 7  # in ModelProto
_NODE, _OUTPUT = 1, 12  # in GraphProto
_INPUT, _NODE_OUTPUT, _OPERATOR = 1, 2, 4  # in NodeProto
_NAME = 1  # in ValueInfoProto
_LARGEST_IN_MEMORY = 32 << 20  # larger models are copied as files, to save memory
_EXTERNAL_DATA_FOLDER = "session.model_external_initializers_file_folder_path"  # bytes have no folder

Frames = npt.NDArray[np.int64]
"""Frames of each token, of shape (n + 2,), including pads."""

Create = Callable[..., Any]


def trusted_frames(outputs: Any, index: int | None, tokens: int, samples: int) -> Frames | None:
    """Return output `index` of a run as the frames of its tokens; None if they do not match the audio.

    `tokens` is the number of token ids without pads. The first mismatch with the length of the audio is logged.
    """
    if index is None or index >= len(outputs):
        return None
    frames = np.asarray(outputs[index]).reshape(-1)
    if frames.size != tokens + 2 or not np.all(frames >= 0) or frames.sum() * SAMPLES_PER_FRAME != samples:
        _report_untrue()
        return None
    return frames.astype(np.int64)


@lru_cache(maxsize=1)
def _report_untrue() -> None:
    logger.warning("The model's token durations do not add up to the length of its audio; they are ignored.")


def telling_frames(create: Create) -> Create:
    """Wrap `create` so that its sessions also output the frames, if the model computes them.

    `create(path, **options)` opens a session for a file. If the output cannot be added, the model is opened unchanged.
    """

    def open_telling(path: str, **options: Any) -> Any:
        addition = _addition(Path(path))
        if addition:
            try:
                return _open_with(addition, Path(path), create, options)
            except Exception:  # an old runtime, a full disk: token times are optional
                logger.debug("The model is opened without the output for frames", exc_info=True)
        return create(path, **options)

    return open_telling


def _open_with(addition: bytes, model: Path, create: Create, options: dict[str, Any]) -> Any:
    """Open the model with `addition` appended; raises OSError and the errors of `create`."""
    session_options = options["sess_options"]
    if model.stat().st_size <= _LARGEST_IN_MEMORY:
        session_options.add_session_config_entry(_EXTERNAL_DATA_FOLDER, os.fspath(model.parent))
        return create(model.read_bytes() + addition, **options)
    graph = session_options.optimized_model_filepath  # if the runtime writes a graph, there is room for the copy
    with tempfile.TemporaryDirectory(dir=Path(graph).parent if graph else None) as folder:
        longer = Path(folder) / model.name
        shutil.copyfile(model, longer)
        with longer.open("ab") as file:
            file.write(addition)
        return create(os.fspath(longer), **options)


def _addition(model: Path) -> bytes | None:
    """Return the bytes that add the output to a model when appended; None if it has one already or cannot."""
    tensor = frames_tensor(model)
    if tensor is None:
        return None
    node = encoded(_INPUT, tensor) + encoded(_NODE_OUTPUT, OUTPUT.encode()) + encoded(_OPERATOR, b"Identity")
    output = encoded(_NAME, OUTPUT.encode())
    return encoded(_GRAPH, encoded(_NODE, node) + encoded(_OUTPUT, output))


def frames_tensor(model: Path) -> bytes | None:
    """Return the name of the tensor with the frames of each token.

    None if the model already returns them, has no such tensor or more than one, or is not a model.
    """
    try:
        with model.open("rb") as file:
            graph = _graph_of(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    except (OSError, ValueError):  # missing, empty, not protobuf: left to the runtime to report
        return None
    if graph.outputs.intersection(name.encode() for name in KNOWN_OUTPUTS):
        return None
    found = [clip.output for clip in graph.clips if clip.input in graph.rounded]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True)
class _Operator:
    """A node of the graph, with the names of its tensors."""

    kind: bytes
    input: bytes
    """The first input; empty if there is none."""
    output: bytes


@dataclass(frozen=True)
class _Graph:
    """The parts of a graph that are needed to find the frames."""

    rounded: frozenset[bytes]
    """Outputs of `Round` nodes."""
    clips: tuple[_Operator, ...]
    outputs: frozenset[bytes]


def _graph_of(model: memoryview) -> _Graph:
    """Parse the graph without reading its weights; raises NotProtobufError, a ValueError."""
    parts = [part for field, graph in messages(model) if field == _GRAPH for part in messages(graph)]
    operators = [_operator(value) for kind, value in parts if kind == _NODE]
    return _Graph(
        rounded=frozenset(operator.output for operator in operators if operator.kind == b"Round"),
        clips=tuple(operator for operator in operators if operator.kind == b"Clip"),
        outputs=frozenset(bytes(dict(messages(value)).get(_NAME, b"")) for kind, value in parts if kind == _OUTPUT),
    )


def _operator(node: memoryview) -> _Operator:
    fields = dict(reversed(list(messages(node))))  # reversed to keep the first of several inputs
    kind, first, output = (bytes(fields.get(field, b"")) for field in (_OPERATOR, _INPUT, _NODE_OUTPUT))
    return _Operator(kind, first, output)
