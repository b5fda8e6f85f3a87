"""vibevoice: Microsoft's VibeVoice through transformers, with mounted models."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

# backend/, if the engine runs from the project; in an image the package is next to this file.
sys.path.extend(str(folder) for folder in Path(__file__).resolve().parents[3:4])

from engines.base_tts_server import BaseTTSServer
from engines.contract.errors import loaded
from engines.speech.offline import keep_offline
from engines.speech.sound import joined, read_speaker, wav_of
from engines.speech.speaker_cache import SpeakerCache
from engines.speech.torch_device import torch_device
from engines.tts.vibevoice.narrator import Delivery, Narrator
from engines.tts.vibevoice.vibevoice_files import missing_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engines.speech.sound import Samples

logger = logging.getLogger(__name__)

LONGEST_VOICE_S = 60  # of all samples of a speaker; more needs memory for every text without improving the voice


class VibeVoiceServer(BaseTTSServer):
    """Speaks in the voice of a request's samples."""

    version = "1.0.0"
    model_advice = (
        "A model is a folder in external_models (the mount) with config.json, tokenizer.json and all of its "
        "model*.safetensors; nothing is downloaded. See the engine's README for where to get them."
    )

    def __init__(self, base_path: Path | None = None) -> None:
        super().__init__(base_path)
        self._narrator: Narrator | None = None
        self._voices: SpeakerCache[Samples] = SpeakerCache()
        self._told: set[tuple[str, ...]] = set()

    def is_complete(self, path: Path) -> bool:
        """Return whether `path` has the settings, the tokenizer and all weights; log what is missing."""
        missing = missing_files(path)
        told = (path.name, *missing)
        if missing and told not in self._told:
            self._told.add(told)
            logger.warning("The model '%s' is not listed: it lacks %s.", path.name, ", ".join(missing))
        return not missing

    def load_model(self, model_name: str) -> None:
        """Load the weights, onto the GPU if there is one."""
        keep_offline(self.external_models_dir / ".cache")
        from engines.tts.vibevoice.opening import load_narrator

        self._device = torch_device()
        self._narrator = load_narrator(self.model_path(model_name).resolve(), self._device)

    def unload_model(self) -> None:
        """Free the model and the voices."""
        self._narrator = None
        self._voices.clear()

    def generate_audio(
        self,
        text: str,
        language: str,
        speaker_wav: list[Path],
        parameters: dict[str, Any],
    ) -> bytes:
        """Speak all of `text` in the voice of all samples."""
        narrator = loaded(self._narrator)
        rate = narrator.sample_rate
        voice = self._voices.get(speaker_wav, lambda samples: _voice(samples, rate), rate)
        return wav_of(narrator.speak(text, language, voice, Delivery(**parameters)), rate)


def _voice(samples: "Sequence[Path]", sample_rate: int) -> "Samples":
    """Join equal shares of a speaker's samples into (n,) at `sample_rate`.

    The model accepts one recording per speaker.
    """
    sounds = [read_speaker(sample, sample_rate) for sample in samples]
    share = LONGEST_VOICE_S * sample_rate // len(sounds)
    return joined([sound[:share] for sound in sounds], sample_rate)


if __name__ == "__main__":
    VibeVoiceServer.main()
