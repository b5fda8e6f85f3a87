"""Audio after the model: normalise, save, measure and check. Arrays in, WAV files out; no Django, no model."""

import errno
import io
import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import soundfile as sf

from engines.store.publishing import publish

PEAK_DB = -1.0
"""Peak level of everything we save, in dB of full scale: a little headroom, so that nothing clips."""

Subtype = Literal["PCM_16", "FLOAT"]
Samples = npt.NDArray[np.floating[Any]]


class AudioWriteError(OSError):
    """A file that could not be written; the message says why and what to do."""


def normalize_audio(audio_array: Samples, target_db: float = PEAK_DB) -> Samples:
    """Scale audio so that its largest absolute sample lies at `target_db`.

    Args:
        audio_array: floating-point samples, 1-D or (frames, channels); all channels are scaled alike.
        target_db: peak level in dB of full scale; -1.0 is an amplitude of 10 ** (-1 / 20) ≈ 0.8913.

    Returns:
        A new array of the same shape and dtype. Silence comes back as silence, and an empty array empty.

    Raises TypeError for samples that are no floating-point numbers.
    """
    samples: Samples = np.asarray(audio_array)
    if not np.issubdtype(samples.dtype, np.floating):
        raise TypeError(f"Audio is float32 or float64 within -1 to 1, not {samples.dtype}. Convert and scale it first.")
    peak = samples.dtype.type(np.max(np.abs(samples), initial=0))
    if peak == 0 or not np.isfinite(peak):
        unchanged: Samples = samples.copy()
        return unchanged
    normalized: Samples = samples / peak  # first to 1: the factor for a very quiet recording would overflow float32
    normalized *= samples.dtype.type(10.0 ** (target_db / 20.0))
    return normalized


def get_audio_duration(file_path: str | os.PathLike[str]) -> float:
    """Return the duration of an audio file in seconds.

    Raises:
        FileNotFoundError: there is no such file.
        RuntimeError: the file is not readable audio.
    """
    if not Path(file_path).exists():
        raise FileNotFoundError(f"Audio file not found: {file_path}")
    return float(sf.info(os.fspath(file_path)).duration)


def validate_audio_file(file_path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is readable audio of more than zero length; never raises."""
    try:
        info = sf.info(os.fspath(file_path))
        return bool(info.duration > 0 and info.samplerate > 0)
    except Exception:
        return False


def save_audio_wav(
    audio_array: Samples, output_path: str | os.PathLike[str], sample_rate: int
) -> str | os.PathLike[str]:
    """Write audio to a 16-bit PCM WAV file that appears whole or not at all; create missing parent folders.

    Args:
        audio_array: float samples within [-1, 1], shape (frames,) or (frames, channels).
        output_path: destination; an existing file is replaced, and survives every failure.
        sample_rate: samples per second.

    Returns:
        `output_path` as it was given.

    Raises:
        AudioWriteError: an OSError; the disk refused.
        ValueError: the samples are not finite.
    """
    write_wav_bytes(encode_wav(audio_array, sample_rate), output_path)
    return output_path


def encode_wav(audio_array: Samples, sample_rate: int, subtype: Subtype = "PCM_16") -> bytes:
    """Return audio as the bytes of a WAV file: 16-bit PCM with a classic header, or 32-bit float.

    16-bit PCM is what every browser plays and what Python's `wave` module reads. Raises ValueError for samples that
    are not finite, since a WAV of them would be noise at full level.
    """
    if not np.all(np.isfinite(audio_array)):
        raise ValueError("The audio holds samples that are not finite numbers; nothing was written.")
    if audio_array.dtype == np.float16:
        audio_array = audio_array.astype(np.float32)  # libsndfile knows no half precision
    # Encoded in memory: a full disk would pass unnoticed through the callbacks of libsndfile.
    buffer = io.BytesIO()
    sf.write(buffer, audio_array, sample_rate, format="WAV", subtype=subtype)
    return buffer.getvalue()


def write_wav_bytes(wav: bytes, output_path: str | os.PathLike[str]) -> None:
    """Write an encoded WAV to `output_path`, whole or not at all; create missing parent folders.

    Raises AudioWriteError, an OSError, where the disk refuses.
    """
    path = Path(output_path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # replaced, /dev/null would be gone for everybody
            raise FileExistsError(errno.EEXIST, "it is a folder, a device or a pipe")
        publish(path, wav)
    except OSError as error:
        raise AudioWriteError(
            f"could not write '{path}': {error.strerror or error}. Nothing was changed there. Choose a folder "
            f"that is writable and has free space."
        ) from error
