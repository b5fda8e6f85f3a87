"""The client of the engine contract, as far as it decides anything: discovery, start, load, generate, swap, stop.

Waiting times are those of the client divided by `hurry`; everything else is what the contract says it does.
"""

import base64
import contextlib
import io
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

import engines
from engines.conformance.client_schema import ClientSchema, as_client_reads
from engines.conformance.trial import free_port

STATUSES = ("defect", "warning", "perfect")  # the worst first
_NOT_COPIED = ("venv", "external_models", "samples", "__pycache__", "tests", "templates")


class EngineClientError(Exception):
    """400 or 404: the segment fails at once, the engine is kept."""


class EngineServerError(Exception):
    """Anything but 200, 400, 404 and 503: the engine is restarted."""


@dataclass
class AudiobookClient:
    """Uses one engine as the application does."""

    folder: Path
    port: int
    hurry: float = 10.0
    process: "subprocess.Popen[bytes] | None" = None
    restarts: int = 0
    loads: list[int] = field(default_factory=list)  # the status of every /load

    @classmethod
    def discover(cls, engines: Path, port: int) -> "list[AudiobookClient]":
        """Scan `engines` for what can be started as a process."""
        found = []
        for kind in ("tts", "stt", "text_processing", "audio_analysis"):
            for folder in sorted((engines / kind).glob("*")):
                if folder.name.startswith(("_", ".")) or not (folder / "server.py").is_file():
                    continue
                config = ClientSchema(**yaml.safe_load((folder / "engine.yaml").read_text()))
                assert config.name == folder.name
                if config.installation and (folder / config.installation.venv_path).exists():
                    found.append(cls(folder, port))
        return found

    @property
    def config(self) -> ClientSchema:
        return ClientSchema(**yaml.safe_load((self.folder / "engine.yaml").read_text()))

    def models(self) -> list[str]:
        """Start the engine without a model, read the names of its models, stop it."""
        self.spawn()
        try:
            for _ in self.rounds():
                if self.health():
                    return [model["name"] for model in self.request("GET", "/models").json()["models"]]
        finally:
            self.stop()
        raise AssertionError("the engine failed to start within 30 s")

    def discover_as_image(self) -> ClientSchema:
        """Validate a running engine as a custom image is validated: "ready" without a load, then /info."""
        health = self.health()
        assert health
        assert health["status"] == "ready"
        return as_client_reads(self.request("GET", "/info").json())

    def spawn(self) -> None:
        assert self.config.installation
        python = self.folder / self.config.installation.venv_path / "bin" / "python"
        command = [str(python), str(self.folder / "server.py"), "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=self.folder, stderr=subprocess.DEVNULL)

    def rounds(self) -> Iterator[None]:
        """Wait thirty times for a second, or as long in shorter steps."""
        for _ in range(round(30 * self.hurry)):
            time.sleep(1 / self.hurry)
            yield

    def start(self, model: str) -> None:
        """Thirty rounds of: wait, look at /health, load; whatever fails is swallowed."""
        self.spawn()
        for _ in self.rounds():
            health = self.health()
            if health and health["status"] in ("ready", "loading"):
                answer = self.request("POST", "/load", json={"engineModelName": model})
                self.loads.append(answer.status_code)
                if answer.status_code == 200 and answer.json()["status"] == "loaded":
                    return
        self.stop()
        raise RuntimeError("failed to start within 30s")

    def ensure_ready(self, model: str) -> None:
        """Make the running engine have `model`, or start it with it."""
        health = self.health()
        for _ in range(300):
            if not health or health["status"] != "loading":
                break
            time.sleep(1 / self.hurry)
            health = self.health()
        if not health:
            self.start(model)
        elif health["currentEngineModel"] == model:
            return
        elif health["currentEngineModel"] is None or self.config.capabilities.get("supports_model_hotswap"):
            self.checked(self.request("POST", "/load", json={"engineModelName": model}))
        else:
            self.stop()
            self.start(model)

    def speak(self, text: str, model: str, language: str, sample: str = "") -> bytes:
        """Speak one segment, with the client's repetitions, and return the WAV of its chunks joined."""
        limit = self.config.constraints.get("max_text_length", 250)
        chunks = [text[start : start + limit] for start in range(0, len(text), limit)]
        return join([self.speak_chunk(chunk, model, language, sample) for chunk in chunks])

    def speak_chunk(self, text: str, model: str, language: str, sample: str) -> bytes:
        parameters = {name: parameter.default for name, parameter in self.config.parameters.items()}
        body = {"text": text, "language": language, "ttsSpeakerWav": sample, "parameters": parameters}
        for attempt in range(3):
            try:
                self.ensure_ready(model)
                return self.repeated("/generate", body).content
            except (EngineServerError, httpx.HTTPError):
                if attempt == 2:
                    raise
                self.restarts += 1
                self.stop()
        raise AssertionError("unreachable")

    def segment(self, text: str, language: str, max_length: int) -> list[str]:
        """Load the language as a model, and return the texts of the segments; that is all the client uses."""
        self.ensure_ready(language)
        body = {"text": text, "language": language, "max_length": max_length}
        return [segment["text"] for segment in self.repeated("/segment", body).json()["segments"]]

    def analyze(self, wav: bytes, model: str) -> dict[str, Any]:
        """Judge a recording with the engine's stored parameters as thresholds."""
        self.ensure_ready(model)
        thresholds = {name: parameter.default for name, parameter in self.config.parameters.items()}
        body = {"audio_base64": base64.b64encode(wav).decode(), "quality_thresholds": thresholds}
        return dict(self.repeated("/analyze", body).json())

    def listen(self, wav: bytes, model: str, language: str, expected: str) -> dict[str, Any]:
        """Compare a recording with the text that it should say."""
        self.ensure_ready(model)
        body = {"audioBase64": base64.b64encode(wav).decode(), "language": language, "expectedText": expected}
        return dict(self.repeated("/analyze", body).json())

    def repeated(self, path: str, body: dict[str, Any]) -> httpx.Response:
        for _ in range(300):
            answer = self.request("POST", path, json=body)
            if answer.status_code != 503:
                return self.checked(answer)
            time.sleep(1 / self.hurry)
        raise EngineServerError("loading for ever")

    def upload_missing(self, samples: dict[str, bytes]) -> None:
        """Check which samples the engine lacks and upload those."""
        answer = self.checked(self.request("POST", "/samples/check", json={"sampleIds": list(samples)}))
        for sample_id in answer.json()["missing"]:
            headers = {"Content-Type": "audio/wav"}
            self.checked(
                self.request("POST", f"/samples/upload/{sample_id}", content=samples[sample_id], headers=headers)
            )

    def health(self) -> dict[str, Any] | None:
        try:
            return dict(self.request("GET", "/health", timeout=5).json())
        except httpx.HTTPError:
            return None

    def stop(self) -> None:
        """/shutdown, SIGTERM after it, SIGKILL after ten seconds; the exit code is never read."""
        if self.process is None:
            return
        with contextlib.suppress(httpx.HTTPError):
            self.request("POST", "/shutdown", timeout=5)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def request(self, method: str, path: str, timeout: float = 300, **arguments: Any) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=timeout) as client:
            return client.request(method, f"http://127.0.0.1:{self.port}{path}", **arguments)

    def checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code in (400, 404):
            raise EngineClientError(answer.text[:200])
        if answer.status_code != 200:
            raise EngineServerError(answer.text[:200])
        return answer


