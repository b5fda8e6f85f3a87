"""One run of the model: token ids, style vector and speed in, audio out.

The public exports differ: `tokens` or `input_ids`, a float or an int32 `speed`, `audio` or `waveform` of any rank, with
or without other outputs. Names, types and ranks are therefore read from the session.
"""

import logging
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.errors import ModelFileError, SynthesisError
from core_engine.kokoro.model.times import KNOWN_OUTPUTS, Frames, trusted_frames
from core_engine.kokoro.vocabulary import padded

logger = logging.getLogger(__name__)

Audio = npt.NDArray[np.float32]

_TOKENS = frozenset(["tokens", "input_ids"])
_STYLE = "style"
_SPEED = "speed"
_AUDIO = ("audio", "waveform")
_DTYPES = {
    "tensor(int8)": np.int8,
    "tensor(int16)": np.int16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(float16)": np.float16,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
}


@dataclass(frozen=True)
class Tensor:
    """An input as declared by the session."""

    name: str
    rank: int | None
    """Number of dimensions; None if the session does not declare it."""
    dtype: npt.DTypeLike | None
    """Element type; None if the session does not declare it."""


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a session. An undeclared input is None and is not fed."""

    tokens: Tensor | None
    style: Tensor | None
    speed: Tensor | None
    audio: int
    """Index of the audio output."""
    frames: int | None = None
    """Index of the output with the frames of each token; None if there is none."""


@dataclass(frozen=True)
class Sound:
    """The result of one run."""

    audio: Audio
    """float32 of shape (samples,), 24 kHz, not normalised."""
    frames: Frames | None = None
    """int64 of shape (n + 2,): duration of each token, including pads; None if the model does not return it."""


def read_signature(session: Any) -> Signature:
    """Return the signature of an onnxruntime session; raise ModelFileError if it is not a Kokoro export."""
    inputs = {tensor.name: tensor for tensor in map(_tensor, session.get_inputs())}
    tokens = next((tensor for name, tensor in inputs.items() if name in _TOKENS), None)
    unknown = sorted(set(inputs) - _TOKENS - {_STYLE, _SPEED})
    if unknown or (inputs and tokens is None):
        raise ModelFileError(
            f"The model has the inputs {', '.join(sorted(inputs))}; a Kokoro export has tokens (or input_ids), style "
            f"and speed. Replace it with a Kokoro export."
        )
    outputs = [output.name for output in session.get_outputs()]
    audio = _index_of(outputs, _AUDIO)
    return Signature(tokens, inputs.get(_STYLE), inputs.get(_SPEED), audio or 0, _index_of(outputs, KNOWN_OUTPUTS))


def run(
    session: Any, signature: Signature, ids: Sequence[int], style: npt.NDArray[np.float32] | None, speed: float
) -> Sound:
    """Speak one chunk.

    Args:
        session: an onnxruntime session.
        signature: the result of `read_signature` for it.
        ids: at most 510 token ids, without pads.
        style: float32 of shape (1, 256); only needed if the session takes one.
        speed: multiplier, 1.0 is normal.

    Raises:
        SynthesisError: the model returned nothing, or values that are not finite.
    """
    outputs = session.run(None, feed(signature, ids, style, speed))
    audio = np.asarray(outputs[signature.audio] if outputs else (), dtype=np.float32).reshape(-1)
    if audio.size == 0:
        raise SynthesisError("The model returned no audio. Try another text or voice; the model file may be damaged.")
    if not np.all(np.isfinite(audio)):
        raise SynthesisError(
            "The model returned values that are not finite. Try another voice; the model or voice file may be damaged."
        )
    return Sound(audio, trusted_frames(outputs, signature.frames, len(ids), audio.size))


def feed(
    signature: Signature, ids: Sequence[int], style: npt.NDArray[np.float32] | None, speed: float
) -> dict[str, npt.NDArray[Any]]:
    """Return the inputs of a run, with the names, types and ranks that the session declares."""
    fed = {}
    if signature.tokens:
        fed[signature.tokens.name] = _shaped(padded(ids), signature.tokens)
    if signature.style and style is not None:
        fed[signature.style.name] = _shaped(style, signature.style)
    if signature.speed:
        fed[signature.speed.name] = _shaped(_speed(speed, signature.speed), signature.speed)
    return fed


def _speed(speed: float, tensor: Tensor) -> npt.NDArray[np.float32]:
    if tensor.dtype is not None and np.issubdtype(tensor.dtype, np.integer):
        whole = max(1, math.floor(speed + 0.5))
        if whole != speed:
            logger.warning("This model only supports integer speeds: using %s instead of %s.", whole, speed)
        speed = whole
    return np.array([speed], dtype=np.float32)


def _shaped(values: npt.NDArray[Any], tensor: Tensor) -> npt.NDArray[Any]:
    """Return `values` with the element type and rank that the session declares."""
    rank = values.ndim if tensor.rank is None else tensor.rank
    flat = values.astype(tensor.dtype or values.dtype, copy=False).reshape(-1)
    return flat.reshape((1,) * (rank - 1) + (-1,) if rank else ())


def _tensor(declared: Any) -> Tensor:
    shape = declared.shape
    rank = len(shape) if isinstance(shape, (list, tuple)) else None
    return Tensor(str(declared.name), rank, _DTYPES.get(str(declared.type)))


def _index_of(names: Sequence[str], wanted: Collection[str]) -> int | None:
    return next((index for index, name in enumerate(names) if name in wanted), None)
