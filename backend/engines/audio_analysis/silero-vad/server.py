"""silero-vad: how much of a recording is speech, how long it is silent, how loud it is, and whether it clips."""

import sys
from pathlib import Path

# backend/, where the engine runs from the project; in an image the packages lie beside this file.
sys.path.extend(str(folder) for folder in Path(__file__).resolve().parents[3:4])

from detector import FILE_NAME, WINDOW_S, Detector, model_rate
from levels import levels_of
from speech import speech_in
from verdict import verdict

from engines.base_quality_server import Analysis, AnalysisTask, BaseQualityServer
from engines.contract.errors import loaded
from engines.speech.sound import as_mono, read_channels


class SileroVadServer(BaseQualityServer):
    """Judges by the sound alone, whatever is said in whatever language."""

    version = "1.0.0"

    def __init__(self, base_path: Path | None = None) -> None:
        super().__init__(base_path)
        self._detector: Detector | None = None

    def is_complete(self, path: Path) -> bool:
        """A model is a folder with the ONNX file of Silero VAD."""
        return (path / FILE_NAME).is_file()

    def load_model(self, model_name: str) -> None:
        """Open the file."""
        self._detector = Detector.load(self.model_path(model_name))

    def unload_model(self) -> None:
        """Free the model."""
        self._detector = None

    def analyze_audio(self, task: AnalysisTask) -> Analysis:
        """Measure the recording and hold it against the thresholds of the request."""
        detector = loaded(self._detector)
        recorded, recorded_rate = read_channels(task.audio)
        rate = model_rate(recorded_rate)
        probabilities = detector.probabilities(as_mono(recorded, recorded_rate, rate), rate)
        speech = speech_in(probabilities.tolist(), WINDOW_S, len(recorded) / recorded_rate)
        return verdict(speech, levels_of(recorded), task.thresholds)


if __name__ == "__main__":
    SileroVadServer.main()
