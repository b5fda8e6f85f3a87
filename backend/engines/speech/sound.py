"""Read speaker samples and recordings as arrays, and write 16-bit WAV files."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engines.contract.errors import EngineError, RequestError
from engines.contract.wav import pcm16_wav

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

FULL_SCALE = 32_767
SHORTEST_SAMPLE_S = 1.0  # of a speaker sample; XTTS itself would accept a third of a second
SILENCE_PEAK = 1e-3  # -60 dB
PAUSE_S = 0.2  # between the pieces of a text: about the pause after a full stop


def read_mono(source: Path | bytes, sample_rate: int, minimum_s: float = 0.0) -> "Samples":
    """Return a WAV file as (n,) float32 at `sample_rate` Hz, with averaged channels and unchanged level.

    Raises RequestError as `read_channels` does, and for a file that is shorter than `minimum_s`.
    """
    recorded, rate = read_channels(source)
    if len(recorded) < minimum_s * rate:
        raise RequestError(
            f"{_name_of(source)} is {len(recorded) / rate:.2f} s long; at least {minimum_s:g} s are needed."
        )
    return as_mono(recorded, rate, sample_rate)


def read_channels(source: Path | bytes) -> "tuple[Samples, int]":
    """Return a WAV file as (n, channels) float32, its level as recorded, and its sample rate in Hz.

    Integer samples of any width become -1 to 1; float samples stay what they are. Raises RequestError for a file that
    cannot be read or holds no finite sound.
    """
    import numpy as np
    import soundfile

    try:
        recorded, rate = soundfile.read(
            source if isinstance(source, Path) else io.BytesIO(source), dtype="float32", always_2d=True
        )
    except (OSError, RuntimeError) as error:  # soundfile.LibsndfileError is a RuntimeError
        raise RequestError(
            f"{_name_of(source)} is not a readable WAV file: {error}. Record or convert it again."
        ) from error
    if len(recorded) == 0 or not np.isfinite(recorded).all():
        raise RequestError(f"{_name_of(source)} has no usable audio. Record or convert it again.")
    return recorded, int(rate)


def as_mono(recorded: "Samples", rate: int, sample_rate: int) -> "Samples":
    """Return samples (n, channels) at `rate` Hz as (m,) at `sample_rate` Hz, the channels averaged."""
    import numpy as np

    mono: Samples = recorded[:, 0] if recorded.shape[1] == 1 else recorded.mean(axis=1, dtype=np.float32)
    return mono if rate == sample_rate else _resampled(mono, rate, sample_rate)


def read_speaker(sample: Path, sample_rate: int, longest_s: int | None = None) -> "Samples":
    """Return a speaker sample, or its first `longest_s` seconds, like `read_mono`.

    Also raises RequestError if it is too short or silent.
    """
    sound = read_mono(sample, sample_rate, SHORTEST_SAMPLE_S)[: longest_s and longest_s * sample_rate]
    if abs(sound).max() < SILENCE_PEAK:
        raise RequestError(f"Sample '{sample.name}' is silent. Record it again.")
    return sound


def joined(parts: "Sequence[Samples]", sample_rate: int, pause_s: float = PAUSE_S) -> "Samples":
    """Join sounds (n,) with `pause_s` seconds of silence between them."""
    import numpy as np

    silence = np.zeros(round(pause_s * sample_rate), np.float32)
    spaced = [sound for part in parts for sound in (silence, np.asarray(part, np.float32).reshape(-1))]
    return np.concatenate(spaced[1:]) if spaced else silence[:0]


def wav_of(samples: "npt.ArrayLike", sample_rate: int) -> bytes:
    """Return float samples (n,) as a 16-bit PCM mono WAV file, clipped to full scale.

    Raises EngineError for empty audio, NaN and infinity: the client would accept such a file.
    """
    import numpy as np

    sound = np.asarray(samples, np.float32).reshape(-1)
    if len(sound) == 0:
        raise EngineError("The model returned no audio for this text. Try again, or change the text.")
    if not np.isfinite(sound).all():
        raise EngineError("The model returned audio that is not finite. Try again, or reload the model.")
    pcm = (np.clip(sound, -1.0, 1.0) * FULL_SCALE).round().astype("<i2")
    return pcm16_wav(pcm.tobytes(), sample_rate)


def _name_of(source: Path | bytes) -> str:
    return f"Sample '{source.name}'" if isinstance(source, Path) else "The recording"


def _resampled(mono: "Samples", rate: int, sample_rate: int) -> "Samples":
    import soxr

    resampled: Samples = soxr.resample(mono, rate, sample_rate)
    return resampled
