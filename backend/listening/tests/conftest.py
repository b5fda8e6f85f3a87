"""Fixtures for the listening tests: the real voice, the listener, and recordings, each made once.

Tests are skipped if voice or listener are missing, and fail instead if STORYFLOW_LISTENING_REQUIRED is set.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.model_loader import KokoroModelLoader
from core_engine.tts_wrapper import generate_audio
from listening.equipment import VOICE, Equipment, EquipmentMissingError, installed, is_required
from listening.listener import Listener, Recording

BACKEND = Path(__file__).resolve().parents[2]

LONGEST = ("test_chapter.py", "test_voices.py", "test_speeds.py", "test_whisper_engine.py")
"""The files that take longest. Workers share the tests by files: what the tests of a file hear is spoken once."""

Hear = Callable[..., str]
ReadAloud = Callable[..., Recording]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that at the end no worker waits for another."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    return LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST)


@pytest.fixture(scope="package", autouse=True)
def cores_of_this_worker() -> Iterator[None]:
    """Keep a worker to its share of the cores: a voice on one core does a third more than its half of two."""
    worker = re.fullmatch(r"gw(\d+)", os.environ.get("PYTEST_XDIST_WORKER", ""))
    if not worker or not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = sorted(os.sched_getaffinity(0))
    share = cores[int(worker[1]) % len(cores) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]
    os.sched_setaffinity(0, share)
    yield
    os.sched_setaffinity(0, cores)


@pytest.fixture(scope="session")
def equipment() -> Equipment:
    """Voice and listener."""
    try:
        return installed()
    except EquipmentMissingError as error:
        if is_required():
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def listener(equipment: Equipment) -> Listener:
    """The listener, opened once."""
    return Listener(equipment.listener)


@pytest.fixture(scope="session")
def kokoro(equipment: Equipment) -> Kokoro:
    """The real voice without Django, for faults that no interface allows: other tokens, another accent, lost chunks."""
    return Kokoro.load(equipment.model)


@pytest.fixture(scope="session")
def read_aloud(equipment: Equipment, tmp_path_factory: pytest.TempPathFactory) -> ReadAloud:
    """Return read_aloud(text, voice, speed=1.0): the recording by `generate_audio`, cached."""
    made: dict[tuple[str, str, float], Recording] = {}
    folder = tmp_path_factory.mktemp("read-aloud")
    session: dict[str, Any] = {"_session": None, "_model_path": None}

    def read(text: str, voice: str, speed: float = 1.0) -> Recording:
        if (text, voice, speed) not in made:
            path = folder / f"{len(made)}.wav"
            answer = _with_real_voice(equipment, session, lambda: generate_audio(text, voice, speed, str(path)))
            assert answer["success"], answer
            assert answer["voice_id"] == voice
            made[text, voice, speed] = Recording.read(path)
        return made[text, voice, speed]

    return read


def _with_real_voice(equipment: Equipment, session: dict[str, Any], work: Callable[[], Any]) -> Any:
    """Run `work` with the real voice as the configured model, then restore the loader."""
    before = {name: getattr(KokoroModelLoader, name) for name in session}
    with override_settings(STORYFLOW_TTS_MODEL=VOICE, STORYFLOW_MODELS_DIR=equipment.folder):
        _give(session)
        try:
            return work()
        finally:
            session.update({name: getattr(KokoroModelLoader, name) for name in session})
            _give(before)


def _give(values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(KokoroModelLoader, name, value)


@pytest.fixture(scope="session")
def storyflow(equipment: Equipment, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Return storyflow(*arguments), which runs the command with the real voice and returns its output."""
    media = tmp_path_factory.mktemp("media")

    def run(*arguments: str | Path) -> str:
        environment = {
            **os.environ,
            "PYTHONPATH": str(BACKEND),
            "STORYFLOW_MODELS_DIR": str(equipment.folder),
            "MEDIA_ROOT": str(media),
        }
        command = [sys.executable, "-m", "storyflow", *map(str, arguments), "--model", VOICE]
        done = subprocess.run(command, env=environment, cwd=media, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
