"""Limit the number of connections, and how long each can keep the server waiting.

A client must send its request within ten seconds of connecting or of the previous request, send the body in that time
or keep sending, and read the answer; otherwise it is disconnected. Beyond the number of connections that the process
has file descriptors for, a new connection replaces the one that has been silent longest.
"""

import asyncio
import contextlib
import errno
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

try:
    import resource
except ImportError:  # Windows, which has no small limit for sockets
    resource = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

WINDOW_S = 10.0
STREAM_WINDOW_S = 600.0
"""How long the reader of a stream may take nothing: a player that is far behind takes megabytes at a time."""
IS_STREAM = "is_stream"
"""Set in the state of a request's scope by an answer that is read while it is heard."""
SLOWEST_BODY_BYTES = 256 * 1024  # minimum bytes of a body per window: 26 kB/s
MOST_CONNECTIONS = 512
LARGEST_BACKLOG = 128
NOTICE_S = 60.0
_NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})
_LATE = "The body is incomplete. Send all of it within 10 s, or at least 256 KiB every 10 s."
_FULL = "Too many requests at once. Retry in a moment."


@dataclass(frozen=True)
class Capacity:
    """The maximum numbers of open connections and of connections waiting to be accepted."""

    connections: int
    backlog: int

    @classmethod
    def of_this_process(cls) -> "Capacity":
        """Return the capacity for `ulimit -n`: the engine opens files too, and asyncio accepts in bursts."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if resource else -1
        if limit < 0:  # RLIM_INFINITY
            return cls(MOST_CONNECTIONS, LARGEST_BACKLOG)
        return cls(max(1, min(MOST_CONNECTIONS, limit // 2)), max(1, min(LARGEST_BACKLOG, limit // 16)))


class Notice:
    """A log message that is written at most once a minute, with its count."""

    def __init__(self, message: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Store the `message`, which has %d for the count."""
        self._message, self._clock = message, clock
        self._count, self._next = 0, 0.0

    def give(self) -> None:
        """Count, and log if the last message is a minute old."""
        self._count += 1
        if self._clock() >= self._next:
            logger.warning(self._message, self._count)
            self._count, self._next = 0, self._clock() + NOTICE_S


ErrorBody = Callable[[str | None, int, str], dict[str, Any]]
"""Makes the body of an error from the path, if it is known, the status and the message."""


def detail_only(_path: str | None, _status: int, message: str) -> dict[str, Any]:
    """Return the body of an engine's error."""
    return {"detail": message}


class Door:
    """Accepts connections; if there are too many, closes the one that has been silent longest."""

    def __init__(self, capacity: Capacity, error_body: ErrorBody = detail_only) -> None:
        self.capacity = capacity
        self.error_body = error_body
        self._inside: set[EngineConnection] = set()
        self._crowded = Notice(f"More than {capacity.connections} connections. Idle ones that were closed: %d.")
        self._no_descriptor = Notice("Too few file descriptors for a connection (%d times). Raise `ulimit -n`.")

    def enter(self, newcomer: "EngineConnection") -> None:
        """Accept `newcomer`, if necessary in place of an idle connection; answer 503 if all are busy."""
        self._inside.add(newcomer)
        if len(self._inside) <= self.capacity.connections:
            return
        self._crowded.give()
        silent = min((one for one in self._inside if one.waits_for_client), key=lambda one: one.heard_at)
        self._inside.discard(silent)
        if silent is newcomer:
            silent.answer(503, _FULL)
        else:
            silent.transport.abort()

    def leave(self, connection: "EngineConnection") -> None:
        """Remove the closed `connection`."""
        self._inside.discard(connection)

    def handle_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log one line where asyncio logs a traceback for every connection that it cannot accept."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _NO_DESCRIPTOR:
            self._no_descriptor.give()
        else:
            loop.default_exception_handler(context)


class EngineConnection(H11Protocol):
    """uvicorn's connection with time limits."""

    def __init__(self, *arguments: Any, door: Door, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.heard_at = 0.0  # of the loop's clock
        self._door = door
        self._came = self._unsent = 0  # bytes: received since the last check, unread at the last check
        self._took_at = 0.0  # of the loop's clock: when the client was last seen to have read
        self._last_cycle: object = None  # the request at the last check
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waits_for_client(self) -> bool:
        """Return whether the server is waiting for the client: for a request, or for the rest of one."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY) and not self.flow.read_paused

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start watching."""
        super().connection_made(transport)
        self.heard_at = self._took_at = self.loop.time()
        self._watch()
        self._door.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        if self._timer:
            self._timer.cancel()
        self._door.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Note that the client is active."""
        self.heard_at = self.loop.time()
        self._came += len(data)
        super().data_received(data)

    def answer(self, status: int, detail: str) -> None:
        """Answer instead of the application, which sees a disconnected client, and close."""
        if self.cycle:
            self.cycle.disconnected = True
        path = self.cycle.scope["path"] if self.cycle else None
        body = json.dumps(self._door.error_body(path, status, detail)).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close")]
        headers += [("Retry-After", "1")] if status == 503 else []
        with contextlib.suppress(h11.LocalProtocolError):
            for event in (h11.Response(status_code=status, headers=headers), h11.Data(body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _watch(self) -> None:
        self._last_cycle, self._came = self.cycle, 0
        self._unsent = self.transport.get_write_buffer_size()
        self._timer = self.loop.call_later(WINDOW_S, self._look)

    def _look(self) -> None:
        """Disconnect a client that has made no progress since the last check."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self._unsent:
            self._took_at = self.loop.time()
        elif not self._is_stream() or self.loop.time() - self._took_at >= STREAM_WINDOW_S:
            self.transport.abort()
            return
        if self.waits_for_client and not self._goes_on():
            if self.conn.their_state is h11.SEND_BODY and not self.cycle.response_started:
                self.answer(400, _LATE)
            else:
                self.transport.abort()
        else:
            self._watch()

    def _is_stream(self) -> bool:
        return self.cycle is not None and bool(self.cycle.scope.get("state", {}).get(IS_STREAM))

    def _goes_on(self) -> bool:
        """Return whether a request has started since the last check, or enough of its body has arrived."""
        if self.cycle is not self._last_cycle:
            return True
        return self.conn.their_state is h11.SEND_BODY and self._came >= SLOWEST_BODY_BYTES


def server_config(app: ASGIApp, door: Door, connections_grace_s: int) -> uvicorn.Config:
    """Return uvicorn's configuration for `app`; on stop it waits `connections_grace_s` for answers in progress."""
    return uvicorn.Config(
        app,
        http=partial(EngineConnection, door=door),  # type: ignore[arg-type]  # called like the class
        access_log=False,
        log_config=None,
        ws="none",
        server_header=False,
        backlog=door.capacity.backlog,
        timeout_graceful_shutdown=connections_grace_s,
    )
