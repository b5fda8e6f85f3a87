"""The web application of an engine: guards, errors and answers, without the routes of the engine's base class."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from engines.contract.errors import RETRY_AFTER_S, BusyError, EngineError
from engines.contract.wire import ErrorResponse
from engines.serving.docs_page import docs_page
from engines.serving.guards import BODIES, Accepted, Exposure, RequestGuard

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# For the OpenAPI description: the answers of every route besides 200.
RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorResponse, "description": "The request is invalid."},
    404: {"model": ErrorResponse, "description": "The model, sample or route does not exist."},
    500: {"model": ErrorResponse, "description": "The engine failed."},
    503: {"model": ErrorResponse, "description": "The engine is loading, full or stopping: retry."},
}


def new_app(title: str, version: str | None, exposure: Exposure, bodies: Mapping[str, Accepted] = BODIES) -> FastAPI:
    """Return an application without routes that answers only with 200, 400, 404, 500 and 503."""
    app = FastAPI(
        title=title,
        version=version or "0",
        redirect_slashes=False,
        responses=RESPONSES,
        docs_url=None,  # FastAPI's pages load scripts from a CDN
        redoc_url=None,
    )
    app.add_middleware(RequestGuard, exposure=exposure, bodies=bodies)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _refused_by_framework)
    app.add_exception_handler(EngineError, _engine_error)
    app.add_exception_handler(ClientDisconnect, _client_left)
    app.add_exception_handler(Exception, _unexpected_error)
    return app


def describe(app: FastAPI) -> None:
    """Correct the OpenAPI description of the finished `app`: validation fails with 400, never with 422; show it."""
    original: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        description = original()
        for path in description["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            description.get("components", {}).get("schemas", {}).pop(name, None)
        return description

    def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()))

    app.openapi = openapi  # type: ignore[method-assign]
    app.get("/docs", include_in_schema=False)(docs)


async def outcome(done: "Future[Result]", request: Request) -> Result:
    """Return the result of queued work; drop the work if the client disconnects before it starts."""
    waiting = asyncio.wrap_future(done)
    await _until_done_or_gone(waiting, request)
    if not waiting.done() and done.cancel():
        raise BusyError("The client disconnected.")
    return await waiting


async def until_gone(work: Coroutine[Any, Any, Result], request: Request) -> Result:
    """Return the result of `work`, which is cancelled if the client disconnects; raise BusyError then."""
    doing = asyncio.ensure_future(work)
    try:
        await _until_done_or_gone(doing, request)
        if not doing.done():
            raise BusyError("The client disconnected.")
        return await doing
    finally:
        doing.cancel()


async def _until_done_or_gone(doing: "asyncio.Future[Any]", request: Request) -> None:
    hang_up = asyncio.ensure_future(_hang_up(request))
    try:
        either: set[asyncio.Future[Any]] = {doing, hang_up}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hang_up.cancel()


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _answer(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    # A lone surrogate from a request cannot be sent back.
    shown = detail.encode("utf-8", "replace").decode("utf-8")
    return JSONResponse({"detail": shown}, status_code=status, headers=headers)


async def _invalid_request(_request: Request, error: Exception) -> JSONResponse:
    """Turn 422 into 400: the client restarts an engine that answers 422. The message never repeats the input."""
    if not isinstance(error, RequestValidationError):
        raise error
    return _answer(400, f"Invalid request. {'; '.join(_problem(problem) for problem in error.errors()[:5])}.")


def _problem(problem: dict[str, Any]) -> str:
    """Describe a problem; for the body as a whole in our own words, since pydantic's do not help a client."""
    if problem["type"] == "json_invalid":
        place = problem["loc"][-1] if len(problem["loc"]) > 1 else "?"
        return f"The body is not valid JSON: {problem.get('ctx', {}).get('error', problem['msg'])} at character {place}"
    if problem["loc"] == ("body",):
        return "Send the body as a JSON object with the header Content-Type: application/json"
    return f"{_field(problem['loc'])}: {problem['msg']}"


def _field(location: tuple[Any, ...]) -> str:
    names = [str(part)[:60] for part in location if part != "body"]
    return f"field '{'.'.join(names)}'" if names else "body"


async def _refused_by_framework(request: Request, error: Exception) -> JSONResponse:
    """Map the web framework's errors to 400 or 404."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404:
        return _answer(404, "Not found. GET /docs lists the routes of this engine.")
    if error.status_code == 405:
        return _answer(
            400, f"{request.method} is not allowed here. GET /docs lists the routes.", dict(error.headers or {})
        )
    if error.status_code == BusyError.status:
        return await _engine_error(request, BusyError(str(error.detail)))
    return _answer(400 if error.status_code < 500 else 500, str(error.detail))


async def _engine_error(_request: Request, error: Exception) -> JSONResponse:
    status = error.status if isinstance(error, EngineError) else 500
    headers = {"Retry-After": str(RETRY_AFTER_S)} if isinstance(error, BusyError) else None
    return _answer(status, str(error), headers)


async def _client_left(request: Request, _error: Exception) -> JSONResponse:
    """End the request of a client that disconnected while sending its body; the answer is not sent."""
    logger.debug("The client disconnected during %s %s.", request.method, request.url.path)
    return _answer(400, "The body is incomplete.")


async def _unexpected_error(_request: Request, error: Exception) -> JSONResponse:
    return _answer(500, str(error) or type(error).__name__)
