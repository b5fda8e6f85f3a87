"""The image of the speech server: built, and run by a user it does not know, with only its volume to write to."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from core_engine.model_paths import BUILT_IN, model_path
from engines.conformance.trial import free_port
from engines.tests import image_builder
from engines.tests.test_images import container

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = ROOT / "Dockerfile"
STOP_S = 15


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    tag = f"storyflow-test-speech-{os.getpid()}"
    image_builder.build(DOCKERFILE, ROOT, tag)
    yield tag
    image_builder.remove(tag)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    made = tmp_path / "volume"
    made.mkdir()
    made.chmod(0o1777)
    return made


@contextlib.contextmanager
def command(image: str, volume: Path, words: Sequence[str], **variables: str) -> Iterator["subprocess.Popen[str]"]:
    """Run `storyflow` with `words` in a new container."""
    environment = [f"{name}={value}" for name, value in {**image_builder.environment_of(image), **variables}.items()]
    with (
        image_builder.container(image) as name,
        image_builder.read_only(name, {"/data": volume}) as begin,
        subprocess.Popen(
            [*begin, "env", "-i", *environment, "sh", "-c", 'cd /data && exec "$@"', "sh", "storyflow", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@contextlib.contextmanager
def serving(image: str, volume: Path, **variables: str) -> Iterator[httpx.Client]:
    port = free_port()
    words = ["serve", "--host", "0.0.0.0", "--port", str(port)]
    with command(image, volume, words, **variables) as process, httpx.Client(timeout=120) as client:
        client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
        _wait(client, process)
        yield client
        process.send_signal(signal.SIGTERM)
        log, _ = process.communicate(timeout=STOP_S)
        assert process.returncode == 0, log
        assert "Traceback" not in log
        (volume.parent / "log").write_text(log)


def _wait(client: httpx.Client, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + 60
    while process.poll() is None:
        assert time.monotonic() < end
        with contextlib.suppress(httpx.TransportError):
            if client.get("/health").status_code == 200:
                return
        time.sleep(0.1)
    pytest.fail(process.communicate()[0])


def speaks(client: httpx.Client) -> bool:
    body = {"model": "tts-1", "voice": "nova", "input": "It speaks.", "response_format": "aac"}
    answer = client.post("/v1/audio/speech", json=body)
    return answer.status_code == 200 and len(answer.content) > 5_000


@container
def test_image_speaks_with_the_built_in_voice_and_says_how_to_get_a_better_one(image: str, volume: Path) -> None:
    with serving(image, volume, STORYFLOW_LOCAL="1") as client:
        assert speaks(client)
        assert client.get("/v1/models", headers={"Host": "storyflow.example"}).status_code == 400
        missing = client.post("/v1/audio/transcriptions", files={"file": b"RIFF"}, data={"model": "whisper-1"})
        assert missing.status_code == 404
    assert "storyflow models pull kokoro-v1.0-int8" in (volume.parent / "log").read_text()


@container
def test_image_speaks_with_the_model_in_its_volume(image: str, volume: Path) -> None:
    shutil.copytree(model_path(BUILT_IN, volume).parent, volume / "models" / "mine")
    with serving(image, volume, STORYFLOW_API_KEY="key") as client:
        assert client.get("/v1/models").status_code == 401
        client.headers["Authorization"] = "Bearer key"
        assert "mine" in [model["id"] for model in client.get("/v1/models").json()["data"]]
        assert speaks(client)
        assert client.get("/health").json()["currentEngineModel"] == "mine"
    assert "No model is installed" not in (volume.parent / "log").read_text()


@container
def test_image_is_not_open_by_mistake(image: str, volume: Path) -> None:
    with command(image, volume, ["serve", "--host", "0.0.0.0"]) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "STORYFLOW_API_KEY" in said
    assert "STORYFLOW_LOCAL=1" in said


@container
def test_image_that_cannot_fetch_the_wanted_model_says_so_and_speaks(image: str, volume: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    wanted = {"STORYFLOW_PULL": "kokoro-v1.0-int8", "STORYFLOW_MODELS_URL": nowhere, "STORYFLOW_LOCAL": "1"}
    with serving(image, volume, **wanted) as client:
        assert speaks(client)
    assert "The server starts with what is installed." in (volume.parent / "log").read_text()


@container
def test_narration_lies_in_the_volume(image: str, volume: Path) -> None:
    (volume / "story.txt").write_text("It was night.")
    with command(image, volume, ["narrate", "story.txt", "--model", "default"]) as process:
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert list((volume / "media").rglob("*.wav"))


# What needs no container


def test_compose_publishes_it_to_this_machine_only() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    service: dict[str, Any] = compose["services"]["storyflow"]
    assert service["ports"] == ["127.0.0.1:8880:8880"]
    assert service["environment"]["STORYFLOW_LOCAL"] == 1
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["volumes"] == ["storyflow-data:/data"]
    assert "storyflow-data" in compose["volumes"]


def test_dockerfile_copies_only_what_is_there() -> None:
    lines = [line.split()[1:-1] for line in DOCKERFILE.read_text().splitlines() if line.startswith("COPY ")]
    assert all((ROOT / source).exists() for sources in lines for source in sources)
