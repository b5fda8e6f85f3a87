"""Run an engine's server on a copy of its folder, with a plain HTTP client for it."""

import contextlib
import http.client
import json
import math
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines.conformance.checklist import UncheckedError, ViolationError
from engines.contract.engine_config import ENGINE_YAML, EngineConfig, load_engine_config
from engines.environment import python_of

START_S = 30.0
STOP_S = 10.0
LINKED_FROM_BYTES = 50_000_000
_PORTS = (10_240, 32_768)  # beyond them are those of outgoing connections
_TRIED_PORTS = 100
NO_MODEL = "needs a model: put one into models/ or external_models/"


@dataclass(frozen=True)
class Answer:
    """A response of the server."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    seconds: float

    def json(self) -> Any:
        """Return the parsed JSON body; raise ViolationError if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ViolationError(f"the answer is not JSON: {self.body[:80]!r}") from error


@dataclass
class Trial:
    """An engine on trial in its own folder, with the data that the checks need."""

    folder: Path  # the copy
    config: EngineConfig
    python: str
    backend: Path  # the folder of the engines' packages
    model: str | None = None  # can be loaded
    port: int = 0
    start_s: float = math.inf  # what the last start took, until /health answered
    process: "subprocess.Popen[str] | None" = None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def models_dir(self) -> Path:
        """The models/ of the copy."""
        return self.folder / "models"

    @property
    def external_models_dir(self) -> Path:
        """The external_models/ of the copy."""
        return self.folder / "external_models"

    @property
    def log(self) -> str:
        """The server's output to stderr so far."""
        return (self.folder / "log.txt").read_text(encoding="utf-8")

    def start(self) -> None:
        """Start the server like the client, and wait until /health answers."""
        self.port = free_port()
        started = time.monotonic()
        self.process = self.spawn("--port", str(self.port))
        while time.monotonic() - started < START_S:
            if self.process.poll() is not None:
                raise ViolationError(f"the server ended with code {self.process.returncode}: {self.log[-300:].strip()}")
            with contextlib.suppress(OSError):
                if self.get("/health").status == 200:
                    self.start_s = time.monotonic() - started
                    return
            time.sleep(0.05)
        raise ViolationError(f"/health did not answer within {START_S:.0f} s")

    def spawn(self, *flags: str) -> "subprocess.Popen[str]":
        """Start `python server.py` in its folder, with its log in a file."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.backend),
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.environment,
        }
        environment.pop("PORT", None)
        with (self.folder / "log.txt").open("a", encoding="utf-8") as log:
            return subprocess.Popen(  # noqa: S603
                [self.python, str(self.folder / "server.py"), *flags],
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
                text=True,
            )

    def stop(self) -> None:
        """Kill the server."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def get(self, path: str, timeout_s: float = 10.0) -> Answer:
        """GET `path`."""
        return self._send("GET", path, None, {}, timeout_s)

    def post(
        self, path: str, body: object = None, headers: Mapping[str, str] | None = None, timeout_s: float = 300.0
    ) -> Answer:
        """POST `body`: bytes unchanged, None as an empty body, anything else as JSON."""
        data, sent = (body, {}) if isinstance(body, bytes | None) else (json.dumps(body).encode(), _JSON)
        return self._send("POST", path, data, {**sent, **(headers or {})}, timeout_s)

    def listed(self) -> list[str]:
        """Return the names of the models that the server lists."""
        return [model["name"] for model in self.get("/models").json()["models"]]

    def load(self) -> str:
        """Load the working model and return its name."""
        if self.model is None:
            raise UncheckedError(NO_MODEL)
        answer = self.post("/load", {"engineModelName": self.model})
        if answer.status != 200:
            raise ViolationError(f"/load '{self.model}' answered {answer.status}: {answer.body[:200]!r}")
        return self.model

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float) -> Answer:
        started = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, received, content, time.monotonic() - started)


_JSON = {"Content-Type": "application/json"}


@contextlib.contextmanager
def trial_of(engine: Path) -> Iterator[Trial]:
    """Yield a trial on a temporary copy of the folder `engine`, with the engine's own models."""
    with tempfile.TemporaryDirectory() as parent:
        copy = Path(parent) / engine.name
        # The targets of links are copied. Not ignore_dangling_symlinks: it takes relative links for dangling ones.
        shutil.copytree(engine, copy, ignore=_left_out(engine), copy_function=_copy)
        trial = Trial(copy, load_engine_config(copy / ENGINE_YAML), str(python_of(engine)), Path(__file__).parents[2])
        try:
            yield trial
        finally:
            trial.stop()


def free_port() -> int:
    """Return a free port of 127.0.0.1, by chance and not one that systems give to outgoing connections.

    Such a one could be taken before the server that it is meant for has started.
    """
    for _ in range(_TRIED_PORTS):
        port = random.randrange(*_PORTS)  # noqa: S311 - not a secret
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port
    raise OSError(f"None of {_TRIED_PORTS} ports of 127.0.0.1 is free. Stop what listens there.")


def _left_out(engine: Path) -> Callable[[str, list[str]], set[str]]:
    """Ignore what the copy does not need, and what is no file or folder; external models only if there are others."""
    models = engine / "models"
    has_own = models.is_dir() and any(not path.is_symlink() for path in models.iterdir())
    names = ["venv", "__pycache__", "samples", *(["external_models"] if has_own else [])]
    by_name = shutil.ignore_patterns(*names)

    def left_out(folder: str, entries: list[str]) -> set[str]:
        there = {entry: Path(folder) / entry for entry in entries}
        special = {entry for entry, path in there.items() if not (path.is_file() or path.is_dir())}
        return by_name(folder, entries) | special

    return left_out


def _copy(source: str, target: str) -> None:
    # Large models are hard-linked if possible. Checks never write to them.
    if Path(source).stat().st_size >= LINKED_FROM_BYTES:
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target)
