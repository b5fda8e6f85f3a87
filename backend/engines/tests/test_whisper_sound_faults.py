"""Faults of the sound, measured on the samples."""

from typing import Any

import numpy as np
import pytest

from engines.stt.whisper.sound_faults import sound_faults

pytest.importorskip("soxr")

RATE = 24_000


def speech(seconds: float = 4.0) -> "np.ndarray":
    """Return what the measures take for speech: syllables of changing pitch and loudness, and pauses."""
    rng = np.random.default_rng(3)
    parts = [np.zeros(RATE // 4)]
    while sum(map(len, parts)) < seconds * RATE:
        length = int(rng.uniform(0.1, 0.25) * RATE)
        pitch = np.cumsum(np.linspace(rng.uniform(100, 160), rng.uniform(100, 160), length)) / RATE
        shape = rng.uniform(0.2, 0.6) * np.hanning(length)
        tone = sum(rng.uniform(0.1, 1.0) * np.sin(2 * np.pi * pitch * number) for number in range(1, 12))
        parts += [shape * tone / 3, np.zeros(int(rng.uniform(0.05, 0.15) * RATE))]
    sound = np.concatenate(parts)
    sound = sound * 0.6 / np.abs(sound).max() + rng.normal(0, 1e-4, len(sound))
    return np.asarray(sound, np.float32)


def found(samples: "np.ndarray") -> list[tuple[str, str]]:
    return [(fault.name, fault.severity) for fault in sound_faults(samples.astype(np.float32), RATE)]


def noisy(snr_db: float) -> "np.ndarray":
    sound = speech()
    loud = sound[np.abs(sound) > 0.02]
    level = np.sqrt(np.mean(loud**2)) * 10 ** (-snr_db / 20)
    return sound + np.random.default_rng(1).normal(0, level, len(sound))


def test_clean_speech_has_no_faults() -> None:
    assert found(speech()) == []
    assert found(0.1 * speech()) == []


@pytest.mark.parametrize(("snr_db", "severity"), [(0, "error"), (10, "warning"), (20, "info")])
def test_noise(snr_db: float, severity: str) -> None:
    assert found(noisy(snr_db)) == [("noise", severity)]


@pytest.mark.parametrize(("gain", "severity"), [(3, "warning"), (20, "error")])
def test_clipping(gain: float, severity: str) -> None:
    assert found(np.clip(gain * speech(), -1, 1)) == [("clipping", severity)]
    assert found(0.3 * np.clip(gain * speech(), -1, 1)) == [("clipping", severity)]  # made quieter afterwards


def test_low_volume() -> None:
    assert ("lowVolume", "warning") in found(0.01 * speech())


@pytest.mark.parametrize("length_s", [0.12, 0.2, 0.35])
def test_stutter(length_s: float) -> None:
    sound, width = speech(), int(length_s * RATE)
    start = int(np.argmax(np.convolve(sound**2, np.ones(width), "valid")))
    piece = sound[start : start + width]
    assert found(np.concatenate([sound[:start], *[piece] * 5, sound[start + width :]])) == [("stutter", "warning")]


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(1), np.zeros(5000)])
def test_silence(samples: Any) -> None:
    assert found(samples) == [("silence", "error")]


def test_shortest_sounds_are_measured() -> None:
    for length in (2, 3, 100, 500):
        found(np.linspace(-0.5, 0.5, length))
