"""Is speech lost or doubled at a joint? Whisper writes down what it hears with the silences and without."""

import re
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_TO = 16_000


def listener(folder: Path) -> Any:
    """Return a Whisper model of faster-whisper's form, on one core."""
    from faster_whisper import WhisperModel

    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)


def heard(model: Any, audio: npt.NDArray[np.float32], rate: int) -> list[str]:
    """Return the words that are heard, in lower case and without marks."""
    size = audio.size * _TO // rate
    spectrum = np.fft.rfft(audio)[: size // 2 + 1]
    resampled = (np.fft.irfft(spectrum, size) * size / audio.size).astype(np.float32)
    segments, _ = model.transcribe(resampled, language="en", beam_size=5, condition_on_previous_text=False)
    return words(" ".join(segment.text for segment in segments))


def words(text: str) -> list[str]:
    """Return the words of a text in lower case and without marks."""
    return re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower().replace("’", "'"))


def differences(before: list[str], after: list[str]) -> list[str]:
    """Return what was heard otherwise, as "before → after"."""
    matched = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return [
        f"{' '.join(before[a:b]) or '–'} → {' '.join(after[c:d]) or '–'}"
        for kind, a, b, c, d in matched
        if kind != "equal"
    ]
