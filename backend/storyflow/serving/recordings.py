"""Recordings that clients send, in a form that the listening engine reads.

libsndfile, here and in the engine, reads WAV, FLAC, Ogg and MP3. PyAV, which is an extra, brings M4A and WebM into WAV.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from itertools import chain
from typing import IO

import soundfile

from core_engine.kokoro.installation import install_command
from engines.contract.errors import RequestError
from engines.stt.whisper.transcription import LONGEST_S

LARGEST_BYTES = 100 * 1024 * 1024
"""Of the file that a client sends."""

_RATE = 16_000
"""Hz, which is what Whisper hears."""
_DEMUXERS = "aac,amr,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpegts"
"""Of FFmpeg. Others are playlists, which would make it read other files and addresses."""


@contextlib.contextmanager
def readable(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """Yield `file`, or a file made from it, from the start; raise RequestError for what is no recording."""
    if _is_read_by_libsndfile(file):
        file.seek(0)
        yield file
    else:
        file.seek(0)
        with tempfile.TemporaryFile() as made:
            _convert(file, made)
            made.seek(0)
            yield made


def _is_read_by_libsndfile(file: IO[bytes]) -> bool:
    file.seek(0)
    try:
        soundfile.info(file)
    except (OSError, RuntimeError):  # soundfile.LibsndfileError is a RuntimeError
        return False
    return True


def _convert(file: IO[bytes], made: IO[bytes]) -> None:
    """Write the first audio track of `file` as 16-bit WAV, mono, as far as an engine takes it."""
    try:
        import av
    except ImportError as error:
        raise RequestError(
            f"The file is no WAV, FLAC, Ogg or MP3. M4A and WebM need PyAV; install it with: "
            f"{install_command('audiobook')}"
        ) from error
    try:
        with (
            av.open(file, "r", options={"format_whitelist": _DEMUXERS}) as container,
            soundfile.SoundFile(made, "w", _RATE, channels=1, format="WAV", subtype="PCM_16", closefd=False) as wav,
        ):
            resampler = av.AudioResampler("s16", "mono", _RATE)
            for frame in chain(container.decode(audio=0), [None]):
                for part in resampler.resample(frame):
                    wav.write(part.to_ndarray()[0])
                _check_length(wav.frames)
    except (av.FFmpegError, IndexError) as error:  # IndexError: there is no audio track
        raise RequestError(
            "The file is no recording that can be read. Send WAV, FLAC, Ogg, MP3, M4A or WebM."
        ) from error


def _check_length(frames: int) -> None:
    if frames > LONGEST_S * _RATE:
        raise RequestError(f"The recording is longer than {LONGEST_S} s. Send it in parts.")
