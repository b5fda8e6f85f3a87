"""xtts: XTTS-v2 and models fine-tuned from it, which speak 17 languages with the voice of a speaker sample."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

# backend/, if the engine runs from the project; in an image the packages are next to this file.
sys.path.extend(str(folder) for folder in Path(__file__).resolve().parents[3:4])

from engines.base_tts_server import BaseTTSServer
from engines.contract.errors import loaded
from engines.speech.offline import keep_offline
from engines.speech.reading import as_spoken
from engines.speech.sound import wav_of
from engines.speech.speaker_cache import SpeakerCache
from engines.speech.torch_device import torch_device
from engines.tts.xtts import licence
from engines.tts.xtts.xtts_model import FILES, SAMPLE_RATE

if TYPE_CHECKING:
    from engines.tts.xtts.voice import Speaker, XttsVoice


class XttsServer(BaseTTSServer):
    """Speaks with folders in models/ that have a configuration, a vocabulary and weights."""

    version = "1.0.0"
    model_advice = f"Put your own model into external_models/NAME/: {', '.join(FILES)}."

    def __init__(self, base_path: Path | None = None) -> None:
        super().__init__(base_path)
        if not licence.agreed():
            self.store.downloadable.clear()
            self.model_advice = f"{licence.HOW_TO_AGREE} and start the engine again. {self.model_advice}"
        self._voice: XttsVoice | None = None
        self._speakers: SpeakerCache[Speaker] = SpeakerCache()

    def is_complete(self, path: Path) -> bool:
        """Return whether `path` is a folder with the three files that the library reads."""
        return all((path / name).is_file() for name in FILES)

    def load_model(self, model_name: str) -> None:
        """Load the model, onto the GPU if there is one."""
        keep_offline(self.external_models_dir / ".cache")
        from engines.tts.xtts.voice import XttsVoice

        self._device = torch_device()
        self._voice = XttsVoice.load(self.model_path(model_name), self._device)

    def unload_model(self) -> None:
        """Free the model and the cached speakers."""
        self._voice = None
        self._speakers.clear()

    def generate_audio(self, text: str, language: str, speaker_wav: list[Path], parameters: dict[str, Any]) -> bytes:
        """Speak all of `text` in the voice of the samples."""
        voice = loaded(self._voice)
        speaker = self._speakers.get(speaker_wav, voice.learn)
        return wav_of(voice.speak(as_spoken(text, language), language, speaker, parameters), SAMPLE_RATE)


if __name__ == "__main__":
    XttsServer.main()
