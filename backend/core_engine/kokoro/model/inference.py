"""One run of the model: token ids, style vector and speed in, audio out, under the names the session itself gives.

The public exports differ: `tokens` or `input_ids`, a float or an int32 `speed`, `audio` or `waveform` of any rank, with
or without further outputs. Nothing of this is assumed; it is read from the session.
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
    """One input as the session declares it."""

    name: str
    rank: int | None
    """Number of dimensions; None where the session does not say."""
    dtype: npt.DTypeLike | None
    """Element type; None where the session does not say."""


@dataclass(frozen=True)
class Signature:
    """What a session takes and gives. An input that it does not declare is None and is not fed."""

    tokens: Tensor | None
    style: Tensor | None
    speed: Tensor | None
    audio: int
    """Which of the outputs is the audio."""
    frames: int | None = None
    """Which of the outputs tells the frames of every token; None where none does."""


@dataclass(frozen=True)
class Sound:
    """What one run of the model gave."""

    audio: Audio
    """float32 of shape (samples,), 24 kHz, as loud as the model made it."""
    frames: Frames | None = None
    """int64 of shape (n + 2,): how long each token sounds, the pads included; None where the model does not tell."""


def read_signature(session: Any) -> Signature:
    """Return the signature of an onnxruntime session; raise ModelFileError where it is not that of a Kokoro export."""
    inputs = {tensor.name: tensor for tensor in map(_tensor, session.get_inputs())}
    tokens = next((tensor for name, tensor in inputs.items() if name in _TOKENS), None)
    unknown = sorted(set(inputs) - _TOKENS - {_STYLE, _SPEED})
    if unknown or (inputs and tokens is None):
        raise ModelFileError(
            f"The model takes {', '.join(sorted(inputs))}; a Kokoro export takes tokens (or input_ids), style and "
            f"speed. Put a Kokoro export in its place."
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
        signature: what `read_signature` said of it.
        ids: at most 510 token ids, without pads.
        style: float32 of shape (1, 256); only needed where the session takes one.
        speed: multiplier, 1.0 is normal.

    Raises:
        SynthesisError: the model returned nothing, or numbers that are not finite.
    """
    outputs = session.run(None, feed(signature, ids, style, speed))
    audio = np.asarray(outputs[signature.audio] if outputs else (), dtype=np.float32).reshape(-1)
    if audio.size == 0:
        raise SynthesisError("The model returned no audio. Try another text or voice; the model file may be damaged.")
    if not np.all(np.isfinite(audio)):
        raise SynthesisError(
            "The model returned numbers that are not finite. Try another voice; the model or voice file may be damaged."
        )
    return Sound(audio, trusted_frames(outputs, signature.frames, len(ids), audio.size))


def feed(
    signature: Signature, ids: Sequence[int], style: npt.NDArray[np.float32] | None, speed: float
) -> dict[str, npt.NDArray[Any]]:
    """Return the inputs of a run, by the names and in the types and ranks that the session declares."""
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
            logger.warning("This model takes whole speeds only: %s instead of %s.", whole, speed)
        speed = whole
    return np.array([speed], dtype=np.float32)


def _shaped(values: npt.NDArray[Any], tensor: Tensor) -> npt.NDArray[Any]:
    """Return the values with the element type and the number of dimensions that the session declares."""
    rank = values.ndim if tensor.rank is None else tensor.rank
    flat = values.astype(tensor.dtype or values.dtype, copy=False).reshape(-1)
    return flat.reshape((1,) * (rank - 1) + (-1,) if rank else ())


def _tensor(declared: Any) -> Tensor:
    shape = declared.shape
    rank = len(shape) if isinstance(shape, (list, tuple)) else None
    return Tensor(str(declared.name), rank, _DTYPES.get(str(declared.type)))


def _index_of(names: Sequence[str], wanted: Collection[str]) -> int | None:
    return next((index for index, name in enumerate(names) if name in wanted), None)
