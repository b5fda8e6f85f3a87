"""What a listener is given and what is compared: sound at 16 kHz, and texts without punctuation."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
RATE = 16_000


def resampled(audio: Floats, rate: int, to: int = RATE) -> Floats:
    """Change the sample rate downwards by cutting the spectrum."""
    size = len(audio) * to // rate
    spectrum = np.fft.rfft(audio)[: size // 2 + 1]
    wave: Floats = (np.fft.irfft(spectrum, size) * size / len(audio)).astype(np.float32)
    return wave


def plain_words(text: str) -> str:
    """Return the words in lower case, without punctuation."""
    return " ".join("".join(c for c in text.lower() if c.isalpha() or c in " '").split())
