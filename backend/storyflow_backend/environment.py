"""What the environment says, read in one place by the Django settings and by the command line."""

import os
from pathlib import Path

from core_engine.model_paths import KOKORO

BACKEND_DIR = Path(__file__).resolve().parent.parent
PROJECT_DIR = BACKEND_DIR.parent

_TRUE = frozenset(["1", "true", "yes", "on"])


def models_dir() -> Path:
    """Return the folder of the user's models: STORYFLOW_MODELS_DIR, otherwise models/ of the project."""
    return given_models_dir() or PROJECT_DIR / "models"


def given_models_dir() -> Path | None:
    """Return STORYFLOW_MODELS_DIR; None where it is not set, and BASE_DIR decides."""
    return _folder("STORYFLOW_MODELS_DIR")


def registry_file() -> Path:
    """Return the user's own registry of models: STORYFLOW_MODELS_REGISTRY, or where the system keeps settings."""
    import click

    given = os.environ.get("STORYFLOW_MODELS_REGISTRY")
    return Path(given or Path(click.get_app_dir("storyflow")) / "models.json").expanduser().absolute()


def media_root() -> Path:
    """Return the folder below which audio is kept: MEDIA_ROOT, otherwise media/ of the project."""
    return _folder("MEDIA_ROOT") or PROJECT_DIR / "media"


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


def _folder(name: str) -> Path | None:
    given = os.environ.get(name)
    # Made absolute now: the meaning of a relative path must not change with the working directory.
    return Path(given).expanduser().absolute() if given else None
