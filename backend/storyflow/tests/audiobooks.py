"""What the tests of audiobooks share: projects made of noise that is loud and soft like speech, and players' views."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from core_engine.audio_utils import normalize_audio, save_audio_wav
from storyflow.audiobook.project import Project
from storyflow.narration.record import RECORD_NAME, Entry, Record, write_record

RATE = 24_000
Samples = npt.NDArray[np.float32]


def sound(seconds: float, seed: int, before_ms: int = 50, after_ms: int = 200) -> Samples:
    """Return noise in syllables, with the silence at its ends that a narrated WAV has, and its peak at -1 dB."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE) - (before_ms + after_ms) * RATE // 1000
    noise = np.convolve(rng.normal(size=count + 11), np.hanning(12) / 6, "valid")
    syllables = 0.15 + np.abs(np.sin(np.arange(count) / RATE * np.pi * 4 + 0.5))
    silences = np.zeros(before_ms * RATE // 1000), np.zeros(after_ms * RATE // 1000)
    return normalize_audio(np.concatenate([silences[0], noise * syllables, silences[1]]).astype(np.float32))


def entry(number: int, text: str = "Text.", kind: str = "paragraph", **values: Any) -> Entry:
    """Return an entry whose WAV is named after its number."""
    known: dict[str, Any] = {"duration": 2.0, "voice": "v", "made_from": "x", "size": 1, **values}
    return Entry(id=f"s{number}", text=text, path=f"audio/s{number}.wav", kind=kind, **known)


def heading(number: int, text: str, level: int = 1) -> Entry:
    return entry(number, text, "heading", level=level)


def project_of(folder: Path, entries: Sequence[Entry], seconds: float = 2.0, **values: Any) -> Project:
    """Write a project with audio for every entry that is not a break."""
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    source = values.pop("source", str(folder / "story.md"))
    record = Record("The Title", source, tuple(entries), "An Author", "en-GB", **values)
    for number, each in enumerate(record.segments):
        if each.kind != "break":
            save_audio_wav(sound(seconds, number), folder / each.path, RATE)
    write_record(folder / RECORD_NAME, record)
    return Project(folder, record)


def ffprobe(path: Path) -> dict[str, Any]:
    """Return what ffprobe says about a file; skip the test where it is not installed."""
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed")
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", "-show_chapters", str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def tags_in(found: dict[str, Any]) -> dict[str, str]:
    """Return the tags of a file in lower case; Ogg files have them on their stream."""
    streams = [stream.get("tags", {}) for stream in found["streams"] if stream["codec_type"] == "audio"]
    return {key.lower(): value for tags in (*streams, found["format"].get("tags", {})) for key, value in tags.items()}


def decoded(path: Path, rate: int = RATE) -> Samples:
    """Return the samples of a file as the ffmpeg program decodes it."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(path),
        "-map",
        "0:a",
        "-f",
        "f32le",
        "-ar",
        str(rate),
        "-ac",
        "1",
        "-",
    ]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)


def read_wav(path: Path) -> Samples:
    samples: Samples = soundfile.read(path, dtype="float32")[0]
    return samples


def similarity(one: Samples, other: Samples) -> float:
    """Return the correlation of two recordings of the same length: 1 if they differ by their level only."""
    return float(np.dot(one, other) / np.sqrt(np.dot(one, one) * np.dot(other, other)))
