"""The folders of models, audio and settings, for the command line, Django and the engines."""

import logging
import os
from pathlib import Path

from core_engine.kokoro.installation import project_root

logger = logging.getLogger(__name__)

_APP = "storyflow"


def models_dir(base_dir: Path | None = None) -> Path:
    """Return the absolute path of the user's models folder.

    The first of: STORYFLOW_MODELS_DIR; models/ next to `base_dir`, the BASE_DIR of a Django project, if this code is
    part of the project's source or the folder exists; models/ of the source tree; models/ in the user's data folder.
    """
    given = given_folder("STORYFLOW_MODELS_DIR")
    if given:
        return given
    root = project_root()
    if base_dir:
        beside = base_dir.absolute().parent / "models"
        if root or beside.is_dir():
            return beside
    return (root or data_dir()) / "models"


def media_root() -> Path:
    """Return the absolute path of the audio folder: MEDIA_ROOT, otherwise media/ in the working folder."""
    return given_folder("MEDIA_ROOT") or Path.cwd() / "media"


def registry_file() -> Path:
    """Return the path of the user's registry of models: STORYFLOW_MODELS_REGISTRY, or in the user's settings folder."""
    import platformdirs

    given = given_folder("STORYFLOW_MODELS_REGISTRY")
    return given or platformdirs.user_config_path(_APP, appauthor=False, roaming=True) / "models.json"


def data_dir() -> Path:
    """Return the user's data folder for this software."""
    import platformdirs

    return platformdirs.user_data_path(_APP, appauthor=False)


def given_folder(name: str) -> Path | None:
    """Return the absolute path in an environment variable; None if it is not set.

    Resolved at once, so that a relative path does not change with the working folder.
    """
    given = os.environ.get(name)
    return Path(given).expanduser().absolute() if given else None
