"""kokoro: Kokoro-82M, implemented in core_engine/kokoro, as an engine.

The model name selects the voice: "default" is the default voice, "default.bf_emma" is Emma. A voice speaks its own
language; "en-us" and "en-gb" select the accent of an English voice.
"""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

# backend/, if the engine runs from the project; in an image the packages are next to this file.
sys.path.extend(str(folder) for folder in Path(__file__).resolve().parents[3:4])

from core_engine.reading.scene_breaks import SCENE_BREAK_S, is_scene_break
from engines.base_tts_server import BaseTTSServer
from engines.contract.engine_config import model_info
from engines.contract.errors import RequestError, UnusableModelError, loaded
from engines.contract.wav import pcm16_wav
from engines.contract.wire import ModelInfo
from engines.store import names

if TYPE_CHECKING:
    from core_engine.kokoro.languages import Language
    from core_engine.kokoro.speech.synthesis import Kokoro
    from core_engine.kokoro.voice.packs import VoiceFile

SAMPLE_RATE = 24_000
PUBLISHED_NAME = "kokoro-v0_19.onnx"  # preferred if a folder has several ONNX files


class KokoroServer(BaseTTSServer):
    """Speaks with the models in models/: folders of a model and its voices, or the two files as published."""

    version = "1.0.0"
    model_suffixes = (".onnx",)
    model_advice = (
        "Kokoro itself comes with `storyflow models pull kokoro-v0_19`, STORYFLOW_MODELS_DIR being the folder that is "
        "external_models here."
    )

    def __init__(self, base_path: Path | None = None) -> None:
        super().__init__(base_path)
        self._kokoro: Kokoro | None = None
        self._opened: tuple[object, ...] = ()  # the file of the open session and its state
        self._voice = ""

    def is_complete(self, path: Path) -> bool:
        """Return whether `path` is a model with voices next to its ONNX file."""
        file = onnx_file(path)
        return file is not None and bool(voices_of(path))

    def get_available_models(self) -> list[ModelInfo]:
        """List every model, for its default voice, and every model with each of its voices."""
        self.store.prepare()
        listed = {name: model_info(self.config, name) for name in self.store.downloadable}
        for model, path in self.store.complete().items():
            listed |= self._described(model, voices_of(path))
        return [listed[name] for name in self.store.in_order(listed) if names.is_name(name)]

    def store_name(self, model_name: str) -> str:
        """Return the model of "model.voice"."""
        is_model = model_name in self.store.downloadable or self.store.find(model_name)
        return model_name if is_model else model_name.rpartition(".")[0]

    def is_open(self, model_name: str) -> bool:
        """Return whether the session is open: changing only the voice keeps it."""
        path = self.store.find(self.store_name(model_name))
        return self._kokoro is not None and path is not None and self._opened[0] == onnx_file(path)

    def load_model(self, model_name: str) -> None:
        """Open the model, unless only the voice changes, and read the voice."""
        from core_engine.kokoro.errors import KokoroError
        from core_engine.kokoro.speech.synthesis import Kokoro

        path = self.model_path(model_name)
        file = onnx_file(path)
        if file is None:
            raise RuntimeError(f"The ONNX file of the model '{model_name}' has disappeared. Restore it.")
        opened = (file, self.files_of(model_name), voices := voices_of(path))
        try:
            if self._kokoro is None or self._opened != opened:
                self._kokoro = None  # first, so that two models are never in memory together
                self._kokoro, self._opened = dataclasses.replace(Kokoro.load(file), voices=voices), opened
            voice = self._voice_of(model_name, self._kokoro.voices)
            self._kokoro.check(voice)
        except KokoroError as error:
            raise UnusableModelError(str(error)) from error
        self._voice = voice
        self._device = "cuda" if self._kokoro.session.get_providers()[0].startswith("CUDA") else "cpu"

    def unload_model(self) -> None:
        """Keep the session for other voices; loading another model, or a failed load, frees it."""
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
        """Speak all of `text`, normalised."""
        from core_engine.audio_utils import encode_wav, normalize_audio
        from core_engine.kokoro.errors import NothingToSpeakError
        from core_engine.reading.aloud import spoken_text

        kokoro = loaded(self._kokoro)
        if is_scene_break(text):
            return pcm16_wav(bytes(2 * round(SCENE_BREAK_S * SAMPLE_RATE)), SAMPLE_RATE)
        spoken = self._spoken_language(language, kokoro.language(self._voice))
        try:
            speech = kokoro.speak(spoken_text(text, spoken), self._voice, parameters["speed"], spoken)
        except NothingToSpeakError as error:
            raise RequestError(str(error)) from error
        return encode_wav(normalize_audio(speech.audio), speech.sample_rate)

    def _described(self, model: str, voices: "Mapping[str, VoiceFile]") -> dict[str, ModelInfo]:
        """Return the /models entries of a model and of each of its voices, with the voice's languages."""
        from core_engine.kokoro.languages import V0_19, codes_of, language_of
        from core_engine.kokoro.speech.versions import version_of_voices

        version = version_of_voices(voices) or V0_19
        spoken = {model: _default_voice(voices), **{f"{model}.{voice}": voice for voice in voices}}
        return {
            name: model_info(self.config, name).model_copy(update={"languages": codes_of(language_of(voice, version))})
            for name, voice in spoken.items()
        }

    def _spoken_language(self, asked: str, voice: "Language") -> str:
        """Return the language code for `asked`; raise RequestError if the voice speaks another language."""
        from core_engine.kokoro.languages import codes_of, language_by_request

        language = language_by_request(asked, voice)
        if language is None:
            raise RequestError(
                f"The voice '{self._voice}' speaks {voice.name}, but the request is in {asked!r}. Use one of "
                f"{', '.join(codes_of(voice))}, or load a voice of that language."
            )
        return language.code

    def _voice_of(self, model_name: str, voices: "Mapping[str, VoiceFile]") -> str:
        if self.store_name(model_name) != model_name:
            return model_name.rpartition(".")[2]
        return _default_voice(voices)


def _default_voice(voices: "Mapping[str, VoiceFile]") -> str:
    from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID

    return DEFAULT_VOICE_ID if DEFAULT_VOICE_ID in voices else min(voices)


def onnx_file(path: Path) -> Path | None:
    """Return the ONNX file of the model at `path`, links resolved: its voices are next to the real file."""
    real = path.resolve()
    if real.is_file():
        return real
    found = sorted(real.glob("*.onnx"), key=lambda file: (file.name != PUBLISHED_NAME, file.name))
    return next((file for file in found if file.is_file()), None)


def voices_of(path: Path) -> "dict[str, VoiceFile]":
    """Return the voices of the model at `path`: next to its real file, but those baked into models/ take precedence."""
    from core_engine.kokoro.voice.packs import find_voices

    file = onnx_file(path)
    beside = find_voices(file.parent) if file else {}
    return beside if path.is_dir() else {**beside, **find_voices(path.parent)}


if __name__ == "__main__":
    KokoroServer.main()
