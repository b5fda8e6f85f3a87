"""Speakers remembered."""

import os

import pytest

from engines.speech.speaker_cache import SpeakerCache
from engines.store.publishing import publish


@pytest.fixture
def anna(tmp_path):
    path = tmp_path / "anna.wav"
    path.write_bytes(b"one")
    return path


@pytest.fixture
def learn():
    def learn(samples):
        learn.calls += 1
        return [sample.read_bytes() for sample in samples]

    learn.calls = 0
    return learn


def test_speaker_is_learned_once(anna, learn):
    cache: SpeakerCache[list[bytes]] = SpeakerCache()
    assert cache.get([anna], learn) is cache.get([anna], learn)
    assert learn.calls == 1


def test_sample_uploaded_again_is_learned_anew_even_at_the_same_time_and_size(anna, learn):
    cache: SpeakerCache[list[bytes]] = SpeakerCache()
    cache.get([anna], learn)
    before = anna.stat()
    publish(anna, b"two")
    os.utime(anna, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert cache.get([anna], learn) == [b"two"]


def test_other_settings_and_other_sets_are_other_speakers(anna, learn):
    cache: SpeakerCache[list[bytes]] = SpeakerCache()
    cache.get([anna], learn, settings=0.5)
    cache.get([anna], learn, settings=0.6)
    cache.get([anna, anna], learn, settings=0.6)
    assert learn.calls == 3


def test_oldest_speaker_is_forgotten(anna, learn):
    cache: SpeakerCache[list[bytes]] = SpeakerCache(capacity=2)
    for settings in (1, 2, 1, 3):
        cache.get([anna], learn, settings=settings)
    assert len(cache) == 2
    cache.get([anna], learn, settings=1)
    assert learn.calls == 3
    cache.get([anna], learn, settings=2)
    assert learn.calls == 4


def test_failure_is_not_remembered(anna, learn):
    def fail(samples):
        raise RuntimeError

    cache: SpeakerCache[list[bytes]] = SpeakerCache()
    with pytest.raises(RuntimeError):
        cache.get([anna], fail)
    assert cache.get([anna], learn) == [b"one"]


def test_cleared_cache_is_empty(anna, learn):
    cache: SpeakerCache[list[bytes]] = SpeakerCache()
    cache.get([anna], learn)
    cache.clear()
    assert len(cache) == 0
