"""Speaker samples: WAV files that the client uploads under an id and uses in later requests."""

import logging
import shutil
import tempfile
from pathlib import Path

from engines.contract.errors import NotFoundError, RequestError
from engines.contract.wav import WavError, read_wav_format
from engines.store import names
from engines.store.publishing import publish

logger = logging.getLogger(__name__)

LARGEST_SAMPLE_BYTES = 32 * 1024 * 1024  # three minutes of 48 kHz stereo; cloning takes seconds


class SampleStore:
    """The samples of an engine: in its samples folder, or in a temporary folder while that is not writable."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._spare: Path | None = None

    def missing(self, ids: list[str]) -> list[str]:
        """Return the `ids` that must be uploaded, in the given order; raise RequestError for an invalid id."""
        return [sample_id for sample_id in ids if self._find(_checked_id(sample_id) + ".wav") is None]

    def save(self, sample_id: str, data: bytes) -> None:
        """Store `data` as `sample_id`, replacing an older sample; raise RequestError if it is not a WAV file."""
        name = _checked_id(sample_id) + ".wav"
        if not data:
            raise RequestError("Empty request body")
        try:
            read_wav_format(data)
        except WavError as error:
            raise RequestError(str(error)) from error
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            publish(_inside(self.folder, name), data)
        except OSError as error:
            publish(self._spare_folder(error) / name, data)

    def resolve(self, speaker_wav: str | list[str] | None) -> list[Path]:
        """Return the files of a request's samples; raise for an invalid or missing sample.

        None, "" and [] mean no samples. A sample is given by its file name: "<id>.wav".
        """
        if not speaker_wav:
            return []
        given = [speaker_wav] if isinstance(speaker_wav, str) else speaker_wav
        return [self._existing(name) for name in given]

    def discard_spare(self) -> None:
        """Remove the samples in the temporary folder."""
        if self._spare:
            shutil.rmtree(self._spare, ignore_errors=True)
            self._spare = None

    def _existing(self, name: str) -> Path:
        if not name:
            raise RequestError("Empty speaker filename")
        if not names.is_name(name):
            raise RequestError(f"Invalid speaker filename format: {_shown(name)}. Use the file name of a sample.")
        path = self._find(name)
        if path is None:
            raise NotFoundError(f"Speaker sample not found: {name}. Upload it to /samples/upload first.")
        return path

    def _find(self, name: str) -> Path | None:
        folders = [folder for folder in (self._spare, self.folder) if folder]
        paths = [_inside(folder, name) for folder in folders]
        return next((path for path in paths if path.is_file()), None)

    def _spare_folder(self, reason: OSError) -> Path:
        if self._spare is None:
            self._spare = Path(tempfile.mkdtemp(prefix="engine-samples-"))
            logger.warning("Cannot write '%s' (%s). Samples are kept only until the engine stops.", self.folder, reason)
        return self._spare


def _checked_id(sample_id: str) -> str:
    if not (names.is_name(sample_id) and names.is_name(f"{sample_id}.wav")):
        raise RequestError(
            f"Invalid sample ID format: {_shown(sample_id)}. Use letters, digits, '-', '_' and '.' only, no folder."
        )
    return sample_id


def _inside(folder: Path, name: str) -> Path:
    try:
        return names.path_inside(folder, name)
    except names.OutsideRootError as error:
        raise RequestError("Invalid sample path") from error


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:40]}…")
