"""Check every request before its route: its origin, its token and its size.

A web page can make its visitor's browser send requests to 127.0.0.1. Such a request has an Origin or a Sec-Fetch-Site
header that says where the page came from or, if the page's own name points to 127.0.0.1, that name as the Host. The
real client is not a browser: it sends neither header, and reaches the engine by address, localhost or container name.
"""

import base64
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engines.serving.samples import LARGEST_SAMPLE_BYTES

MIB = 1024 * 1024
LARGEST_BODY_BYTES = 2 * MIB
LARGEST_BODIES_BYTES = 256 * MIB  # of all requests together; the first MiB of each does not count

_READING = "GET"
_UNAUTHORIZED = "Refused: send 'Authorization: Bearer <token>' with the server's token (--api-key or ENGINE_TOKEN)."
_SAFE_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"x-frame-options", b"SAMEORIGIN"))
# Sent by forms and scripts across origins without permission (Fetch standard, safelisted Content-Type).
_FORM_TYPES = frozenset({"text/plain", "application/x-www-form-urlencoded", "multipart/form-data"})


@dataclass(frozen=True)
class Accepted:
    """What the bodies of a route may be."""

    largest_bytes: int = LARGEST_BODY_BYTES
    is_form: bool = False  # sent by forms of web pages, too: those of other origins are refused by their headers alone


USUAL = Accepted()
BODIES: Mapping[str, Accepted] = MappingProxyType(
    {
        "/samples/upload/": Accepted(LARGEST_SAMPLE_BYTES),
        "/analyze": Accepted(48 * MIB),
    }
)
"""By the beginning of the path."""


@dataclass(frozen=True)
class Exposure:
    """Who can access the server."""

    loopback_only: bool = True
    token: str | None = None  # required as "Authorization: Bearer <token>" on every route except GET /health


class RequestGuard:
    """ASGI middleware that refuses suspicious requests with 400 and a message."""

    def __init__(self, app: ASGIApp, exposure: Exposure, bodies: Mapping[str, Accepted] = BODIES) -> None:
        self._app = app
        self._exposure = exposure
        self._accepted = bodies
        self._bodies = _Bodies()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on with a limited body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_safe_headers(send)
        if scope["method"] == "HEAD":  # handled like GET; the web server omits the body
            scope = {**scope, "method": "GET"}
        accepted = self._accepted_at(scope["path"])
        refusal = _refusal(self._exposure, scope["method"], scope["path"], Headers(scope=scope), accepted)
        if refusal:
            await _refused(refusal, Headers(scope=scope))(scope, receive, send)
            return
        body = _Body(receive, accepted.largest_bytes, self._bodies)
        try:
            await self._app(scope, body.receive, send)
        finally:
            self._bodies.held -= body.held

    def _accepted_at(self, path: str) -> Accepted:
        return next((found for beginning, found in self._accepted.items() if path.startswith(beginning)), USUAL)


def is_loopback(host: str) -> bool:
    """Return whether `host` is this machine: localhost, 127.0.0.0/8 or ::1."""
    address = _address(host)
    return address.is_loopback if address else host.rstrip(".").lower() == "localhost"


def _with_safe_headers(send: Send) -> Send:
    """Return `send` that tells browsers to take every answer for what it is, and to show none within another page."""

    async def safe(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *_SAFE_HEADERS]}
        await send(message)

    return safe


def _refusal(exposure: Exposure, method: str, path: str, headers: Headers, accepted: Accepted) -> str | None:
    """Return why the request is refused; None if it is accepted."""
    return (
        _foreign_host(exposure, headers)
        or (None if method == _READING else _foreign_page(headers))
        or (None if (method, path) == ("GET", "/health") else _missing_token(exposure, headers))
        or (None if accepted.is_form else _form_body(method, headers))
        or _too_large(headers, accepted.largest_bytes)
    )


def _foreign_host(exposure: Exposure, headers: Headers) -> str | None:
    hosts = headers.getlist("host")
    if exposure.loopback_only and any(not is_loopback(_hostname(host)) for host in hosts):
        return "Refused: this engine answers on 127.0.0.1 and localhost only. Start it with --host to open it."
    return None


def _foreign_page(headers: Headers) -> str | None:
    sites = headers.getlist("sec-fetch-site")
    if any(site not in ("same-origin", "none") for site in sites):
        return "Refused: the request comes from a web page of another site."
    host = headers.get("host", "")
    if any(not _same_address(origin, host) for origin in headers.getlist("origin")):
        return "Refused: the request comes from a web page of another origin."
    return None


def _same_address(origin: str, host: str) -> bool:
    """Return whether `origin` is this engine itself, at an address that no other site can use."""
    try:
        page = urlsplit(origin)
    except ValueError:
        return False
    name = _hostname(host)
    return page.netloc.lower() == host.lower() and (is_loopback(name) or _address(name) is not None)


def _missing_token(exposure: Exposure, headers: Headers) -> str | None:
    if exposure.token is None:
        return None
    given = _given_token(headers.get("authorization", ""))
    return None if hmac.compare_digest(given, exposure.token.encode()) else _UNAUTHORIZED


def _given_token(authorization: str) -> bytes:
    """Return the token of a Bearer header, or the password of a Basic one, which browsers ask their users for."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.encode()
    try:
        name_and_password = base64.b64decode(value, validate=True) if scheme.lower() == "basic" else b""
    except ValueError:
        return b""
    return name_and_password.partition(b":")[2]


def _refused(refusal: str, headers: Headers) -> JSONResponse:
    """Return a refusal; a browser that opens a page gets the 401 by which it asks for the token."""
    if refusal != _UNAUTHORIZED:
        return JSONResponse({"detail": refusal}, 400)
    if headers.get("sec-fetch-mode") == "navigate" or "text/html" in headers.get("accept", ""):
        challenge = 'Basic realm="The token as password, any name", charset="UTF-8"'
        return JSONResponse({"detail": refusal}, 401, {"WWW-Authenticate": challenge})
    # Clients of engines restart an engine that answers 401.
    return JSONResponse({"detail": refusal}, 400, {"WWW-Authenticate": "Bearer"})


def _form_body(method: str, headers: Headers) -> str | None:
    content_type = headers.get("content-type", "").split(";")[0].strip().lower()
    if method != _READING and content_type in _FORM_TYPES:
        return f"Refused: Content-Type {content_type}. Send application/json, or audio/wav for a sample."
    return None


def _too_large(headers: Headers, limit: int) -> str | None:
    length = headers.get("content-length", "")
    return _too_large_message(limit) if length.isdecimal() and int(length[:20]) > limit else None


def _too_large_message(limit: int) -> str:
    return f"The body is too large: the limit is {limit // MIB} MiB."


class _Bodies:
    """Memory used by the bodies of all current requests."""

    held = 0  # bytes


class _Body:
    """Counts the bytes of a body, because a chunked body does not announce its length."""

    def __init__(self, receive: Receive, limit: int, bodies: _Bodies) -> None:
        self._receive, self._limit, self._bodies = receive, limit, bodies
        self._received = 0
        self.held = 0  # counted in the shared memory

    async def receive(self) -> Message:
        """Return the next part; raise HTTPException 400 if the body is too large, 503 if others use up the memory."""
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > self._limit:
            raise HTTPException(400, _too_large_message(self._limit))
        more = max(0, self._received - MIB) - self.held
        self.held += more
        self._bodies.held += more
        if more and self._bodies.held > LARGEST_BODIES_BYTES:
            raise HTTPException(503, "Other requests use too much memory. Retry in a moment.")
        return message


def _hostname(host: str) -> str:
    """Return the name or address of a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
