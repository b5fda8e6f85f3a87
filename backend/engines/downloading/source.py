"""Open a source: only redirects that the policy allows, no addresses on this machine, and no endless stalls.

Proxies and CA bundles from the environment are used.
"""

import contextlib
import functools
import http.client
import ipaddress
import os
import queue
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

from engines.downloading.policy import (
    DownloadCancelledError,
    DownloadError,
    DownloadPolicy,
    StalledError,
    UntrustedSourceError,
    shown,
)

Answer = TypeVar("Answer")

_CONNECT_TIMEOUT_S = 8.0  # seconds for each step of connecting
_TICK_S = 0.1
_NOTICEABLE = 16 * 1024  # bytes; fewer within the stall time count as a stall


class Line:
    """Watches the connections of a request: closes them if they stall or the download is cancelled."""

    def __init__(self, stall_s: float, cancel: threading.Event, idle_since: float | None = None) -> None:
        """Watch for `cancel` and for `stall_s` seconds without noticeable progress, starting at `idle_since` or now."""
        self._stall_s, self._cancel = stall_s, cancel
        self._sockets: list[socket.socket] = []
        self._since, self._credit = time.monotonic() if idle_since is None else idle_since, 0
        self._over = threading.Event()
        self.stalled = self.abandoned = False

    def add(self, connected: socket.socket) -> None:
        """Watch `connected` too."""
        self._sockets.append(connected)
        if self.abandoned:
            self._cut()

    def abandon(self) -> None:
        """Close the connections, including later ones: they are no longer needed."""
        self.abandoned = True
        self._cut()

    def advance(self, received: int) -> None:
        """Count `received` bytes."""
        self._credit += received
        if self._credit >= _NOTICEABLE:
            self._since, self._credit = time.monotonic(), 0

    def raise_if_cut(self) -> None:
        """Raise DownloadCancelledError or StalledError if the connection was or must be closed."""
        if self._cancel.is_set():
            raise DownloadCancelledError("The download was cancelled; the next one resumes it.")
        if self.stalled:
            raise StalledError(f"The server sent almost nothing for {self._stall_s:g} s. Try again later.")

    @contextlib.contextmanager
    def watched(self) -> Iterator["Line"]:
        """Watch while the block runs."""
        threading.Thread(target=self._watch, name="download-watch", daemon=True).start()
        try:
            yield self
        finally:
            self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(_TICK_S):
            self.stalled = self.stalled or time.monotonic() - self._since > self._stall_s
            if self.stalled or self._cancel.is_set():
                self._cut()

    def _cut(self) -> None:
        for connected in self._sockets:
            with contextlib.suppress(OSError):  # not TLS's shutdown, which is not safe during a read
                socket.socket.shutdown(connected, socket.SHUT_RDWR)


def open_source(
    address: str, headers: Mapping[str, str], policy: DownloadPolicy, line: Line
) -> http.client.HTTPResponse:
    """Return the response to a GET of `address`, following the redirects that `policy` allows.

    Raises UntrustedSourceError, urllib.error.HTTPError for a status of 400 or more, and OSError or HTTPException for
    network errors.
    """
    policy.check(address, address)
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Http(policy, line),
        _Redirects(policy, address),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    request = urllib.request.Request(address, headers=dict(headers))  # noqa: S310 - checked above
    response = opener.open(request, timeout=_CONNECT_TIMEOUT_S)
    if not isinstance(response, http.client.HTTPResponse):
        raise DownloadError(f"'{shown(address)}' did not answer with HTTP.")
    return response


def open_source_within(
    answer_s: float, address: str, headers: Mapping[str, str], policy: DownloadPolicy, line: Line
) -> http.client.HTTPResponse:
    """Like `open_source`, but raise URLError after `answer_s` seconds, including the DNS lookup.

    A DNS lookup cannot be cancelled, so a thread waits for its end.
    """
    answers: queue.SimpleQueue[http.client.HTTPResponse | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            response = open_source(address, headers, policy, line)
        except Exception as error:  # raised below
            answers.put(error)
            return
        answers.put(response)
        if line.abandoned:
            response.close()

    threading.Thread(target=ask, name="download-open", daemon=True).start()
    answer = _first(answers, answer_s, line)
    if answer is None:
        line.abandon()
        raise urllib.error.URLError(f"no answer within {answer_s:g} s")
    if isinstance(answer, Exception):
        raise answer
    return answer


def _first(answers: "queue.SimpleQueue[Answer]", wait_s: float, line: Line) -> "Answer | None":
    """Return the first answer; None after `wait_s` seconds, or as soon as `line` is closed."""
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        with contextlib.suppress(queue.Empty):
            return answers.get(timeout=_TICK_S)
        line.raise_if_cut()
    return None


def _is_public(host: str) -> bool:
    address = ipaddress.ip_address(host.split("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast


class _Connection:
    """Mixin for both connections below: allows only public hosts, and watches the connection."""

    line: Line
    allows_private: bool
    sock: Any
    tunnelled = False

    def set_tunnel(self, *arguments: Any, **more: Any) -> None:
        self.tunnelled = True  # the peer is the user's proxy, which may be anywhere
        super().set_tunnel(*arguments, **more)  # type: ignore[misc]

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        peer = self.sock.getpeername()[0]
        if not (self.allows_private or self.tunnelled or _is_public(peer)):
            self.sock.close()
            raise UntrustedSourceError(f"The source is at {peer}, on this machine or its network: refused.")
        self.sock.settimeout(None)  # from now on the watch decides how long to wait
        self.line.add(self.sock)


class _HttpConnection(_Connection, http.client.HTTPConnection):
    pass


class _HttpsConnection(_Connection, http.client.HTTPSConnection):
    pass


class _Http(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Opens http and https URLs with the connections above."""

    def __init__(self, policy: DownloadPolicy, line: Line) -> None:
        urllib.request.HTTPHandler.__init__(self)
        self._policy, self._line = policy, line

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._factory(_HttpConnection, request), request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._factory(_HttpsConnection, request, context=_tls()), request)

    def _factory(self, kind: type[Any], request: urllib.request.Request, **fixed: Any) -> Any:
        def connection(host: str, **more: Any) -> Any:
            made = kind(host, **fixed, **more)
            made.line, made.allows_private = self._line, self._policy.allows_private(request.full_url)
            return made

        return connection


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, policy: DownloadPolicy, first_address: str) -> None:
        self._policy, self._first_address = policy, first_address

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        fp.close()  # otherwise urllib would read its whole body, however long
        self._policy.check(newurl, self._first_address)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@functools.lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()  # uses SSL_CERT_FILE and SSL_CERT_DIR
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        bundle = os.environ.get(variable)
        if bundle and Path(bundle).is_file():
            context.load_verify_locations(bundle)
    return context
