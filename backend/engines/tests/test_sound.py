"""Sounds in and out."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from engines.contract.errors import EngineError, RequestError
from engines.contract.wav import PCM, read_wav_format
from engines.speech.sound import joined, read_mono, read_speaker, wav_of

RATE = 24_000


def tone(rate: int = RATE, seconds: float = 1.0, peak: float = 0.5) -> npt.NDArray[np.float32]:
    return (peak * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def wav(samples: npt.NDArray[Any], rate: int, subtype: str = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, subtype=subtype, format="WAV")
    return buffer.getvalue()


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_width_is_read_at_its_level(subtype: str) -> None:
    sound = read_mono(wav(tone(), RATE, subtype), RATE)
    assert sound.dtype == np.float32
    np.testing.assert_allclose(sound, tone(), atol=0.01)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_every_rate_becomes_the_one_asked_for(rate: int) -> None:
    sound = read_mono(wav(tone(rate), rate), RATE)
    assert abs(len(sound) - RATE) <= 2
    middle = slice(RATE // 4, RATE // 2)
    np.testing.assert_allclose(sound[middle], tone()[middle], atol=0.01)


def test_stereo_becomes_the_mean_of_its_channels() -> None:
    sound = read_mono(wav(np.stack([tone(), np.zeros(RATE)], axis=1), RATE, "FLOAT"), RATE)
    np.testing.assert_allclose(sound, tone() / 2, atol=1e-6)


def test_sample_from_a_file_is_named_when_it_is_too_short(tmp_path: Path) -> None:
    path = tmp_path / "anna.wav"
    path.write_bytes(wav(tone(seconds=0.5), RATE))
    with pytest.raises(RequestError, match=r"'anna\.wav' is 0\.50 s long; at least 1 s"):
        read_mono(path, RATE, minimum_s=1.0)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all" * 10])
def test_what_is_no_wav_is_refused(content: bytes) -> None:
    with pytest.raises(RequestError, match="not a readable"):
        read_mono(content, RATE)


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.full(RATE, np.nan, np.float32)])
def test_recording_without_finite_sound_is_refused(samples: Any) -> None:
    with pytest.raises(RequestError, match="no usable audio"):
        read_mono(wav(samples, RATE, "FLOAT"), RATE)


def test_joined_sounds_keep_every_sample_and_have_pauses_between() -> None:
    sound = joined([tone(seconds=0.1), tone(seconds=0.2)], RATE, pause_s=0.5)
    assert len(sound) == round(RATE * 0.8)
    np.testing.assert_array_equal(sound[-round(RATE * 0.2) :], tone(seconds=0.2))
    assert not sound[2_400 : 2_400 + 12_000].any()


def test_joined_nothing_is_nothing() -> None:
    assert len(joined([], RATE)) == 0


def test_wav_is_16_bit_pcm_though_the_model_gives_floats_past_full_scale() -> None:
    data = wav_of(np.array([0.0, 0.5, 2.0, -2.0]), RATE)
    form = read_wav_format(data)
    assert (form.encoding, form.bits, form.channels, form.sample_rate) == (PCM, 16, 1, RATE)
    samples, _ = soundfile.read(io.BytesIO(data), dtype="int16")
    assert samples.tolist() == [0, 16_384, 32_767, -32_767]


@pytest.mark.parametrize("samples", [[], [np.nan], [np.inf, 0.0]])
def test_no_sound_and_sound_that_is_not_finite_are_errors(samples: list[Any]) -> None:
    with pytest.raises(EngineError, match="returned"):
        wav_of(samples, RATE)


@pytest.mark.parametrize(
    ("sound", "said"),
    [(tone(seconds=0.5), "at least 1 s"), (np.concatenate([np.zeros(2 * RATE), tone()]), "is silent")],
    ids=["short", "silent where it is heard"],
)
def test_speaker_whose_sample_cannot_be_used_is_refused(
    tmp_path: Path, sound: "npt.NDArray[np.float32]", said: str
) -> None:
    sample = tmp_path / "anna.wav"
    sample.write_bytes(wav(sound, RATE))
    with pytest.raises(RequestError, match=said):
        read_speaker(sample, RATE, 1)


def test_speaker_is_read_as_far_as_is_asked(tmp_path: Path) -> None:
    sample = tmp_path / "anna.wav"
    sample.write_bytes(wav(np.concatenate([tone(), np.zeros(2 * RATE)]), RATE))
    assert len(read_speaker(sample, RATE)) == 3 * RATE
    assert len(read_speaker(sample, RATE, 1)) == RATE
