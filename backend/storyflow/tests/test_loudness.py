"""Loudness, true peaks and limits, beside what ffmpeg measures."""

import math
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from storyflow.audiobook.acx import levels_of
from storyflow.audiobook.loudness import LoudnessMeter
from storyflow.audiobook.peaks import Limiter, true_peak
from storyflow.tests.audiobooks import sound

RATE = 24_000
TIME = np.arange(10 * RATE) / RATE
SIGNALS: dict[str, Any] = {
    "sine": 0.5 * np.sin(2 * np.pi * 997 * TIME),
    "low": 0.5 * np.sin(2 * np.pi * 50 * TIME),
    "high": 0.9 * np.sin(2 * np.pi * 9000 * TIME + 0.3),
    "syllables": sound(10, 1),
    "soft, then loud": np.concatenate([sound(5, 2) * 0.01, sound(5, 3)]),
    "soft, then silent": np.concatenate([sound(3, 4) * 0.05, np.zeros(7 * RATE)]),
}
"""The gates count in the last two: what is far softer than the rest, and silence, are no part of the loudness."""


def measured(samples: Any, block: int = 7001) -> float | None:
    meter = LoudnessMeter(RATE)
    for start in range(0, len(samples), block):
        meter.add(samples[start : start + block])
    return meter.loudness()


def ffmpeg_says(path: Path) -> tuple[float, float]:
    """Return the integrated loudness and the true peak that ffmpeg's meter measures."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    command = ["ffmpeg", "-nostats", "-i", str(path), "-map", "0:a", "-af", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return tuple(float(re.findall(rf"{what}:\s+(-?[\d.]+) ", said)[-1]) for what in ("I", "Peak"))  # type: ignore[return-value]


@pytest.mark.parametrize("name", SIGNALS)
def test_loudness_and_peak_are_what_ffmpeg_measures(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / "a.wav", SIGNALS[name], RATE, subtype="FLOAT")
    loudness, peak = ffmpeg_says(tmp_path / "a.wav")
    assert measured(SIGNALS[name]) == pytest.approx(loudness, abs=0.1)
    assert 20 * math.log10(true_peak(SIGNALS[name]).max()) == pytest.approx(peak, abs=0.6)


def test_loudness_of_the_reference_tone() -> None:
    # BS.1770: a sine of 997 Hz at full scale in one channel is -3.01 LUFS.
    assert measured(np.sin(2 * np.pi * 997 * TIME)) == pytest.approx(-3.01, abs=0.05)


def test_loudness_does_not_depend_on_the_blocks() -> None:
    values = [measured(SIGNALS["syllables"], block) for block in (1, 999, RATE, 10 * RATE)[1:]]
    assert values == pytest.approx([values[0]] * 3, abs=1e-9)


@pytest.mark.parametrize(
    "samples", [np.zeros(RATE), np.ones(RATE // 10), np.zeros(0)], ids=["silent", "short", "empty"]
)
def test_silence_has_no_loudness(samples: Any) -> None:
    assert measured(samples) is None


def test_true_peak_sees_what_is_between_the_samples() -> None:
    between = 0.9 * np.sin(np.pi / 2 * np.arange(RATE) + np.pi / 4)  # each sample is at 0.9 * sqrt(1/2)
    assert np.abs(between).max() == pytest.approx(0.636, abs=0.001)
    assert true_peak(between)[100:-100].max() == pytest.approx(0.9, abs=0.01)


def limited(samples: Any, ceiling: float, block: int) -> Any:
    limiter = Limiter(RATE, ceiling)

    def parts() -> Iterator[Any]:
        for start in range(0, len(samples), block):
            yield limiter.add(samples[start : start + block])
        yield limiter.rest()

    return np.concatenate(list(parts()))


@pytest.mark.parametrize("name", SIGNALS)
def test_limiter_keeps_every_true_peak_below_the_ceiling(name: str) -> None:
    out = limited(SIGNALS[name], 0.4, RATE)
    assert len(out) == len(SIGNALS[name])
    assert true_peak(out).max() <= 0.4 * 10 ** (0.1 / 20)


def test_limiter_leaves_alone_what_is_below_the_ceiling_and_far_from_what_is_not() -> None:
    soft = sound(10, 5) * 0.3
    assert np.array_equal(limited(soft, 0.4, RATE), soft.astype(np.float32))
    click = soft.copy()
    click[5 * RATE] = 1.0
    near = RATE // 20
    out = limited(click, 0.4, RATE)
    assert np.array_equal(out[: 5 * RATE - near], click[: 5 * RATE - near])
    assert np.array_equal(out[5 * RATE + near :], click[5 * RATE + near :])
    assert abs(out[5 * RATE]) <= 0.4


def test_limiter_does_not_depend_on_the_blocks() -> None:
    samples = SIGNALS["syllables"]
    whole = limited(samples, 0.3, len(samples))
    for block in (100, 7001, RATE):
        assert np.allclose(limited(samples, 0.3, block), whole, atol=1e-6)


def test_levels_of_a_file_and_their_limits(tmp_path: Path) -> None:
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE)
    tone[-RATE:] *= 0.001
    soundfile.write(tmp_path / "a.wav", tone, RATE, subtype="FLOAT")
    rms, peak, floor = levels_of(tmp_path / "a.wav")
    assert rms.db == pytest.approx(20 * math.log10(0.1 / math.sqrt(2) * math.sqrt(3 / 4)), abs=0.01)
    assert peak.db == pytest.approx(-20, abs=0.01)
    assert floor.db == pytest.approx(-83, abs=0.1)
    assert [level.passes for level in (rms, peak, floor)] == [False, True, True]
    soundfile.write(tmp_path / "a.wav", np.sign(tone) * 0.9, RATE)
    assert [level.passes for level in levels_of(tmp_path / "a.wav")] == [False, False, False]
