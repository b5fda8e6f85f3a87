"""Add the duration of each token, which every Kokoro export computes but few return, to a model's outputs.

In the graph, the number of frames of every token, including pads, is rounded and clipped from below: the one `Clip` of
a `Round`. The output is added by a small message after the model's bytes, with an Identity node and an output for the
tensor.
"""

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.dimensions import SAMPLES_PER_FRAME
from core_engine.kokoro.graph.onnx_graph import Graph, Node
from core_engine.kokoro.graph.onnx_writing import added_output
from core_engine.kokoro.graph.protobuf import mapped

logger = logging.getLogger(__name__)

OUTPUT = "storyflow_frames"
"""Name of the added output."""

KNOWN_OUTPUTS = (OUTPUT, "duration", "durations", "pred_dur")
"""Names that exports use for the output with the frames of each token."""

Frames = npt.NDArray[np.int64]
"""Frames of each token, of shape (n + 2,), including pads."""


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


def frames_addition(model: Path) -> bytes:
    """Return the bytes that add the output to a model when appended; none if it has one already or cannot."""
    found = frames_tensor(model)
    return added_output(Node.new("Identity", [found], OUTPUT)) if found else b""


def frames_tensor(model: Path) -> str | None:
    """Return the name of the tensor with the frames of each token.

    None if the model already returns them, has no such tensor or more than one, or is not a model.
    """
    try:
        graph = Graph.read(mapped(model))
    except (OSError, ValueError):  # missing, empty, not protobuf: left to the runtime to report
        return None
    if any(name in KNOWN_OUTPUTS for name in graph.outputs):
        return None
    clips = [node for node in graph.nodes if node.kind == "Clip" and node.inputs]
    found = [clip.outputs[0] for clip in clips if graph.made_by(clip.inputs[0], "Round")]
    return found[0] if len(found) == 1 else None
