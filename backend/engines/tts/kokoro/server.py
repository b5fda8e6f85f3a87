"""kokoro: Kokoro-82M, implemented once in core_engine/kokoro, as an engine.

A voice is chosen by the name of the model: "default" speaks with the default voice, "default.bf_emma" with Emma.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

# backend/, where the engine runs from the project; in an image the packages lie beside this file.
sys.path.extend(str(folder) for folder in Path(__file__).resolve().parents[3:4])

from engines import names
from engines.base_tts_server import BaseTTSServer
from engines.engine_config import model_info
from engines.errors import RequestError, UnusableModelError
from engines.wire import ModelInfo

if TYPE_CHECKING:
    from core_engine.kokoro.synthesis import Kokoro

PUBLISHED_NAME = "kokoro-v0_19.onnx"  # preferred where a folder has several ONNX files
_ACCENTS: "dict[str, Literal['en-us', 'en-gb']]" = {"en-us": "en-us", "en-gb": "en-gb"}  # "en": that of the voice


class KokoroServer(BaseTTSServer):
    """Speaks with what lies in models/: folders of a model and its voices, or the two files as they are published."""

    version = "1.0.0"
    model_suffixes = (".onnx",)
    model_advice = (
        "Kokoro itself comes with `storyflow models pull kokoro-v0_19`, STORYFLOW_MODELS_DIR being the folder that is "
        "external_models here."
    )

    def __init__(self, base_path: Path | None = None) -> None:
        super().__init__(base_path)
        self._kokoro: Kokoro | None = None
        self._opened: object = None  # the file of the open session, as it was
        self._voice = ""

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """What the session runs on."""
        kokoro = self._kokoro
        return "cuda" if kokoro and kokoro.session.get_providers()[0].startswith("CUDA") else "cpu"

    def is_complete(self, path: Path) -> bool:
        """A model is an ONNX file with voices beside it."""
        file = _onnx_file(path)
        return file is not None and bool(_voices(file))

    def get_available_models(self) -> list[ModelInfo]:
        """List every model, which speaks with its default voice, and the model with each of its voices."""
        voices = {f"{model}.{voice}" for model in self.store.available() for voice in self._voices_of(model)}
        listed = sorted({*self.store.loadable(), *voices}, key=lambda name: (name != self.store.default_model, name))
        return [model_info(self.config, name) for name in listed if names.is_name(name)]

    def store_name(self, model_name: str) -> str:
        """Return the model of "model.voice"."""
        return model_name if model_name in self.store.loadable() else model_name.rpartition(".")[0]

    def load_model(self, model_name: str) -> None:
        """Open the model unless only the voice changes, and read the voice."""
        from core_engine.kokoro.errors import KokoroError
        from core_engine.kokoro.synthesis import Kokoro
        from core_engine.kokoro.voice_packs import find_voices

        file = _onnx_file(self.model_path(model_name))
        if file is None:
            raise RuntimeError(f"The model '{model_name}' has no ONNX file any more.")
        opened = (file, self.fingerprint(model_name), find_voices(file.parent))
        try:
            if self._kokoro is None or self._opened != opened:
                self._kokoro = None  # first, so that two models never share the memory
                self._kokoro, self._opened = Kokoro.load(file), opened
            voice = self._voice_of(model_name, sorted(self._kokoro.voices))
            self._kokoro.check(voice)
        except KokoroError as error:
            raise UnusableModelError(str(error)) from error
        self._voice = voice

    def unload_model(self) -> None:
        """Keep the session for another voice of it; a load of another model frees it, and so does a failed one."""
        if not self._voice:
            self._kokoro = None
        self._voice = ""

    def generate_audio(
        self,
        text: str,
        language: str,
        speaker_wav: list[Path],  # noqa: ARG002 - Kokoro does not clone voices
        parameters: dict[str, Any],
    ) -> bytes:
        """Speak all of `text` at the specified loudness."""
        from core_engine.audio_utils import encode_wav, normalize_audio
        from core_engine.kokoro.errors import NothingToSpeakError
        from core_engine.kokoro.voices import language_of
        from core_engine.reading.aloud import spoken_text

        if self._kokoro is None:
            raise RequestError("Model not loaded")
        try:
            accent = _ACCENTS.get(language) or language_of(self._voice)
            speech = self._kokoro.speak(spoken_text(text, accent), self._voice, parameters["speed"], accent)
        except NothingToSpeakError as error:
            raise RequestError(str(error)) from error
        return encode_wav(normalize_audio(speech.audio), speech.sample_rate)

    def _voices_of(self, model: str) -> list[str]:
        file = _onnx_file(self.store.path_of(model))
        return _voices(file) if file else []

    def _voice_of(self, model_name: str, voices: list[str]) -> str:
        from core_engine.kokoro.voices import DEFAULT_VOICE_ID

        if self.store_name(model_name) != model_name:
            return model_name.rpartition(".")[2]
        return DEFAULT_VOICE_ID if DEFAULT_VOICE_ID in voices else voices[0]


def _onnx_file(path: Path) -> Path | None:
    """Return the ONNX file of the model at `path`, links followed: its voices lie beside the real file."""
    real = path.resolve()
    if real.is_file():
        return real
    found = sorted(real.glob("*.onnx"), key=lambda file: (file.name != PUBLISHED_NAME, file.name))
    return found[0] if found else None


def _voices(file: Path) -> list[str]:
    from core_engine.kokoro.voice_packs import find_voices

    return sorted(find_voices(file.parent))


if __name__ == "__main__":
    KokoroServer.main()
