"""Where models, audio and settings lie: decided here for the command line, for Django and for the engines alike."""

import logging
import os
from pathlib import Path

from platformdirs import user_config_path, user_data_path

from core_engine.kokoro.installation import project_root

logger = logging.getLogger(__name__)

_APP = "storyflow"


def models_dir(base_dir: Path | None = None) -> Path:
    """Return the folder of the user's models, absolute.

    The first of: STORYFLOW_MODELS_DIR; models/ beside `base_dir`, the BASE_DIR of a Django project, where this code is
    part of the project's source or that folder is there; models/ of the source tree; models/ in the user's data folder.
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
    """Return the folder below which audio is kept, absolute: MEDIA_ROOT, otherwise media/ of the working folder."""
    return given_folder("MEDIA_ROOT") or Path.cwd() / "media"


def registry_file() -> Path:
    """Return the user's own registry of models: STORYFLOW_MODELS_REGISTRY, or where the system keeps settings."""
    given = given_folder("STORYFLOW_MODELS_REGISTRY")
    return given or user_config_path(_APP, appauthor=False, roaming=True) / "models.json"


def data_dir() -> Path:
    """Return where the system keeps what belongs to this user and this software."""
    return user_data_path(_APP, appauthor=False)


def given_folder(name: str) -> Path | None:
    """Return the path that an environment variable gives, None where it is not set.

    It is made absolute at once: the meaning of a relative path must not change with the working folder.
    """
    given = os.environ.get(name)
    return Path(given).expanduser().absolute() if given else None
