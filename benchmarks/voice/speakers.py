"""Who reads: the built-in voice from any built file, and espeak-ng itself."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from builtin_voice.build import speaking_model, tables_of
from builtin_voice.lesson import Lesson, lesson
from builtin_voice.teacher import Espeak
from builtin_voice.voices import VOICE_CONTROLS, style_row
from core_engine.kokoro.dimensions import STYLE_SIZE

NEUTRAL = "neutral"
"""A style of zeros: espeak's own vocal tract, at our middle pitch."""

ESPEAK = {"en-us": "gmw/en-US", "en-us female": "gmw/en-US+f2", "en-gb": "gmw/en", "en-gb female": "gmw/en+f2"}
"""espeak's voices, two for each accent, by a readable name."""

TEACHERS = {"en-us": "gmw/en-US", "en-gb": "gmw/en"}


def accent(voice: str) -> str:
    """Return the accent that a voice's name stands for."""
    return "en-gb" if voice.startswith("b") else "en-us"


def session_of(model: bytes | str, threads: int = 1) -> onnxruntime.InferenceSession:
    """Open a model on `threads` cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def timed_session(model: Path) -> onnxruntime.InferenceSession:
    """Open the same voice with its timings as further outputs."""
    return session_of(speaking_model(tables_of(onnx.load(model)), timed=True).SerializeToString())


def inputs(ids: list[int], voice: str = NEUTRAL, speed: float = 1.0) -> dict[str, npt.NDArray[np.generic]]:
    """Return the tensors for `ids`, pads added."""
    style = np.zeros((1, STYLE_SIZE), np.float32) if voice == NEUTRAL else style_row(VOICE_CONTROLS[voice])
    return {"tokens": np.array([[0, *ids, 0]]), "style": style, "speed": np.array([speed], dtype=np.float32)}


def lessons(texts: list[str], language: str) -> list[Lesson]:
    """Let espeak read `texts` with its usual melody; the ids are what it spoke, phone by phone."""
    teacher = Espeak(TEACHERS[language])
    found = [lesson(text, teacher.speak(text)) for text in texts]
    if None in found:
        raise RuntimeError("espeak's phones and its timings disagree on one of the sentences")
    return [item for item in found if item is not None]
