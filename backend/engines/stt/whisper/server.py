"""whisper: what a recording says, how surely, and how far that is the text it should say."""

import sys
from pathlib import Path

# backend/, where the engine runs from the project; in an image the packages lie beside this file.
sys.path.extend(str(folder) for folder in Path(__file__).resolve().parents[3:4])

from engines.base_quality_server import Analysis, AnalysisTask, BaseQualityServer
from engines.contract.engine_config import model_info
from engines.contract.errors import RequestError, loaded
from engines.contract.wav import read_wav_format
from engines.contract.wire import ModelInfo
from engines.speech.offline import keep_offline
from engines.speech.sound import read_mono
from engines.speech.torch_device import torch_device
from engines.stt.whisper.comparison import Comparison, compare
from engines.stt.whisper.pronunciation import Pronunciation
from engines.stt.whisper.transcriber import SAMPLE_RATE, Transcriber
from engines.stt.whisper.verdict import verdict
from engines.stt.whisper.words import spoken_words


class WhisperServer(BaseQualityServer):
    """Listens with the .pt files of openai-whisper, which are fetched when they are first loaded."""

    version = "1.0.0"
    default_port = 8767
    model_suffixes = (".pt",)
    model_advice = "Put a .pt file of openai-whisper into external_models/ to have it listed."

    def __init__(self, base_path: Path | None = None) -> None:
        super().__init__(base_path)
        self._transcriber: Transcriber | None = None
        # "large" is a name of the library whose file is large-v3.pt: engine.yaml says which model is which.
        same = {model.name: model.metadata.get("same_as") for model in self.config.models}
        self._same_as = {name: str(other) for name, other in same.items() if other}

    def is_complete(self, path: Path) -> bool:
        """A model is one file; what it holds is found out when it is loaded."""
        return path.is_file() and path.stat().st_size > 0

    def get_available_models(self) -> list[ModelInfo]:
        """List what is there or can be fetched, by each of its names."""
        loadable = set(self.store.loadable())
        names = loadable | {name for name in self._same_as if self.store_name(name) in loadable}
        return [model_info(self.config, name) for name in self.store.in_order(names)]

    def store_name(self, model_name: str) -> str:
        """Return the model whose file it is; a file that bears the other name itself comes first."""
        other = self._same_as.get(model_name)
        return model_name if other is None or self.store.find(model_name) else other

    def load_model(self, model_name: str) -> None:
        """Open the file on the GPU where there is one."""
        keep_offline(self.external_models_dir / ".cache")
        self._device = torch_device()
        self._transcriber = Transcriber.load(self.model_path(model_name), self._device)

    def unload_model(self) -> None:
        """Free the model."""
        self._transcriber = None

    def analyze_audio(self, task: AnalysisTask) -> Analysis:
        """Listen, and compare with the expected text where there is one."""
        transcriber = loaded(self._transcriber)
        self._check_limits(task)
        pronunciation = Pronunciation(task.pronunciation_rules)
        heard = transcriber.transcribe(read_mono(task.audio, SAMPLE_RATE), task.language)
        return verdict(heard, _compared(task.expected_text or "", heard.text, heard.language, pronunciation))

    def _check_limits(self, task: AnalysisTask) -> None:
        longest, most = self.config.constraints["max_audio_duration"], self.config.constraints["max_text_length"]
        duration_s = read_wav_format(task.audio).duration_s
        if duration_s > longest:
            raise RequestError(f"Audio too long: {duration_s:.0f} s, at most {longest} s. Send it in parts.")
        if task.expected_text and len(task.expected_text) > most:
            raise RequestError(
                f"Expected text too long: {len(task.expected_text)} characters, at most {most}. Send it in parts."
            )


def _compared(expected: str, heard: str, language: str, pronunciation: Pronunciation) -> Comparison | None:
    """Return the comparison of the readings that differ least; None where no words are expected."""
    if not spoken_words(expected, language):
        return None
    readings = pronunciation.readings(expected, heard)
    found = (compare(spoken_words(said, language), spoken_words(got, language)) for said, got in readings)
    return min(found, key=lambda comparison: comparison.word_error_rate)


if __name__ == "__main__":
    WhisperServer.main()
