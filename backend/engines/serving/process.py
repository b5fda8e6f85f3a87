"""The engine server as a process: flags and environment, the port, signals, and an end within ten seconds."""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from engines.contract.errors import StartError
from engines.serving.connections import Capacity, Door, server_config
from engines.serving.console import LEVELS, configure_logging
from engines.serving.guards import Exposure, is_loopback

logger = logging.getLogger(__name__)

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8766
GRACE_S = 4.0  # for the work that runs when the server is told to stop; the client kills it after 10 s
CONNECTIONS_GRACE_S = 6
WORKER_GRACE_S = 1.5
END_S = 9.0  # after which nothing is waited for, not even a thread that hangs in a read


@dataclass(frozen=True)
class Options:
    """How the process was started."""

    port: int
    host: str
    log_level: str
    token: str | None

    @property
    def exposure(self) -> Exposure:
        """Who may reach the server."""
        return Exposure(is_loopback(self.host), self.token)


def find_base_path() -> Path:
    """Return /app in a container, the folder of server.py otherwise (model management standard, base server)."""
    if Path("/app").exists() and Path("/app/server.py").exists():
        return Path("/app")
    return Path(sys.argv[0]).parent.resolve()


def read_options(
    engine: str, arguments: Sequence[str], environment: Mapping[str, str], default_port: int = DEFAULT_PORT
) -> Options:
    """Read `--port` (or PORT), `--host`, LOG_LEVEL and ENGINE_TOKEN; a bad value ends the process with code 2."""
    parser = argparse.ArgumentParser(prog=engine, description=f"Serves the engine '{engine}'.")
    parser.add_argument("--port", type=_port, help=f"port to listen on (default: PORT, and without it {default_port})")
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    given = parser.parse_args(arguments)
    level = (environment.get("LOG_LEVEL") or "INFO").upper()
    if level not in LEVELS:
        parser.error(f"LOG_LEVEL is {environment['LOG_LEVEL']!r}: use one of {', '.join(LEVELS)}.")
    try:
        port = given.port if given.port is not None else _port(environment.get("PORT") or str(default_port))
    except argparse.ArgumentTypeError as error:
        parser.error(f"PORT: {error}")
    return Options(port, given.host, level, environment.get("ENGINE_TOKEN") or None)


def _port(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) <= 5 and 1 <= int(value) <= 65535):
        raise argparse.ArgumentTypeError(f"{value!r} is no port: use a number from 1 to 65535.")
    return int(value)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host` and `port`; raise StartError that says why it cannot."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise StartError(f"Cannot listen on host {host!r}: {error}. Use an address of this machine.") from error
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name != "nt":  # where it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(Capacity.of_this_process().backlog)
    except OSError as error:
        listener.close()
        raise StartError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Stop what uses the port or choose another --port."
        ) from error
    return listener


class _Server(uvicorn.Server):
    """uvicorn, with the signals left to EngineProcess: uvicorn would end by the signal instead of with code 0."""

    def __init__(self, app: ASGIApp) -> None:
        self._door = Door(Capacity.of_this_process())
        super().__init__(server_config(app, self._door, CONNECTIONS_GRACE_S))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, with a say in what the event loop logs."""
        asyncio.get_running_loop().set_exception_handler(self._door.handle_loop_error)
        await super().startup(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the handlers as they are."""
        yield


class EngineProcess:
    """This process, from now on: SIGTERM and SIGINT end it with code 0, as `stop` does."""

    def __init__(self, default_port: int = DEFAULT_PORT) -> None:
        """Read how it was started; a bad value ends it with code 2."""
        self._name = find_base_path().name
        self.options = read_options(self._name, sys.argv[1:], os.environ, default_port)
        self.close: Callable[[], None] = lambda: None  # takes no more work
        self.abandon: Callable[[], None] = lambda: None  # answers those who wait for the work that still runs
        self._server: _Server | None = None
        self._stopping = False  # no Event: a signal may interrupt whoever holds its lock
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """End the process with the message of a StartError."""
        try:
            yield
        except StartError as error:
            sys.exit(f"[{self._name}] {error}")

    def listen(self, engine: str) -> socket.socket:
        """Return the socket that `engine` is to serve, with the log set up; raises StartError."""
        configure_logging(engine, self.options.log_level)
        listener = listen(self.options.host, self.options.port)
        logger.info("Listening on http://%s:%d.", self.options.host, self.options.port)
        return listener

    def run(self, app: ASGIApp, listener: socket.socket, finish: Callable[[float], bool]) -> None:
        """Serve `app` until `stop`; then `finish` within seconds, and end the process where the work does not end."""
        gc.freeze()  # what is here stays: collecting after an unload then takes microseconds, and /health does not wait
        self._server = _Server(app)
        self._server.run(sockets=[listener])
        if not finish(WORKER_GRACE_S):
            logger.info("Stopped while work was running.")
            end_now()
        logger.info("Stopped.")

    def stop(self) -> None:
        """Close the port, refuse what waits, and give what runs `GRACE_S` to end."""
        if self._stopping or self._server is None:
            return
        self._stopping = self._server.should_exit = True
        # A thread, because a signal may have interrupted whoever holds the lock that closing needs.
        threading.Thread(target=self._close, name="engine-stop", daemon=True).start()

    def _close(self) -> None:
        _later(GRACE_S, self.abandon)
        _later(END_S, end_now)
        _later(END_S + 0.5, lambda: os._exit(0))  # where what `end_now` says cannot be written either
        self.close()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._server is None:  # nothing has been promised to anybody yet
            sys.exit(0)
        self.stop()


def _later(seconds: float, action: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()


def end_now() -> None:
    """End the process with code 0, without waiting for threads that are inside a model's library."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
