"""Recordings of an hour, read a second at a time: only what Whisper hears is held."""

from typing import IO, TYPE_CHECKING

from engines.contract.errors import RequestError
from engines.stt.whisper.hearing import SAMPLE_RATE

if TYPE_CHECKING:
    from engines.stt.whisper.hearing import Samples

_FASTEST_RATE = 768_000
"""Hz: more is no recording, and would be held in memory a second at a time."""
_MOST_CHANNELS = 32


def read_recording(file: IO[bytes], longest_s: float) -> "Samples":
    """Return a file that libsndfile reads (WAV, FLAC, Ogg, MP3) as (n,) float32 at SAMPLE_RATE, the channels averaged.

    Raises RequestError for a file that cannot be read, is longer than `longest_s` or holds no finite sound.
    """
    import numpy as np
    import soundfile
    import soxr

    try:
        with soundfile.SoundFile(file) as sound:
            _check_form(sound.samplerate, sound.channels)
            resampler = soxr.ResampleStream(sound.samplerate, SAMPLE_RATE, 1, dtype="float32")
            parts: list[Samples] = []
            read = 0
            for block in sound.blocks(sound.samplerate, dtype="float32", always_2d=True):
                read += len(block)
                if read > longest_s * sound.samplerate:
                    raise RequestError(f"The recording is longer than {longest_s:.0f} s. Send it in parts.")
                parts.append(resampler.resample_chunk(block.mean(axis=1, dtype=np.float32)))
            parts.append(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    except (OSError, RuntimeError) as error:  # soundfile.LibsndfileError is a RuntimeError
        reason = str(getattr(error, "error_string", error)).rstrip(".")
        raise RequestError(f"The recording cannot be read: {reason}. Send WAV, FLAC, Ogg or MP3.") from error
    samples = np.concatenate(parts)
    if len(samples) == 0 or not np.isfinite(samples).all():
        raise RequestError("The recording has no usable audio. Record or convert it again.")
    return samples


def _check_form(rate: int, channels: int) -> None:
    if not (0 < rate <= _FASTEST_RATE and 0 < channels <= _MOST_CHANNELS):
        raise RequestError(f"The recording has {channels} channels at {rate} Hz. Convert it to 16 kHz mono.")
