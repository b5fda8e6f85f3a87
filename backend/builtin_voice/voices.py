"""The seven voices: their controls, and the pack that stores them.

A style vector is read as CONTROLS averages over equal blocks of its 256 values. Any vector is thus a voice, including
zeros, and one made for another model is close to the neutral voice.
"""

import io
import zipfile
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.dimensions import MAX_TOKENS, STYLE_SIZE

CONTROLS = 8
BLOCK = STYLE_SIZE // CONTROLS


@dataclass(frozen=True)
class Controls:
    """The settings of a voice, each between -1 and 1; zero is the neutral voice."""

    pitch: float
    """One octave up or down from NEUTRAL_HZ."""
    size: float
    """A quarter octave of formant shift: 1 is a shorter vocal tract."""
    tilt: float
    """Brightness."""
    tempo: float
    """A third of an octave of speaking rate."""
    melody: float
    """Twice or half the pitch range."""
    breath: float
    """Noise in the voice."""


NEUTRAL_HZ = 140.0

VOICE_CONTROLS = {
    "af_bella": Controls(0.47, 0.62, 0.50, 0.00, 0.45, -0.1),
    "af_sarah": Controls(0.33, 0.50, 0.15, -0.10, 0.10, 0.0),
    "af_nicole": Controls(0.22, 0.60, -0.20, -0.40, -0.30, 0.3),
    "am_adam": Controls(-0.58, -0.30, 0.05, -0.05, 0.00, -0.1),
    "am_michael": Controls(-0.22, 0.00, 0.20, 0.05, 0.20, 0.0),
    "bf_emma": Controls(0.64, 0.70, 0.30, 0.00, 0.30, 0.1),
    "bm_george": Controls(-0.40, -0.12, 0.45, -0.15, 0.30, 0.0),
}

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def style_row(controls: Controls) -> npt.NDArray[np.float32]:
    """Return the style vector of `controls`: float32 of shape (1, 256)."""
    values = np.zeros(CONTROLS, dtype=np.float32)
    values[: len(astuple(controls))] = astuple(controls)
    return np.repeat(values, BLOCK)[np.newaxis]


def pack_bytes() -> bytes:
    """Return `voices.npz`: name → float32 (511, 1, 256), the same row for every length; the bytes never vary."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, controls in VOICE_CONTROLS.items():
            member = io.BytesIO()
            np.save(member, np.tile(style_row(controls), (MAX_TOKENS + 1, 1, 1)), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", _ZIP_EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, on every system
            info.external_attr = 0o644 << 16
            archive.writestr(info, member.getvalue())
    return buffer.getvalue()
