"""The Django app: registers the system checks and logs a warning when the model is missing."""

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
        """Register the checks and warn once if the model is missing; nothing is loaded."""
        from core_engine.checks import MODEL_MISSING, check_model, check_voices
        from core_engine.model_loader import KokoroModelLoader

        register(check_model)
        register(check_voices)
        if not _is_said_elsewhere() and not KokoroModelLoader.is_model_available():
            logger.warning("%s See docs for installation instructions: models/README.md.", MODEL_MISSING)


def _is_said_elsewhere() -> bool:
    """Return whether `check`, or the `runserver` child that this process watches, gives the same warning."""
    command = sys.argv[1:2]
    is_watcher = command == ["runserver"] and "--noreload" not in sys.argv and os.environ.get("RUN_MAIN") != "true"
    return is_watcher or command == ["check"]
