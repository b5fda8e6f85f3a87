"""Connections: how many are open, and how long each may keep the server waiting.

A request comes within ten seconds of its connection or of the request before it. A body comes whole in that time, or
goes on coming. An answer is taken. Who does otherwise is disconnected, and beyond a number that the process has file
descriptors for, who has been silent longest makes room for who comes.
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
except ImportError:  # Windows, where sockets do not count against a small limit
    resource = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

WINDOW_S = 10.0
SLOWEST_BODY_BYTES = 256 * 1024  # of a body in each window: 26 kB/s
MOST_CONNECTIONS = 512
LARGEST_BACKLOG = 128
NOTICE_S = 60.0
_NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})
_LATE = "The rest of the body did not come: send it whole within 10 s, or at least 256 KiB in every 10 s."
_FULL = "Too many requests at once. Retry in a moment."


@dataclass(frozen=True)
class Capacity:
    """How many connections may be open, and how many may wait to be let in."""

    connections: int
    backlog: int

    @classmethod
    def of_this_process(cls) -> "Capacity":
        """Return what `ulimit -n` leaves room for: the engine opens files too, and asyncio accepts in bursts."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if resource else -1
        if limit < 0:  # RLIM_INFINITY
            return cls(MOST_CONNECTIONS, LARGEST_BACKLOG)
        return cls(max(1, min(MOST_CONNECTIONS, limit // 2)), max(1, min(LARGEST_BACKLOG, limit // 16)))


class Notice:
    """A line of the log that is written once a minute at most, with how often it was meant."""

    def __init__(self, message: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`message` takes the count as %d."""
        self._message, self._clock = message, clock
        self._count, self._next = 0, 0.0

    def give(self) -> None:
        """Count, and log where the last line is a minute old."""
        self._count += 1
        if self._clock() >= self._next:
            logger.warning(self._message, self._count)
            self._count, self._next = 0, self._clock() + NOTICE_S


class Door:
    """Lets connections in; where there are too many the one that has been silent longest has to leave."""

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self._inside: set[EngineConnection] = set()
        self._crowded = Notice(f"More than {capacity.connections} connections: closed %d that had nothing to say.")
        self._no_descriptor = Notice("No file descriptor is left for a connection (%d times). Raise `ulimit -n`.")

    def enter(self, newcomer: "EngineConnection") -> None:
        """Let `newcomer` in, in the place of another where need be, or refuse it with 503 where all are at work."""
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
        """Forget `connection`, which is closed."""
        self._inside.discard(connection)

    def handle_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Say in a line what asyncio would log with a trace for every connection that it cannot accept."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _NO_DESCRIPTOR:
            self._no_descriptor.give()
        else:
            loop.default_exception_handler(context)


class EngineConnection(H11Protocol):
    """uvicorn's connection, with an eye on the clock."""

    def __init__(self, *arguments: Any, door: Door, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.heard_at = 0.0  # of the loop's clock
        self._door = door
        self._came = self._unsent = 0  # bytes: received since the last look, not taken at the last look
        self._last_cycle: object = None  # the request at the last look
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waits_for_client(self) -> bool:
        """Tell whether it is the client's turn: for a request, or for the rest of one."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY) and not self.flow.read_paused

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to watch."""
        super().connection_made(transport)
        self.heard_at = self.loop.time()
        self.heard_at = self.loop.time()
        self._watch()
        self._door.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Watch no longer."""
        if self._timer:
            self._timer.cancel()
        self._door.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Note that the client is there."""
        self.heard_at = self.loop.time()
        self._came += len(data)
        super().data_received(data)

    def answer(self, status: int, detail: str) -> None:
        """Answer in the place of the application, which is told that the client has left, and close."""
        if self.cycle:
            self.cycle.disconnected = True
        body = json.dumps({"detail": detail}).encode()
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
        """Disconnect a client that has done nothing of what it owes since the last look."""
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent == self._unsent:
            self.transport.abort()
        elif self.waits_for_client and not self._goes_on():
            if self.conn.their_state is h11.SEND_BODY and not self.cycle.response_started:
                self.answer(400, _LATE)
            else:
                self.transport.abort()
        else:
            self._watch()

    def _goes_on(self) -> bool:
        """Tell whether a request has begun since the last look, or enough of its body has come."""
        if self.cycle is not self._last_cycle:
            return True
        return self.conn.their_state is h11.SEND_BODY and self._came >= SLOWEST_BODY_BYTES


def server_config(app: ASGIApp, door: Door, connections_grace_s: int) -> uvicorn.Config:
    """Return how uvicorn serves `app`; at the end it waits `connections_grace_s` for those who are being answered."""
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
