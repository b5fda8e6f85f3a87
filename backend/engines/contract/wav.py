"""Parse WAV headers chunk by chunk, and write the 16-bit PCM WAV files that the client reads."""

import io
import struct
import wave
from dataclasses import dataclass

PCM, IEEE_FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
SMALLEST_BYTES = 44  # the classic header without samples
LOWEST_RATE, HIGHEST_RATE = 4_000, 768_000  # Hz; a small file with a lower rate would fill the memory when resampled


class WavError(ValueError):
    """The bytes are not a readable WAV file; the message says what is wrong."""


@dataclass(frozen=True)
class WavFormat:
    """The header of a WAV file."""

    encoding: int  # PCM, IEEE_FLOAT or EXTENSIBLE
    channels: int
    sample_rate: int  # Hz
    bits: int  # of one sample of one channel
    data_bytes: int  # actually present

    @property
    def duration_s(self) -> float:
        """The duration in seconds."""
        return self.data_bytes / (self.sample_rate * self.channels * self.bits // 8)


def read_wav_format(data: bytes) -> WavFormat:
    """Return the header of `data`; raise WavError if it is not a WAV file or is empty."""
    if len(data) < SMALLEST_BYTES:
        raise WavError("Audio data too small to be valid WAV")
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WavError("Invalid audio format: expected WAV file")
    form: tuple[int, int, int, int] | None = None
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        position += 8
        if name == b"fmt " and 16 <= size <= len(data) - position:
            encoding, channels, sample_rate, _, _, bits = struct.unpack_from("<HHIIHH", data, position)
            form = (encoding, channels, sample_rate, bits)
        elif name == b"data":
            return _checked(form, min(size, len(data) - position))
        position += size + size % 2
    raise WavError("Invalid audio format: the WAV file holds no sound")


def _checked(form: tuple[int, int, int, int] | None, data_bytes: int) -> WavFormat:
    if form is None or form[0] not in (PCM, IEEE_FLOAT, EXTENSIBLE) or form[3] not in (8, 16, 24, 32, 64):
        raise WavError("Invalid audio format: expected a WAV file of PCM or float samples")
    if not LOWEST_RATE <= form[2] <= HIGHEST_RATE:
        raise WavError(
            f"Invalid audio format: a sample rate of {form[2]} Hz, expected {LOWEST_RATE} to {HIGHEST_RATE} Hz"
        )
    if not 1 <= form[1] <= 64 or data_bytes < form[1] * form[3] // 8:
        raise WavError("Invalid audio format: the WAV file holds no sound")
    return WavFormat(*form, data_bytes)


def pcm16_wav(pcm: bytes, sample_rate: int) -> bytes:
    """Return mono 16-bit little-endian samples as a WAV file in the format that the client can join."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(pcm)
    return buffer.getvalue()
