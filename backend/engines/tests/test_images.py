"""The images, built and run: the scenarios of the model management standard."""

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

import engines
from engines.conformance.client_schema import as_client_reads
from engines.contract.wav import pcm16_wav
from engines.tests import image_builder
from engines.tests.file_server import file_server

ENGINES = Path(engines.__file__).parent
PROJECT = ENGINES.parent.parent
BOTH = pytest.mark.parametrize("engine", ["debug-tts", "kokoro"])
START_S = 60.0
Test = TypeVar("Test", bound=Callable[..., object])


MISSING = image_builder.missing_tool()


def container(test: Test) -> Test:
    """Mark a test that builds and runs images; it is skipped where that cannot be done."""
    can_build = pytest.mark.skipif(MISSING is not None, reason=f"building images needs {MISSING}")
    for mark in (pytest.mark.container, pytest.mark.timeout(900), can_build):
        test = mark(test)
    return test


@dataclass(frozen=True)
class Container:
    """A running engine."""

    url: str
    log: Path
    process: "subprocess.Popen[bytes]"

    def ask(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as response:
            answer = response.read()
            return json.loads(answer) if response.headers.get_content_type() == "application/json" else answer

    def models(self) -> list[str]:
        return [model["name"] for model in self.ask("/models")["models"]]

    def load(self, name: str) -> None:
        assert self.ask("/load", {"engineModelName": name})["status"] == "loaded", self.log.read_text()
        assert self.ask("/health")["currentEngineModel"] == name

    def speak(self) -> None:
        body = {"text": "Hello.", "language": "en", "ttsSpeakerWav": "", "parameters": {}}
        assert self.ask("/generate", body)[:4] == b"RIFF"


def folder_of(engine: str) -> Path:
    return next(ENGINES.glob(f"*/{engine}"))


def default_command(engine: str) -> list[str]:
    """Return the entrypoint and the command that the Dockerfile sets."""
    text = (folder_of(engine) / "Dockerfile").read_text(encoding="utf-8")
    return [part for key in ("ENTRYPOINT", "CMD") for part in json.loads(re.findall(rf"(?m)^{key} (\[.*\])$", text)[0])]


@pytest.fixture(scope="module")
def images() -> Iterator[Mapping[str, str]]:
    """The tag of the image of each engine, built when first asked for and removed at the end."""
    tags = _Tags()
    yield tags
    for tag in tags.values():
        image_builder.remove(tag)


class _Tags(dict[str, str]):
    def __missing__(self, engine: str) -> str:
        tag = f"storyflow-test-{engine}-{os.getpid()}"
        dockerfile = folder_of(engine) / "Dockerfile"
        needed = "--from=core_engine" in dockerfile.read_text(encoding="utf-8")
        contexts = {"core_engine": ENGINES.parent / "core_engine"} if needed else {}
        image_builder.build(dockerfile, ENGINES, tag, contexts)
        self[engine] = tag
        return tag


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def run(images: Mapping[str, str], tmp_path: Path) -> Callable[..., AbstractContextManager[Container]]:
    """Run an engine with mounts (place in the container: place here), variables and a wrapper of its command."""

    @contextlib.contextmanager
    def run(
        engine: str, mounts: Mapping[str, object] = {}, variables: Mapping[str, str] = {}, wrapper: tuple[str, ...] = ()
    ) -> Iterator[Container]:
        port, log = free_port(), tmp_path / f"{len(list(tmp_path.iterdir()))}.log"
        environment = [f"{name}={value}" for name, value in {"PORT": str(port), **variables}.items()]
        words = ["env", *environment, *wrapper, *default_command(engine)]
        with (
            log.open("wb") as output,
            image_builder.container(images[engine]) as name,
            subprocess.Popen(
                image_builder.command_in(name, words, mounts),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            running = Container(f"http://127.0.0.1:{port}", log, process)
            try:
                wait_until_ready(running)
                yield running
                if process.poll() is None:
                    assert running.ask("/shutdown", {})["status"] == "shutting_down"
                assert process.wait(15) == 0, log.read_text()
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)

    return run


def wait_until_ready(running: Container) -> None:
    end = time.monotonic() + START_S
    while not answers(running):
        assert running.process.poll() is None, running.log.read_text()
        assert time.monotonic() < end, running.log.read_text()
        time.sleep(0.1)


def answers(running: Container) -> bool:
    try:
        return bool(running.ask("/health")["status"] == "ready")
    except urllib.error.URLError:
        return False


def default_model(engine: str) -> Path:
    return ENGINES / "tts" / engine / "models/default"


# The scenarios


@container
@BOTH
def test_image_with_its_baked_in_model_alone(
    run: Callable[..., AbstractContextManager[Container]], engine: str
) -> None:
    with run(engine) as running:
        assert running.ask("/info")["name"] == engine
        assert running.models()[0] == "default"
        running.load("default")
        running.speak()


@container
@BOTH
def test_image_with_baked_in_and_mounted_models(
    run: Callable[..., AbstractContextManager[Container]], engine: str, tmp_path: Path
) -> None:
    mounted = tmp_path / "mounted"
    shutil.copytree(default_model(engine), mounted / "custom")
    shutil.copytree(default_model(engine), mounted / ".custom2.part")
    (mounted / "default").mkdir()
    (mounted / "default/garbage.bin").write_bytes(b"garbage")
    (mounted / "empty").mkdir()
    with run(engine, {"/app/external_models:ro": mounted}) as running:
        models = running.models()
        assert models[0] == "default"
        assert {name.partition(".")[0] for name in models} == {"default", "custom"}
        for name in ("custom", "default"):
            running.load(name)
            running.speak()
    log = running.log.read_text()
    assert "[entrypoint] Linked: custom\n" in log
    assert "[entrypoint] Skipped: default (baked in)\n" in log
    assert "[entrypoint] Skipped: empty" in log


@container
@BOTH
def test_image_with_mounted_models_only(
    run: Callable[..., AbstractContextManager[Container]], engine: str, tmp_path: Path
) -> None:
    (tmp_path / "no_models").mkdir()
    shutil.copytree(default_model(engine), tmp_path / "mounted/custom")
    with run(engine, {"/app/models": tmp_path / "no_models", "/app/external_models": tmp_path / "mounted"}) as running:
        assert {name.partition(".")[0] for name in running.models()} == {"custom"}
        running.load("custom")
        running.speak()


@container
def test_image_of_the_segmenter_needs_nothing(run: Callable[..., AbstractContextManager[Container]]) -> None:
    with run("segmenter") as running:
        assert as_client_reads(running.ask("/info")).engine_type == "text"
        assert running.models()[0] == "en"
        running.load("de")
        answer = running.ask("/segment", {"text": "Am 3. Mai kam er. Sie ging.", "language": "de", "max_length": 20})
        assert [segment["text"] for segment in answer["segments"]] == ["Am 3. Mai kam er.", "Sie ging."]


@container
def test_image_of_silero_vad_has_its_model(run: Callable[..., AbstractContextManager[Container]]) -> None:
    with run("silero-vad") as running:
        assert as_client_reads(running.ask("/info")).engine_type == "audio"
        assert running.models() == ["default"]
        running.load("default")
        silence = base64.b64encode(pcm16_wav(bytes(32_000), 16_000)).decode()
        assert running.ask("/analyze", {"audioBase64": silence})["qualityStatus"] == "defect"


@container
def test_image_with_the_bare_files_of_kokoro_mounted(
    run: Callable[..., AbstractContextManager[Container]], tmp_path: Path
) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    shutil.copy(next(default_model("kokoro").glob("*.onnx")), mounted / "kokoro-v0_19.onnx")
    shutil.copy(default_model("kokoro") / "voices.npz", mounted / "voices.bin")
    (mounted / "README.md").write_text("Put the model here.")
    with run("kokoro", {"/app/external_models:ro": mounted}) as running:
        assert {name.partition(".")[0] for name in running.models()} == {"default", "kokoro-v0_19"}
        running.load("kokoro-v0_19")
        running.speak()


@container
def test_image_downloads_on_demand_and_has_the_model_after_a_restart(
    run: Callable[..., AbstractContextManager[Container]], tmp_path: Path
) -> None:
    tones = (default_model("debug-tts") / "tones.json").read_bytes()
    description = yaml.safe_load((ENGINES / "tts/debug-tts/engine.yaml").read_text(encoding="utf-8"))
    file = {
        "path": "tones.json",
        "url": "https://example.org/tones.json",
        "size": len(tones),
        "sha256": hashlib.sha256(tones).hexdigest(),
    }
    description["models"].append({"name": "fetched", "display_name": "Fetched", "download": [file]})
    (tmp_path / "engine.yaml").write_text(yaml.safe_dump(description))
    (tmp_path / "volume").mkdir()
    mounts = {"/app/engine.yaml": tmp_path / "engine.yaml", "/app/external_models": tmp_path / "volume"}
    with file_server({"/fetched/tones.json": tones}) as server:
        with run("debug-tts", mounts, {"STORYFLOW_MODELS_URL": server.url}) as running:
            assert "fetched" in running.models()
            running.load("fetched")
            running.speak()
        assert len(server.asked) == 1
    assert {path.name for path in (tmp_path / "volume").iterdir()} == {"fetched"}
    with run("debug-tts", mounts) as running:
        running.load("fetched")
        running.speak()
    assert "[entrypoint] Linked: fetched\n" in running.log.read_text()
    with run("debug-tts", {"/app/engine.yaml": tmp_path / "engine.yaml"}) as running:
        assert running.models() == ["default"], "without the volume it is gone, and so is the mirror"


@container
@BOTH
def test_image_runs_as_another_user(
    run: Callable[..., AbstractContextManager[Container]], engine: str, tmp_path: Path
) -> None:
    """The daemon makes a missing folder of the host as root, so that the user cannot write there."""
    os.chmod(tmp_path, 0o755)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    shutil.copytree(default_model(engine), tmp_path / "mounted/custom")
    (tmp_path / "samples").mkdir(mode=0o755)
    mounts = {"/app/external_models": tmp_path / "mounted", "/app/samples": tmp_path / "samples"}
    user = ("setpriv", "--reuid=1234", "--regid=1234", "--clear-groups")
    with run(engine, mounts, wrapper=user) as running:
        running.load("custom")
        running.speak()
        running.load("default")
        running.speak()


@container
def test_image_ends_well_when_it_is_told_to_stop(run: Callable[..., AbstractContextManager[Container]]) -> None:
    """`docker stop` sends SIGTERM to the first process of a container, which must be the server itself."""
    with run("debug-tts") as running:
        port = running.url.rpartition(":")[2]
        processes = {pid: words for pid, words in command_lines() if port in words}
        servers = [pid for pid, words in processes.items() if words[1:2] == ["server.py"]]
        assert len(servers) == 1, processes
        assert not any("docker-entrypoint.sh" in words[1:2] or words[0] == "sh" for words in processes.values())
        os.kill(servers[0], signal.SIGTERM)
        assert running.process.wait(10) == 0


def command_lines() -> Iterator[tuple[int, list[str]]]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield (
                int(process.name),
                (process / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0"),
            )


@container
@BOTH
def test_image_holds_only_what_it_needs(images: Mapping[str, str], engine: str) -> None:
    with image_builder.container(images[engine]) as name:
        command = image_builder.command_in(name, ["find", "/app", "-printf", "%P\n"])
        listed = subprocess.run(command, capture_output=True, text=True, check=True)
    names = set(listed.stdout.split())
    assert {"server.py", "engine.yaml", "engines/models.py", "models/default", "samples"} <= names
    assert not {name for name in names if re.search(r"tests|conformance|venv|\.git|__pycache__|/tts_wrapper", name)}
    assert ("core_engine/kokoro/speech/synthesis.py" in names) == (engine == "kokoro")


# What needs no container


def test_compose_starts_every_engine_that_has_an_image() -> None:
    compose = yaml.safe_load((PROJECT / "compose.yaml").read_text(encoding="utf-8"))
    dockerfiles = {path.parent.name for path in ENGINES.glob("*/*/Dockerfile")}
    assert set(compose["services"]) == {*dockerfiles, "storyflow"}
    for name in dockerfiles:
        service = compose["services"][name]
        build, port = service["build"], service["environment"]["PORT"]
        context = PROJECT / build["context"]
        assert (context / ".dockerignore").is_file()
        assert (context / build["dockerfile"]).parent.name == name == service["image"], "the client names it so"
        assert all((PROJECT / folder).is_dir() for folder in build.get("additional_contexts", {}).values())
        assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
        assert any(volume.split(":")[1] == "/app/external_models" for volume in service["volumes"])


@pytest.mark.parametrize(
    "engine", sorted(str(path.parent.relative_to(ENGINES)) for path in ENGINES.glob("*/*/Dockerfile"))
)
def test_dockerfile_copies_only_what_is_there(engine: Any) -> None:
    text = (ENGINES / engine / "Dockerfile").read_text(encoding="utf-8")
    for source in re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", text):
        for pattern in source.split():
            assert list(ENGINES.glob(pattern)), pattern
    for source in re.findall(r"(?m)^COPY --from=core_engine (.+) \S+$", text):
        for pattern in source.split():
            assert list((ENGINES.parent / "core_engine").glob(pattern)), pattern


def test_images_with_pytorch_have_no_triton() -> None:
    """It needs a compiler, which no image has: a gigabyte that would only fail."""
    with_pytorch = [path.parent for path in ENGINES.glob("*/*/requirements.txt") if "torch>=" in path.read_text()]
    with_pytorch += [ENGINES / "tts" / "chatterbox"]  # whose library pins it
    assert len(with_pytorch) == 4
    for engine in with_pytorch:
        assert "pip uninstall --yes triton" in (engine / "Dockerfile").read_text(), engine