def installed(parent: Path, names: Collection[str]) -> dict[str, AudiobookClient]:
    """Return the clients of what is found in a copy of backend/engines below `parent`, by name, with a port each.

    Only the engines in `names` are installed: they run in the Python of the tests.
    """
    backend = parent / "backend"
    for package in ("engines", "core_engine"):
        source = Path(engines.__file__).parents[1] / package
        shutil.copytree(source, backend / package, ignore=shutil.ignore_patterns(*_NOT_COPIED))
    for folder in (path.parent for path in backend.glob("engines/*/*/engine.yaml") if path.parent.name in names):
        python = folder / "venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
    clients = AudiobookClient.discover(backend / "engines", 0)
    for client in clients:
        client.port = free_port()
    return {client.folder.name: client for client in clients}


def overall(answers: list[dict[str, Any]]) -> tuple[int, str]:
    """Return the average score and the worst status of the engines that judged a segment."""
    scores = [answer["qualityScore"] for answer in answers]
    return sum(scores) // len(scores), min((answer["qualityStatus"] for answer in answers), key=STATUSES.index)


def join(chunks: list[bytes]) -> bytes:
    """Join WAV files with 50 ms of silence between, the header of the first ruling, as the client does."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        for number, chunk in enumerate(chunks):
            with wave.open(io.BytesIO(chunk)) as part:
                if number == 0:
                    out.setparams(part.getparams())
                else:
                    out.writeframes(bytes(2 * part.getframerate() // 20))
                out.writeframes(part.readframes(part.getnframes()))
    return buffer.getvalue()
