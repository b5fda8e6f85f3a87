"""An independent listener: Whisper base through faster-whisper, with deterministic results."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.model.cores import allowed_cores

RATE = 16_000
"""Whisper's sample rate, in samples per second."""
BEAM = 5

_SAMPLES_PER_STATE = 320
_WINDOW_FRAMES = 3000  # of 10 ms: Whisper's window of half a minute

Samples = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Recording:
    """Speech to listen to."""

    audio: npt.NDArray[np.float32]
    """float32 of shape (samples,)."""
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self.audio) / self.sample_rate

    @classmethod
    def read(cls, path: Path) -> "Recording":
        """Read a WAV with one channel."""
        import soundfile

        audio, sample_rate = soundfile.read(path, dtype="float32")
        return cls(audio, sample_rate)

    def resampled(self) -> npt.NDArray[np.float32]:
        """Return the samples at Whisper's rate."""
        import soxr

        resampled: npt.NDArray[np.float32] = soxr.resample(self.audio, self.sample_rate, RATE)
        return resampled


@dataclass(frozen=True)
class HeardWord:
    """A word and when it was heard, in seconds."""

    text: str
    start: float
    end: float


class Listener:
    """A loaded Whisper model; load it once."""

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        """Open the model in `folder`, in faster-whisper's format, with `threads` or all allowed cores.

        Raises RuntimeError if there is none.
        """
        from faster_whisper import WhisperModel

        # With int8 the results are nearly always the same, in a third of the time.
        self._model = WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=threads or allowed_cores()
        )

    def hear(self, recording: Recording, language: str = "en") -> str:
        """Return Whisper's most likely transcript, without random sampling.

        `language` is Whisper's two-letter code.
        """
        return " ".join(part.text.strip() for part in self._parts(recording, language))

    def hear_words(self, recording: Recording, language: str = "en") -> list[HeardWord]:
        """Return the words of `hear` with Whisper's own times, which come from its attention."""
        parts = self._parts(recording, language, word_timestamps=True)
        return [HeardWord(word.word.strip(), word.start, word.end) for part in parts for word in part.words]

    def _parts(self, recording: Recording, language: str, **more: Any) -> Iterable[Any]:
        parts: Iterable[Any] = self._model.transcribe(
            recording.resampled(),
            language=language,
            beam_size=BEAM,
            temperature=0.0,
            condition_on_previous_text=False,
            **more,
        )[0]
        return parts

    def impression(self, recording: Recording) -> npt.NDArray[np.float32]:
        """Return the states of Whisper's encoder: float32 of shape (frames of 20 ms, 512), at most half a minute."""
        audio = recording.resampled()
        mel = self._model.feature_extractor(audio)[:, :_WINDOW_FRAMES]
        mel = np.pad(mel, ((0, 0), (0, _WINDOW_FRAMES - mel.shape[1])))
        states: npt.NDArray[np.float32] = np.asarray(self._model.encode(mel), dtype=np.float32)[0]
        return states[: len(audio) // _SAMPLES_PER_STATE]
