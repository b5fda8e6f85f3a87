"""What the environment says of this Django project."""

import os

from core_engine.model_paths import KOKORO

_TRUE = frozenset(["1", "true", "yes", "on"])


def tts_model() -> str:
    """Return the model that speaks: STORYFLOW_TTS_MODEL, otherwise Kokoro v0.19.

    `auto` is the best one installed, `default` the built-in voice.
    """
    return os.environ.get("STORYFLOW_TTS_MODEL") or KOKORO


def flag(name: str) -> bool:
    """Return whether a variable is set to 1, true, yes or on."""
    return os.environ.get(name, "").strip().lower() in _TRUE


def words(name: str, default: str) -> list[str]:
    """Return the comma-separated parts of a variable."""
    return [word.strip() for word in (os.environ.get(name) or default).split(",") if word.strip()]
