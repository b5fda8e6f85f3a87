"""The Django app: one line in the log when the model is missing, and the system checks."""

import logging
import os
import sys

from django.apps import AppConfig
from django.core.checks import register

logger = logging.getLogger(__name__)


class CoreEngineConfig(AppConfig):
    """Text to speech for StoryFlow."""

    name = "core_engine"
    verbose_name = "StoryFlow voice"

    def ready(self) -> None:
        """Say once when the model is missing; nothing is loaded."""
        from core_engine.checks import check_model, check_voices
        from core_engine.model_loader import KokoroModelLoader

        register(check_model)
        register(check_voices)
        if not _is_reloader_parent() and not KokoroModelLoader.is_model_available():
            logger.warning(
                "Kokoro-82M model not found. TTS features will be unavailable. "
                "See docs for installation instructions: models/README.md."
            )


def _is_reloader_parent() -> bool:
    """Tell whether this process only watches the files of a `runserver` that will say the same again."""
    return "runserver" in sys.argv[1:2] and "--noreload" not in sys.argv and os.environ.get("RUN_MAIN") != "true"
