"""The engine server as a process: flags and environment, the port, signals, and a stop within ten seconds."""

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
from engines.serving.connections import Capacity, Door, ErrorBody, detail_only, server_config
from engines.serving.console import LEVELS, configure_logging
from engines.serving.guards import Exposure, is_loopback

logger = logging.getLogger(__name__)

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8766
GRACE_S = 4.0  # for running work when the server stops; the client kills the process after 10 s
CONNECTIONS_GRACE_S = 6
WORKER_GRACE_S = 1.5
_STDIN = 0
END_S = 9.0  # then the process ends, even if a thread hangs in a read


@dataclass(frozen=True)
class Options:
    """The options of the process."""

    port: int
    host: str
    log_level: str
    token: str | None
    until_stdin_ends: bool = False  # what started the server holds the other end, and is gone then

    @property
    def exposure(self) -> Exposure:
        """Who can access the server."""
        return Exposure(is_loopback(self.host), self.token)


def find_base_path() -> Path:
    """Return /app in a container, else the folder of server.py (model management standard, base server)."""
    if Path("/app").exists() and Path("/app/server.py").exists():
        return Path("/app")
    return Path(sys.argv[0]).parent.resolve()


def read_options(
    engine: str, arguments: Sequence[str], environment: Mapping[str, str], default_port: int = DEFAULT_PORT
) -> Options:
    """Read `--port` (or PORT), `--host`, LOG_LEVEL and ENGINE_TOKEN; exit with code 2 for an invalid value."""
    parser = argparse.ArgumentParser(prog=engine, description=f"Serves the engine '{engine}'.")
    parser.add_argument("--port", type=_port, help=f"port to listen on (default: PORT, otherwise {default_port})")
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument("--until-stdin-ends", action="store_true", help="stop when the standard input ends")
    given = parser.parse_args(arguments)
    level = (environment.get("LOG_LEVEL") or "INFO").upper()
    if level not in LEVELS:
        parser.error(f"LOG_LEVEL is {environment['LOG_LEVEL']!r}: use one of {', '.join(LEVELS)}.")
    try:
        port = given.port if given.port is not None else _port(environment.get("PORT") or str(default_port))
    except argparse.ArgumentTypeError as error:
        parser.error(f"PORT: {error}")
    return Options(port, given.host, level, environment.get("ENGINE_TOKEN") or None, given.until_stdin_ends)


def _port(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) <= 5 and 1 <= int(value) <= 65535):
        raise argparse.ArgumentTypeError(f"{value!r} is not a port: use a number from 1 to 65535.")
    return int(value)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host` and `port`; raise StartError if that fails."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise StartError(f"Cannot listen on host {host!r}: {error}. Use an address of this machine.") from error
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name != "nt":  # there it would let two servers share a port
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
    """uvicorn without its signal handlers, which end by the signal instead of with code 0; see EngineProcess."""

    def __init__(self, app: ASGIApp, error_body: ErrorBody) -> None:
        self._door = Door(Capacity.of_this_process(), error_body)
        super().__init__(server_config(app, self._door, CONNECTIONS_GRACE_S))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and handle the event loop's errors."""
        asyncio.get_running_loop().set_exception_handler(self._door.handle_loop_error)
        await super().startup(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do not change the signal handlers."""
        yield


class EngineProcess:
    """The current process: SIGTERM and SIGINT end it with code 0, like `stop`."""

    def __init__(self, default_port: int = DEFAULT_PORT) -> None:
        """Read the options; exit with code 2 for an invalid value."""
        self._name = find_base_path().name
        self.options = read_options(self._name, sys.argv[1:], os.environ, default_port)
        self.close: Callable[[], None] = lambda: None  # accepts no more work
        self.abandon: Callable[[], None] = lambda: None  # answers the clients of running work
        self._server: _Server | None = None
        self._stopping = False  # not an Event: a signal may interrupt the holder of its lock
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        if self.options.until_stdin_ends:
            threading.Thread(target=self._stop_after_stdin, name="engine-stdin", daemon=True).start()

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """Exit with the message of a StartError."""
        try:
            yield
        except StartError as error:
            sys.exit(f"[{self._name}] {error}")

    def listen(self, engine: str) -> socket.socket:
        """Set up the log and return the socket for `engine`; raises StartError."""
        configure_logging(engine, self.options.log_level)
        listener = listen(self.options.host, self.options.port)
        logger.info("Listening on http://%s:%d.", self.options.host, self.options.port)
        return listener

    def run(
        self,
        app: ASGIApp,
        listener: socket.socket,
        finish: Callable[[float], bool],
        error_body: ErrorBody = detail_only,
    ) -> None:
        """Serve `app` until `stop`; then `finish` within seconds, and end the process if the work does not end."""
        gc.freeze()  # permanent objects: collecting after an unload then takes microseconds and does not delay /health
        self._server = _Server(app, error_body)
        self._server.run(sockets=[listener])
        if not finish(WORKER_GRACE_S):
            logger.info("Stopped while work was running.")
            end_now()
        logger.info("Stopped.")

    def stop(self) -> None:
        """Close the port, refuse queued work, and give running work `GRACE_S` to end."""
        if self._stopping or self._server is None:
            return
        self._stopping = self._server.should_exit = True
        # A thread, because a signal may have interrupted the holder of a lock that closing needs.
        threading.Thread(target=self._close, name="engine-stop", daemon=True).start()

    def _close(self) -> None:
        _later(GRACE_S, self.abandon)
        _later(END_S, end_now)
        _later(END_S + 0.5, lambda: os._exit(0))  # `end_now` may be unable to write its message
        self.close()

    def _stop_after_stdin(self) -> None:
        """Stop when what started this process has ended, however it did: the system closes its end of the pipe."""
        with contextlib.suppress(OSError):
            while os.read(_STDIN, 1):
                pass
        if self._server is None:  # not serving yet
            end_now()
        self.stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._server is None:  # not serving yet
            sys.exit(0)
        self.stop()


def _later(seconds: float, action: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()


def end_now() -> None:
    """End the process with code 0, without waiting for threads in a model's library."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
