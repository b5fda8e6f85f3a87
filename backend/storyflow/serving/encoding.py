"""Encode audio while it is made: each piece becomes bytes at once.

WAV and PCM are written here, MP3, Opus and FLAC by libsndfile, AAC by PyAV, which is an extra.
"""

import io
import struct
from collections.abc import Callable
from typing import Protocol

import numpy as np
import soundfile

from core_engine.kokoro.dimensions import SAMPLE_RATE
from core_engine.kokoro.model.inference import Audio
from engines.contract.errors import RequestError
from storyflow.serving.wire import Format

MEDIA_TYPES: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}

_UNKNOWN = 0xFFFFFFFF  # the size in the header of a WAV whose end is not known


class Encoder(Protocol):
    """An encoder of mono float32 audio at 24 kHz."""

    def encode(self, audio: Audio) -> bytes:
        """Return the bytes that are ready after `audio`."""

    def end(self) -> bytes:
        """Return the last bytes."""


def encoder(name: Format) -> Encoder:
    """Return a new encoder; raise RequestError if its library is not installed."""
    return _ENCODERS[name]()


class _Pcm:
    """16-bit little-endian samples without a header, or after that of a WAV."""

    def __init__(self, header: bytes = b"") -> None:
        self._header = header

    def encode(self, audio: Audio) -> bytes:
        header, self._header = self._header, b""
        samples: bytes = (np.clip(audio, -1, 1) * 32767).round().astype("<i2").tobytes()
        return header + samples

    def end(self) -> bytes:
        return b""


def _wav() -> _Pcm:
    form = struct.pack("<HHIIHH", 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
    chunks = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", _UNKNOWN)
    return _Pcm(b"RIFF" + struct.pack("<I", _UNKNOWN) + chunks)


class _Sndfile:
    """A format of libsndfile."""

    def __init__(self, container: str, subtype: str) -> None:
        self._sink = _Sink()
        self._file = soundfile.SoundFile(
            self._sink, "w", SAMPLE_RATE, channels=1, format=container, subtype=subtype, closefd=False
        )

    def encode(self, audio: Audio) -> bytes:
        self._file.write(audio)
        return self._sink.drained()

    def end(self) -> bytes:
        self._file.close()
        return self._sink.drained()


class _Sink(io.RawIOBase):
    """A file that gives away what is written to it; what libsndfile corrects in the sent part at the end is lost."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()
        self._sent = 0
        self._position = 0

    def writable(self) -> bool:
        """Allow writing."""
        return True

    def drained(self) -> bytes:
        """Return what has been written since the last call."""
        ready = bytes(self._waiting)
        self._sent += len(ready)
        self._waiting.clear()
        return ready

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write at the position, unless that part has been sent."""
        written = bytes(data)
        unsent = written[max(0, self._sent - self._position) :]
        start = max(0, self._position - self._sent)
        self._waiting[start : start + len(unsent)] = unsent
        self._position += len(written)
        return len(written)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._sent + len(self._waiting)}
        self._position = origin[whence] + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, _buffer: object) -> int:
        """Read nothing: what is sent is gone."""
        return 0


class _Aac:
    """AAC in ADTS frames, by PyAV."""

    def __init__(self) -> None:
        try:
            import av
        except ImportError as error:
            raise RequestError("AAC needs PyAV, which is not installed. Choose mp3, opus, flac, wav or pcm.") from error
        self._frame = av.AudioFrame
        self._sink = _Sink()
        self._container = av.open(self._sink, "w", format="adts")
        self._stream = self._container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")

    def encode(self, audio: Audio) -> bytes:
        frame = self._frame.from_ndarray(audio.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        self._container.mux(self._stream.encode(frame))
        return self._sink.drained()

    def end(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.drained()


_ENCODERS: dict[Format, Callable[[], Encoder]] = {
    "mp3": lambda: _Sndfile("MP3", "MPEG_LAYER_III"),
    "opus": lambda: _Sndfile("OGG", "OPUS"),
    "aac": _Aac,
    "flac": lambda: _Sndfile("FLAC", "PCM_16"),
    "wav": _wav,
    "pcm": _Pcm,
}
