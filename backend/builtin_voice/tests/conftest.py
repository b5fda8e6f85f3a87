"""A `speak` fixture: the committed model on the real onnxruntime."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from builtin_voice import build
from builtin_voice.voices import VOICE_CONTROLS, style_row

Speak = Callable[..., npt.NDArray[np.float32]]


@pytest.fixture(scope="session")
def speak() -> Speak:
    """Return speak(ids, style=voice name or vector, speed=1.0) → float32 (samples,)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = str(build.TARGET / build.MODEL_NAME)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(
        ids: Sequence[int], style: str | npt.NDArray[np.float32] = "am_adam", speed: float = 1.0, pads: bool = True
    ) -> Any:
        row = style_row(VOICE_CONTROLS[style]) if isinstance(style, str) else style.astype(np.float32)
        tokens = np.array([[0, *ids, 0] if pads else list(ids)], dtype=np.int64)
        return session.run(None, {"tokens": tokens, "style": row, "speed": np.array([speed], np.float32)})[0]

    return run
