"""An engine as a child process, which ends with this process, however that ends."""

import contextlib
import http.client
import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from engines.contract.errors import EngineError
from engines.environment import python_of

HOST = "127.0.0.1"
START_S = 60.0
STOP_S = 3.0


@dataclass(frozen=True)
class Answer:
    """What an engine answers."""

    status: int
    document: Any

    @property
    def detail(self) -> str:
        """Why the engine refused."""
        return str(self.document.get("detail", "")) if isinstance(self.document, dict) else ""


class Call:
    """A request to an engine, which another thread can cancel."""

    def __init__(self, connection: http.client.HTTPConnection, token: str) -> None:
        self._connection = connection
        self._headers = {"Authorization": f"Bearer {token}"}
        self._is_cancelled = False

    def answer(
        self, method: str, path: str, body: bytes | IO[bytes] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send the request and wait for its answer; raise EngineError if the engine ends, or when cancelled."""
        try:
            with contextlib.closing(self._connection):
                self._connection.connect()
                if self._is_cancelled:
                    raise ConnectionAbortedError
                # An engine that refuses a body answers before it has read all of it.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self._connection.request(method, path, body, {**self._headers, **(headers or {})})
                answer = self._connection.getresponse()
                return Answer(answer.status, json.loads(answer.read()))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EngineError("The engine ended while it worked. Its log says why. Try again.") from error

    def cancel(self) -> None:
        """End the connection, by which the engine knows that nobody waits any more."""
        self._is_cancelled = True
        with contextlib.suppress(OSError):
            if self._connection.sock:
                self._connection.sock.shutdown(socket.SHUT_RDWR)


@dataclass
class ChildEngine:
    """A running engine; nobody but this process can ask it."""

    process: "subprocess.Popen[bytes]"
    port: int
    _token: str = field(repr=False)

    @classmethod
    def started(cls, folder: Path) -> "ChildEngine":
        """Start the engine in `folder` and wait until it answers; raise EngineError if it does not."""
        port, token = _free_port(), secrets.token_urlsafe()
        command = [str(python_of(folder)), str(folder / "server.py"), "--port", str(port), "--until-stdin-ends"]
        environment = {**os.environ, "ENGINE_TOKEN": token}
        # Its end of the pipe closes when this process ends, even if it is killed.
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.PIPE)  # noqa: S603
        engine = cls(process, port, token)
        try:
            engine._wait(folder.name)
        except BaseException:
            engine.stop()
            raise
        return engine

    @property
    def is_running(self) -> bool:
        """Return whether the process has not ended."""
        return self.process.poll() is None

    def call(self, timeout_s: float | None = None) -> Call:
        """Return a new call, which waits as long as it takes without `timeout_s`."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout_s)
        return Call(connection, self._token)

    def stop(self) -> None:
        """End the process within seconds."""
        if self.process.stdin:
            self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait(self, name: str) -> None:
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.is_running:
            with contextlib.suppress(EngineError):
                if self.call(timeout_s=5).answer("GET", "/health").status == http.client.OK:
                    return
            time.sleep(0.05)
        raise EngineError(f"The engine '{name}' does not start. Its log says why: storyflow serve {name}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
