"""Normalise, save, measure and check audio. Independent of Django and of the model."""

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
"""Peak level of all saved audio, in dB of full scale: a little headroom prevents clipping."""

Subtype = Literal["PCM_16", "FLOAT"]
Samples = npt.NDArray[np.floating[Any]]


class AudioWriteError(OSError):
    """The audio file could not be written; the message says why and what to do."""


def normalize_audio(audio_array: Samples, target_db: float = PEAK_DB) -> Samples:
    """Scale audio so that its largest absolute sample is at `target_db`.

    Args:
        audio_array: floating-point samples, 1-D or (frames, channels); all channels are scaled alike.
        target_db: peak level in dB of full scale; -1.0 is an amplitude of 10 ** (-1 / 20) ≈ 0.8913.

    Returns:
        A new array of the same shape and dtype. Silence stays silence and an empty array stays empty.

    Raises TypeError for samples that are not floating-point numbers.
    """
    samples: Samples = np.asarray(audio_array)
    if not np.issubdtype(samples.dtype, np.floating):
        raise TypeError(f"Audio must be float32 or float64, not {samples.dtype}. Convert it and scale it to -1 to 1.")
    peak = samples.dtype.type(np.max(np.abs(samples), initial=0))
    if peak == 0 or not np.isfinite(peak):
        unchanged: Samples = samples.copy()
        return unchanged
    normalized: Samples = samples / peak  # to 1 first: the gain for a very quiet recording would overflow float32
    normalized *= samples.dtype.type(10.0 ** (target_db / 20.0))
    return normalized


def get_audio_duration(file_path: str | os.PathLike[str]) -> float:
    """Return the duration of an audio file in seconds.

    Raises:
        FileNotFoundError: the file does not exist.
        RuntimeError: the file is not readable audio.
    """
    if not Path(file_path).exists():
        raise FileNotFoundError(f"Audio file not found: {file_path}")
    return float(sf.info(os.fspath(file_path)).duration)


def validate_audio_file(file_path: str | os.PathLike[str]) -> bool:
    """Return whether a file is readable audio longer than zero; never raises."""
    try:
        info = sf.info(os.fspath(file_path))
        return bool(info.duration > 0 and info.samplerate > 0)
    except Exception:
        return False


def save_audio_wav(
    audio_array: Samples, output_path: str | os.PathLike[str], sample_rate: int
) -> str | os.PathLike[str]:
    """Write audio atomically to a 16-bit PCM WAV file; create missing parent folders.

    Args:
        audio_array: float samples within [-1, 1], shape (frames,) or (frames, channels).
        output_path: destination; an existing file is replaced, and is kept if anything fails.
        sample_rate: samples per second.

    Returns:
        `output_path`, unchanged.

    Raises:
        AudioWriteError: an OSError; the file could not be written.
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
        raise ValueError("The audio contains samples that are not finite numbers; nothing was written.")
    if audio_array.dtype == np.float16:
        audio_array = audio_array.astype(np.float32)  # libsndfile does not support float16
    # Encoded in memory: libsndfile's callbacks would not report a full disk.
    buffer = io.BytesIO()
    sf.write(buffer, audio_array, sample_rate, format="WAV", subtype=subtype)
    return buffer.getvalue()


def write_wav_bytes(wav: bytes, output_path: str | os.PathLike[str]) -> None:
    """Write an encoded WAV to `output_path` atomically; create missing parent folders.

    Raises AudioWriteError, an OSError, if it cannot be written.
    """
    path = Path(output_path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # never replace a device such as /dev/null
            raise FileExistsError(errno.EEXIST, "it is a folder, a device or a pipe")
        publish(path, wav)
    except OSError as error:
        raise AudioWriteError(
            f"could not write '{path}': {error.strerror or error}. Nothing was changed there. Choose a folder "
            f"that is writable and has free space."
        ) from error
