"""The server of the page, on a machine that has the built-in voice only."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

import engines
from storyflow.narration.record import RECORD_NAME, Record, read_record
from storyflow.tests.support import AT_LAST_S

KOKORO = Path(engines.__file__).parent / "tts" / "kokoro"

STORY = """# The Lamp

Every evening, at half past six, Mrs. Hale lit the lamp.

"Who is it for?" the boy asked. "Nobody walks here at night."

* * *

In the third winter a man came up from the harbour and gave her $5.
"""


@dataclass
class Studio:
    """A server of which tests know the folder, and which they may kill."""

    folder: Path
    """The folder of the engine; the projects are below it."""
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def root(self) -> Path:
        """The media root."""
        return self.folder / "media"

    @property
    def address(self) -> str:
        """The address of the page, without the slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What the servers have logged."""
        return (self.folder / "log").read_text()

    def project(self, name: str) -> Path:
        """Return the folder of a project."""
        return self.root / "projects" / name

    def start(self) -> "Studio":
        """Start the server, on the port that it had before, and wait for it."""
        if not self.port:
            shutil.copy(KOKORO / "engine.yaml", self.folder)
            shutil.copytree(KOKORO / "models" / "default", self.folder / "models" / "default")
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "storyflow.serving", "--port", str(self.port)],
                cwd=self.folder, env=os.environ | {"MEDIA_ROOT": str(self.root)} | self.environment, stderr=log,
            )  # fmt: skip
        end = time.monotonic() + AT_LAST_S
        while time.monotonic() < end and self._process.poll() is None:
            try:
                httpx.get(f"{self.address}/health", timeout=AT_LAST_S).raise_for_status()
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return self
        self.kill()
        raise AssertionError(f"the server did not start: {self.log}")

    def kill(self) -> None:
        """End the server as a crash would."""
        assert self._process
        self._process.kill()
        self._process.wait(AT_LAST_S)

    def stop(self) -> None:
        """End the server; it has to end well."""
        assert self._process
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            assert self._process.wait(AT_LAST_S) == 0, self.log
        assert "Traceback" not in self.log

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request to the page's own routes."""
        return httpx.request(method, f"{self.address}/studio/api{path}", timeout=AT_LAST_S, **options)

    def add(self, text: str = STORY, name: str = "pasted.md", **values: Any) -> str:
        """Add a story and return the name of its project."""
        answer = self.ask(
            "POST",
            "/stories",
            params={"name": name, "voice": "af_bella", **values},
            content=text.encode(),
            headers=BYTES,
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["name"])

    def narrate(self, project: str) -> dict[str, Any]:
        """Narrate a project to its end and return its progress."""
        assert self.ask("POST", f"/projects/{project}/narrate", json={}).status_code == 200
        return self.until_idle(project)

    def until_idle(self, project: str) -> dict[str, Any]:
        """Wait until nothing is done to a project; return its progress."""
        end = time.monotonic() + AT_LAST_S
        while time.monotonic() < end:
            progress: dict[str, Any] = self.ask("GET", f"/projects/{project}/progress").json()
            if progress["state"] == "idle":
                return progress
            time.sleep(0.1)
        raise AssertionError("it does not end")

    def record(self, project: str) -> Record:
        """Return the record of a narration."""
        record = read_record(self.project(project) / RECORD_NAME)
        assert record
        return record

    def audio(self, project: str) -> dict[str, tuple[int, bytes]]:
        """Return the WAVs of a project: name → when it was written, and its bytes."""
        wavs = (self.project(project) / "audio").glob("*.wav")
        return {wav.stem: (wav.stat().st_mtime_ns, wav.read_bytes()) for wav in wavs}


BYTES = {"Content-Type": "application/octet-stream"}
