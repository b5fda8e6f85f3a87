"""How long each token sounds: every Kokoro export computes it, and hardly any returns it.

On the way to the audio the frames of every token, pads included, are rounded and kept from falling to nothing: the one
`Clip` of a `Round` in the graph. An output more is had without the `onnx` package and without rewriting the file: what
is appended to a protobuf message is merged with it, so a small message behind the model's bytes adds to its graph a
node that names the tensor, and an output of that name.

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
"""What the added output is called."""

KNOWN_OUTPUTS = (OUTPUT, "duration", "durations", "pred_dur")
"""Names under which a session tells the frames of its tokens."""

_GRAPH = 7  # in ModelProto
_NODE, _OUTPUT = 1, 12  # in GraphProto
_INPUT, _NODE_OUTPUT, _OPERATOR = 1, 2, 4  # in NodeProto
_NAME = 1  # in ValueInfoProto
_LARGEST_IN_MEMORY = 32 << 20  # a larger model is copied as a file, which costs no memory
_EXTERNAL_DATA_FOLDER = "session.model_external_initializers_file_folder_path"  # bytes lie in no folder

Frames = npt.NDArray[np.int64]
"""Frames of each token, of shape (n + 2,): the pads are included."""

Create = Callable[..., Any]


def trusted_frames(outputs: Any, index: int | None, tokens: int, samples: int) -> Frames | None:
    """Return output `index` of a run as the frames of its tokens; None where they do not explain the audio.

    `tokens` counts the token ids without pads; what is not as many frames as `samples` has is said once in the log.
    """
    if index is None or index >= len(outputs):
        return None
    told = np.asarray(outputs[index]).reshape(-1)
    if told.size != tokens + 2 or not np.all(told >= 0) or told.sum() * SAMPLES_PER_FRAME != samples:
        _report_untrue()
        return None
    return told.astype(np.int64)


@lru_cache(maxsize=1)
def _report_untrue() -> None:
    logger.warning(
        "The model tells how long its tokens sound, but the lengths do not add up to its audio; they are not used."
    )


def telling_frames(create: Create) -> Create:
    """Return a `create` whose sessions have the output that tells frames, where the model computes them at all.

    `create(path, **options)` makes a session of a file. Where the addition is refused, the model is opened as it is.
    """

    def open_telling(path: str, **options: Any) -> Any:
        addition = _addition(Path(path))
        if addition:
            try:
                return _open_with(addition, Path(path), create, options)
            except Exception:  # an old runtime, a full disk: times are a help and no condition
                logger.debug("The model is opened without the output that tells frames", exc_info=True)
        return create(path, **options)

    return open_telling


def _open_with(addition: bytes, model: Path, create: Create, options: dict[str, Any]) -> Any:
    """Open the model with `addition` behind its bytes; raises what `create` raises, and OSError."""
    session_options = options["sess_options"]
    if model.stat().st_size <= _LARGEST_IN_MEMORY:
        session_options.add_session_config_entry(_EXTERNAL_DATA_FOLDER, os.fspath(model.parent))
        return create(model.read_bytes() + addition, **options)
    graph = session_options.optimized_model_filepath  # where the runtime writes one, there is room
    with tempfile.TemporaryDirectory(dir=Path(graph).parent if graph else None) as folder:
        longer = Path(folder) / model.name
        shutil.copyfile(model, longer)
        with longer.open("ab") as file:
            file.write(addition)
        return create(os.fspath(longer), **options)


def _addition(model: Path) -> bytes | None:
    """Return what, behind the bytes of a model, makes it tell frames; None where it does already or cannot."""
    tensor = frames_tensor(model)
    if tensor is None:
        return None
    node = encoded(_INPUT, tensor) + encoded(_NODE_OUTPUT, OUTPUT.encode()) + encoded(_OPERATOR, b"Identity")
    output = encoded(_NAME, OUTPUT.encode())
    return encoded(_GRAPH, encoded(_NODE, node) + encoded(_OUTPUT, output))


def frames_tensor(model: Path) -> bytes | None:
    """Return the name of the tensor that holds the frames of every token.

    None for a model that returns them, that has no such tensor or several, and for a file that is no model.
    """
    try:
        with model.open("rb") as file:
            graph = _graph_of(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    except (OSError, ValueError):  # missing, empty, not protobuf: the runtime says so better
        return None
    if graph.outputs.intersection(name.encode() for name in KNOWN_OUTPUTS):
        return None
    found = [clip.output for clip in graph.clips if clip.input in graph.rounded]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True)
class _Operator:
    """A node of the graph by the names of its tensors."""

    kind: bytes
    input: bytes
    """The first of them; empty where there is none."""
    output: bytes


@dataclass(frozen=True)
class _Graph:
    """What of a graph tells where the frames are."""

    rounded: frozenset[bytes]
    """What `Round` gives."""
    clips: tuple[_Operator, ...]
    outputs: frozenset[bytes]


def _graph_of(model: memoryview) -> _Graph:
    """Read a graph without its weights; raises NotProtobufError, a ValueError."""
    parts = [part for field, graph in messages(model) if field == _GRAPH for part in messages(graph)]
    operators = [_operator(value) for kind, value in parts if kind == _NODE]
    return _Graph(
        rounded=frozenset(operator.output for operator in operators if operator.kind == b"Round"),
        clips=tuple(operator for operator in operators if operator.kind == b"Clip"),
        outputs=frozenset(bytes(dict(messages(value)).get(_NAME, b"")) for kind, value in parts if kind == _OUTPUT),
    )


def _operator(node: memoryview) -> _Operator:
    fields = dict(reversed(list(messages(node))))  # of several inputs the first
    kind, first, output = (bytes(fields.get(field, b"")) for field in (_OPERATOR, _INPUT, _NODE_OUTPUT))
    return _Operator(kind, first, output)
