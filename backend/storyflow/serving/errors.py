"""OpenAI's shape for the errors below /v1, which the engine's base answers as {"detail": message}."""

import json
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX = "/v1/"
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    503: "service_unavailable_error",
}


class OpenAIErrors:
    """ASGI middleware that rewrites the errors of the routes below /v1."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._answer(scope, receive, _Rewriting(send))
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, rewriting: "_Rewriting") -> None:
        """Answer here also what no handler expects: the application would do so behind this middleware."""
        try:
            await self._app(scope, receive, rewriting.send)
        except Exception as error:
            if not rewriting.has_started:
                await JSONResponse(error_document(500, str(error) or type(error).__name__), 500)(
                    scope, receive, rewriting.plain
                )
            raise


class _Rewriting:
    """Holds an error back until its body is complete."""

    def __init__(self, send: Send) -> None:
        self.plain = send
        self.has_started = False
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        """Send a message of the answer."""
        self.has_started = True
        if message["type"] == "http.response.start" and message["status"] >= 400:
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self.plain(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send_error(self._start)

    async def _send_error(self, start: Message) -> None:
        # The engine's contract has no 401; the guard says with this header what it means.
        status = 401 if "www-authenticate" in Headers(raw=start["headers"]) else start["status"]
        body = json.dumps(error_document(status, _detail(self._body))).encode()
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["Content-Length"] = str(len(body))
        headers["Content-Type"] = "application/json"
        await self.plain({**start, "status": status, "headers": headers.raw})
        await self.plain({"type": "http.response.body", "body": body})


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")


def error_document(status: int, message: str) -> dict[str, Any]:
    """Return an error as OpenAI's API has it."""
    kind = _KINDS.get(status, "server_error")
    code = "invalid_api_key" if status == 401 else None
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def body_at(path: str | None, status: int, message: str) -> dict[str, Any]:
    """Return the body of an error at `path`; in both shapes if no request has come to tell the path."""
    own, openai = {"detail": message}, error_document(status, message)
    if path is None:
        return {**own, **openai}
    return openai if path.startswith(PREFIX) else own
