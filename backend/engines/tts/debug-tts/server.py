"""debug-tts: answers every text immediately with one short tone per character, from a tiny model."""

import importlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

# backend/, if the engine runs from the project; in an image the package is next to this file.
sys.path.extend(str(folder) for folder in Path(__file__).resolve().parents[3:4])

from engines.base_tts_server import BaseTTSServer
from engines.contract.errors import UnusableModelError
from engines.contract.wav import pcm16_wav
from engines.contract.wire import ModelInfo

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SAMPLE_RATE = 24_000
CHARACTER_S = 0.06  # at speed 1: about 17 characters per second, like speech
SEMITONES = 24  # the range of pitches for characters
PEAK = 0.5


class DebugTTSServer(BaseTTSServer):
    """The example engine: everything except these methods is inherited."""

    version = "1.0.0"

    def __init__(self, base_path: Path | None = None) -> None:
        super().__init__(base_path)
        self._base_hz = 0.0
        self._harmonics: list[float] = []

    def is_complete(self, path: Path) -> bool:
        """Return whether `path` is a folder with tones.json."""
        return (path / "tones.json").is_file()

    def get_available_models(self) -> list[ModelInfo]:
        """List downloadable models only if there is a mirror: these models are not public."""
        listed = super().get_available_models()
        if self.download_policy.mirror:
            return listed
        available = self.store.available()
        return [model for model in listed if model.name in available]

    def load_model(self, model_name: str) -> None:
        """Read the pitch and the strength of the harmonics."""
        importlib.import_module("numpy")  # now, so that the first answer is as fast as the others
        path = self.model_path(model_name) / "tones.json"
        try:
            tones = json.loads(path.read_bytes())
            self._base_hz = float(tones["base_hz"])
            self._harmonics = [float(strength) for strength in tones["harmonics"]]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise UnusableModelError(f"'{path.name}' of model '{model_name}' is damaged: {error!r}.") from error

    def unload_model(self) -> None:
        """Do nothing: there is nothing to free."""

    def generate_audio(  # all languages and speakers sound the same
        self,
        text: str,
        language: str,  # noqa: ARG002
        speaker_wav: list[Path],  # noqa: ARG002
        parameters: dict[str, Any],
    ) -> bytes:
        """Return one tone per character, silence for white space."""
        import numpy as np

        characters, order = np.unique(np.array([ord(character) for character in text]), return_inverse=True)
        tones = self._tones(characters, parameters["speed"], parameters["pitch"])
        tones[[chr(character).isspace() for character in characters]] = 0
        return pcm16_wav((tones[order] * 32767).astype("<i2").tobytes(), SAMPLE_RATE)

    def _tones(self, characters: "npt.NDArray[np.int64]", speed: float, pitch: int) -> "npt.NDArray[np.float32]":
        """Return the tones of `characters` (n,) as samples (n, samples of one character), each fading in and out."""
        import numpy as np

        seconds = np.arange(round(SAMPLE_RATE * CHARACTER_S / speed)) / SAMPLE_RATE
        hertz = self._base_hz * 2.0 ** ((characters % SEMITONES + pitch) / 12)
        phase = 2 * np.pi * hertz[:, None] * seconds
        sound = sum(strength * np.sin(number * phase) for number, strength in enumerate(self._harmonics, 1))
        fade = np.sin(np.pi * np.linspace(0, 1, len(seconds))) ** 2
        return (PEAK * fade * sound / max(sum(map(abs, self._harmonics)), 1e-9)).astype(np.float32)


if __name__ == "__main__":
    DebugTTSServer.main()
