"""A listener that is not ours: Whisper base, through faster-whisper, with one answer for one recording."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.model.cores import allowed_cores

RATE = 16_000
"""Samples per second that Whisper takes."""
BEAM = 5

_SAMPLES_PER_STATE = 320
_WINDOW_FRAMES = 3000  # of 10 ms: the half minute that Whisper hears at once

Samples = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Recording:
    """Speech to listen to."""

    audio: npt.NDArray[np.float32]
    """float32 of shape (samples,)."""
    sample_rate: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.audio) / self.sample_rate

    @classmethod
    def read(cls, path: Path) -> "Recording":
        """Read a WAV with one channel."""
        import soundfile

        audio, sample_rate = soundfile.read(path, dtype="float32")
        return cls(audio, sample_rate)

    def resampled(self) -> npt.NDArray[np.float32]:
        """Return the samples at the rate that Whisper takes."""
        import soxr

        resampled: npt.NDArray[np.float32] = soxr.resample(self.audio, self.sample_rate, RATE)
        return resampled


class Listener:
    """An opened Whisper; open it once."""

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        """Open the model that lies in `folder` as faster-whisper keeps it; all allowed cores unless `threads` says.

        Raises RuntimeError where there is none.
        """
        from faster_whisper import WhisperModel

        # With eight bits the answers are nearly always the same, and come in a third of the time.
        self._model = WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=threads or allowed_cores()
        )

    def hear(self, recording: Recording, language: str = "en") -> str:
        """Return what was said, as Whisper writes it: its likeliest answer, with nothing left to chance.

        `language` is Whisper's code, of two letters.
        """
        parts, _ = self._model.transcribe(
            recording.resampled(),
            language=language,
            beam_size=BEAM,
            temperature=0.0,
            condition_on_previous_text=False,
        )
        return " ".join(part.text.strip() for part in parts)

    def impression(self, recording: Recording) -> npt.NDArray[np.float32]:
        """Return what the speech sounds like to Whisper before it makes words of it: its encoder's states.

        float32 of shape (frames of 20 ms, 512), of half a minute at most.
        """
        audio = recording.resampled()
        mel = self._model.feature_extractor(audio)[:, :_WINDOW_FRAMES]
        mel = np.pad(mel, ((0, 0), (0, _WINDOW_FRAMES - mel.shape[1])))
        states: npt.NDArray[np.float32] = np.asarray(self._model.encode(mel), dtype=np.float32)[0]
        return states[: len(audio) // _SAMPLES_PER_STATE]
