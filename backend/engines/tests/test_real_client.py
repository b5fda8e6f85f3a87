"""Both engines, used as the public application uses them: found, started, loaded, spoken with, swapped, stopped."""

import io
import os
import shutil
import signal
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.contract.wav import pcm16_wav
from engines.tests.audiobook_client import AudiobookClient, EngineClientError, installed, join
from engines.tests.scripted_engine import in_background

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for a virtual environment is a shell script")


ENGINES = ("debug-tts", "kokoro")


@pytest.fixture(params=ENGINES)
def found(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AudiobookClient]:
    """A client that has found a copy of the engine in a folder laid out like backend/engines."""
    client = client_of(request.param, tmp_path)
    yield client
    client.stop()


@pytest.fixture(scope="module", params=ENGINES)
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AudiobookClient]:
    """A client that has started the engine, for tests that leave it running."""
    client = client_of(request.param, tmp_path_factory.mktemp("started"))
    client.start("default")
    yield client
    client.stop()


def client_of(engine: str, folder: Path) -> AudiobookClient:
    if engine == "kokoro":
        pytest.importorskip("onnxruntime")
    clients = installed(folder, [engine])
    assert list(clients) == [engine]
    return clients[engine]


def seconds(wav: bytes) -> float:
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        return float(file.getnframes() / file.getframerate())


def test_client_finds_the_models_with_the_default_first(found: AudiobookClient) -> None:
    names = found.models()
    assert names[0] == "default"
    assert found.process
    assert found.process.returncode == 0


def test_client_speaks_swaps_and_stops(found: AudiobookClient) -> None:
    external = found.folder / "external_models"
    external.mkdir()
    shutil.copytree(found.folder / "models" / "default", external / "mine")
    found.start("default")
    assert found.loads == [200]
    first = found.speak("The old house stood on the hill.", "default", "en")
    swapped = found.speak("Nobody knew why.", "mine", "en")
    health = found.health()
    assert health
    assert (health["currentEngineModel"], health["status"]) == ("mine", "ready")
    assert seconds(join([first, swapped])) > 1
    assert found.restarts == 0
    found.stop()
    assert found.process
    assert found.process.returncode == 0


def test_client_is_told_at_once_about_a_model_that_is_not_there(started: AudiobookClient) -> None:
    with pytest.raises(EngineClientError, match="Model not found: 'nobody'"):
        started.speak("Hello.", "nobody", "en")
    assert started.restarts == 0
    assert seconds(started.speak("Hello.", "default", "en")) > 0.2


def test_client_uploads_a_speaker_and_speaks_with_it(started: AudiobookClient) -> None:
    sample = {"0f8fad5b-d9cb-469f-a165-70867728950e": pcm16_wav(b"\0\1" * 16_000, 16_000)}
    started.upload_missing(sample)
    started.upload_missing(sample)
    assert seconds(started.speak("Hello.", "default", "en", sample=f"{next(iter(sample))}.wav")) > 0.2


def test_client_restarts_an_engine_that_was_killed(found: AudiobookClient) -> None:
    found.start("default")
    assert found.process
    found.process.send_signal(signal.SIGKILL)
    found.process.wait()
    assert seconds(found.speak("Hello again.", "default", "en")) > 0.2


def test_client_validates_it_as_a_custom_image(started: AudiobookClient) -> None:
    assert started.discover_as_image().name == started.folder.name


def test_client_text_longer_than_the_limit_is_joined_from_chunks(started: AudiobookClient) -> None:
    limit = started.config.constraints["max_text_length"]
    assert limit >= 5000
    text = "One two three four five six seven. " * (limit // 35 + 3)
    alone = seconds(started.speak("One two three four five six seven. ", "default", "en"))
    assert seconds(started.speak(text, "default", "en")) > 0.5 * alone * len(text) / 35


def test_client_waits_while_another_generation_runs(started: AudiobookClient) -> None:
    long = "One two three. " * 100
    with in_background(started.speak, long, "default", "en") as first:
        assert seconds(started.speak("Short.", "default", "en")) > 0.1
    assert seconds(first[0]) > 10
