"""System checks for the model and its voices. They only warn: every other feature works without speech."""

import os
from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004  # Django's name

from core_engine.kokoro.voice.packs import find_voices
from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID
from core_engine.model_loader import KokoroModelLoader
from core_engine.model_paths import is_built_in

MODEL_MISSING = "Kokoro-82M model not found. TTS features will be unavailable."


def check_model(**_: Any) -> list[CheckMessage]:
    """Warn if the model file is missing or cannot be read."""
    path = Path(KokoroModelLoader._resolve_model_path())
    if not path.exists():
        return [Warning(MODEL_MISSING, hint=f"Expected at '{path}'. {_how_to_get(path)}", id="core_engine.W001")]
    if not path.is_file() or not os.access(path, os.R_OK):
        hint = "Make it a file that the server's user can read."
        return [Warning(f"The speech model '{path}' cannot be read.", hint=hint, id="core_engine.W002")]
    return []


def _how_to_get(path: Path) -> str:
    if is_built_in(path):
        return "It is the built-in voice, which comes with the software: reinstall the software."
    return f"`storyflow models pull {path.stem}` fetches Kokoro; STORYFLOW_TTS_MODEL=default is the built-in voice."


def check_voices(**_: Any) -> list[CheckMessage]:
    """Warn if there is no usable voice pack next to the model."""
    path = Path(KokoroModelLoader._resolve_model_path())
    if not path.exists() or DEFAULT_VOICE_ID in find_voices(path.parent):
        return []
    hint = "Put the model's voices (voices.bin, an NPZ, or a voices/ folder) next to it."
    return [Warning(f"No pack with the voice '{DEFAULT_VOICE_ID}' next to '{path}'.", hint=hint, id="core_engine.W003")]
