"""Reading the header of a WAV file, and writing the one kind that the client can join."""

import contextlib
import io
import struct
import wave
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.contract.wav import WavError, WavFormat, pcm16_wav, read_wav_format

GOOD = pcm16_wav(b"\1\0" * 100, 24_000)


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def riff(*chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + sum(map(len, chunks))) + b"WAVE" + b"".join(chunks)


def form(encoding: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16) -> bytes:
    return chunk(b"fmt ", struct.pack("<HHIIHH", encoding, channels, rate, 0, channels * bits // 8, bits))


def test_wav_written_is_what_python_reads() -> None:
    with wave.open(io.BytesIO(GOOD)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (1, 2, 24_000, 100)
    assert (len(GOOD), GOOD[36:40]) == (244, b"data")
    assert read_wav_format(GOOD) == WavFormat(1, 1, 24_000, 16, 200)
    assert read_wav_format(GOOD).duration_s == pytest.approx(100 / 24_000)


@pytest.mark.parametrize(
    "data",
    [
        riff(chunk(b"LIST", b"odd"), form(), chunk(b"data", bytes(20))),
        riff(form(3, 2, 48_000, 32), chunk(b"fact", bytes(4)), chunk(b"data", bytes(80))),
        riff(form(), chunk(b"data", bytes(20), size=0xFFFFFFFF)),  # as streams write it
        riff(form(0xFFFE, 6, 96_000, 24), chunk(b"data", bytes(180))),
    ],
)
def test_wav_in_the_forms_that_recorders_write_is_read(data: Any) -> None:
    assert read_wav_format(data).data_bytes >= 20


@pytest.mark.parametrize(
    "data",
    [
        riff(form(), chunk(b"data", b"")),
        riff(chunk(b"data", bytes(40))),
        riff(form(85), chunk(b"data", bytes(40))),  # MP3 in a WAV
        riff(form(channels=0), chunk(b"data", bytes(40))),
        riff(form(rate=0), chunk(b"data", bytes(40))),
        riff(form(rate=1), chunk(b"data", bytes(40))),  # 40 bytes would be a million samples when resampled
        riff(form(bits=0), chunk(b"data", bytes(40))),
        riff(form(), chunk(b"LIST", bytes(40))),
        riff(chunk(b"fmt ", bytes(4)), chunk(b"data", bytes(40))),
        b"RIFX" + GOOD[4:],
        bytes(100),
    ],
)
def test_wav_without_readable_sound_is_refused(data: Any) -> None:
    with pytest.raises(WavError):
        read_wav_format(data)


@given(st.binary(max_size=200), st.integers(0, 243))
def test_wav_with_any_damage_is_read_or_refused(noise: Any, position: Any) -> None:
    data = GOOD[:position] + noise + GOOD[position + len(noise) :]
    with contextlib.suppress(WavError):
        assert read_wav_format(data).data_bytes <= len(data)
