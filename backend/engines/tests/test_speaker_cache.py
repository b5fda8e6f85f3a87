"""Speakers remembered."""

import os
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from engines.speech.speaker_cache import SpeakerCache
from engines.store.publishing import publish


@pytest.fixture
def anna(tmp_path: Path) -> Path:
    path = tmp_path / "anna.wav"
    path.write_bytes(b"one")
    return path


@pytest.fixture
def learn() -> MagicMock:
    return MagicMock(side_effect=lambda samples: [sample.read_bytes() for sample in samples])


def test_speaker_is_learned_once(anna: Path, learn: MagicMock) -> None:
    cache: SpeakerCache[list[bytes]] = SpeakerCache()
    assert cache.get([anna], learn) is cache.get([anna], learn)
    assert learn.call_count == 1


def test_sample_uploaded_again_is_learned_anew_even_at_the_same_time_and_size(anna: Path, learn: MagicMock) -> None:
    cache: SpeakerCache[list[bytes]] = SpeakerCache()
    cache.get([anna], learn)
    before = anna.stat()
    publish(anna, b"two")
    os.utime(anna, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert cache.get([anna], learn) == [b"two"]


def test_other_settings_and_other_sets_are_other_speakers(anna: Path, learn: MagicMock) -> None:
    cache: SpeakerCache[list[bytes]] = SpeakerCache()
    cache.get([anna], learn, settings=0.5)
    cache.get([anna], learn, settings=0.6)
    cache.get([anna, anna], learn, settings=0.6)
    assert learn.call_count == 3


def test_oldest_speaker_is_forgotten(anna: Path, learn: MagicMock) -> None:
    cache: SpeakerCache[list[bytes]] = SpeakerCache(capacity=2)
    for settings in (1, 2, 1, 3):
        cache.get([anna], learn, settings=settings)
    assert len(cache) == 2
    cache.get([anna], learn, settings=1)
    assert learn.call_count == 3
    cache.get([anna], learn, settings=2)
    assert learn.call_count == 4


def test_failure_is_not_remembered(anna: Path, learn: MagicMock) -> None:
    def fail(samples: Sequence[Path]) -> list[bytes]:
        raise RuntimeError

    cache: SpeakerCache[list[bytes]] = SpeakerCache()
    with pytest.raises(RuntimeError):
        cache.get([anna], fail)
    assert cache.get([anna], learn) == [b"one"]


def test_cleared_cache_is_empty(anna: Path, learn: MagicMock) -> None:
    cache: SpeakerCache[list[bytes]] = SpeakerCache()
    cache.get([anna], learn)
    cache.clear()
    assert len(cache) == 0
