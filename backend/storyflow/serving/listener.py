"""The Whisper engine, which listens for this server: a child process that runs while it is needed."""

import asyncio
import contextlib
import http.client
import importlib.util
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool

from core_engine.kokoro.installation import pip_install
from core_engine.places import given_folder
from engines.contract.engine_config import ENGINE_YAML, load_engine_config
from engines.contract.errors import BusyError, EngineError, NotFoundError, RequestError
from engines.environment import python_of
from storyflow.hosting.child_engine import Answer, ChildEngine
from storyflow.hosting.engine_folders import engine_folder, serving_folder
from storyflow.hosting.installed_models import installed_models

logger = logging.getLogger(__name__)

ENGINE = "whisper"
MOST = 8
"""Recordings that are listened to or wait at the same time; more are refused for the moment."""
IDLE_S = 600.0
"""The engine is stopped after so many seconds without work: it takes hundreds of megabytes."""

_LIBRARIES = ("faster_whisper", "whisper")


class Listener:
    """Starts the engine when it is first needed, and ends it when it is idle."""

    def __init__(self, folder: Path | None = None, idle_s: float = IDLE_S) -> None:
        """Use the engine in `folder`, or STORYFLOW_WHISPER_DIR; by default the one that comes with the software."""
        self._given = folder or given_folder("STORYFLOW_WHISPER_DIR")
        self._idle_s = idle_s
        self._engine: ChildEngine | None = None
        self._starting = asyncio.Lock()
        self._swapping = asyncio.Lock()
        self._is_free = asyncio.Event()
        self._is_free.set()
        self._model: str | None = None
        self._admitted = self._listening = 0
        self._idle: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def is_installed(self) -> bool:
        """Return whether the engine has its library: in an environment of its own, or in that of this server."""
        own = python_of(self._folder) != Path(sys.executable)
        return own or any(importlib.util.find_spec(name) for name in _LIBRARIES)

    def check_installed(self) -> None:
        """Raise NotFoundError, which says how to install the engine, if its library is missing."""
        if not self.is_installed:
            raise NotFoundError(_how_to_install(self._folder))

    async def transcribe(self, recording: IO[bytes], model: str | None, query: Mapping[str, object]) -> Any:
        """Return what the engine answers on /transcribe, with `model`, or with what is there for None.

        Raises NotFoundError if the engine or the model is not installed, BusyError if too many wait, RequestError for
        what is no recording, and EngineError if the engine fails.
        """
        await run_in_threadpool(self.check_installed)
        async with self._admission():
            engine = await self._running()
            try:
                async with self._turn(engine, await run_in_threadpool(self._name_for, model)):
                    return _result(await _transcribed(engine, recording, query))
            except EngineError as error:
                if self._is_closed:
                    raise BusyError("The server is shutting down.") from error
                raise

    def close(self) -> None:
        """End the engine for good."""
        self._is_closed = True
        self._stop()

    def _stop(self) -> None:
        if self._engine:
            self._engine.stop()

    @cached_property
    def _folder(self) -> Path:
        return self._given or serving_folder(engine_folder(ENGINE))

    @contextlib.asynccontextmanager
    async def _admission(self) -> AsyncIterator[None]:
        if self._admitted >= MOST:
            raise BusyError(f"{MOST} recordings are being listened to, or wait for it. Retry in a moment.")
        self._admitted += 1
        if self._idle:
            self._idle.cancel()
        try:
            yield
        finally:
            self._admitted -= 1
            if not self._admitted:
                self._idle = asyncio.get_running_loop().call_later(self._idle_s, self._stop_idle)

    async def _running(self) -> ChildEngine:
        async with self._starting:
            if self._engine is None or not self._engine.is_running:
                await run_in_threadpool(self._stop)
                self._engine, self._model = None, None
                self._engine = await run_in_threadpool(ChildEngine.started, self._folder)
            return self._engine

    @contextlib.asynccontextmanager
    async def _turn(self, engine: ChildEngine, model: str) -> AsyncIterator[None]:
        """Wait until `model` is loaded; another one is loaded when nobody listens any more."""
        async with self._swapping:
            if self._model != model:
                await self._is_free.wait()
                await self._load(engine, model)
            self._listening += 1
            self._is_free.clear()
        try:
            yield
        finally:
            self._listening -= 1
            if not self._listening:
                self._is_free.set()

    async def _load(self, engine: ChildEngine, model: str) -> None:
        self._model = None
        was_there = model in await run_in_threadpool(installed_models, self._folder)
        body = json.dumps({"engineModelName": model}).encode()
        answer = await _answered(engine, "/load", body, {"Content-Type": "application/json"})
        if answer.status == http.client.OK:
            self._model = model
        elif answer.status == http.client.INTERNAL_SERVER_ERROR and not was_there:
            raise NotFoundError(
                f"The Whisper model '{model}' is not installed, and cannot be fetched: {answer.detail} "
                f"Or put its file into '{self._folder / 'external_models'}'."
            )
        else:
            _result(answer)

    def _name_for(self, asked: str | None) -> str:
        """Return the model for a request; without a name that in use, the default one or another that is installed."""
        if asked is not None:
            return asked
        default = load_engine_config(self._folder / ENGINE_YAML).default_model or ""
        there = installed_models(self._folder)
        return self._model or (there[0] if there and default not in there else default)

    def _stop_idle(self) -> None:
        if self._engine and not self._admitted:
            logger.info("The engine '%s' has been idle for %.0f s and is stopped.", ENGINE, self._idle_s)
            engine, self._engine = self._engine, None
            asyncio.get_running_loop().run_in_executor(None, engine.stop)


async def _transcribed(engine: ChildEngine, recording: IO[bytes], query: Mapping[str, object]) -> Answer:
    recording.seek(0, os.SEEK_END)
    headers = {"Content-Type": "audio/wav", "Content-Length": str(recording.tell())}
    recording.seek(0)
    return await _answered(engine, f"/transcribe?{urlencode(query)}", recording, headers)


async def _answered(engine: ChildEngine, path: str, body: bytes | IO[bytes], headers: Mapping[str, str]) -> Answer:
    """Return the answer; the engine stops its work if this is cancelled."""
    call = engine.call()
    try:
        return await asyncio.to_thread(call.answer, "POST", path, body, headers)
    except asyncio.CancelledError:
        call.cancel()
        raise


def _result(answer: Answer) -> Any:
    """Return what an engine answers; raise the error that it answers with."""
    if answer.status == http.client.OK:
        return answer.document
    errors = {kind.status: kind for kind in (RequestError, NotFoundError, BusyError)}
    raise errors.get(answer.status, EngineError)(answer.detail)


def _how_to_install(folder: Path) -> str:
    listed = folder / "requirements-faster-whisper.txt"
    return (
        f"Transcriptions need the engine 'whisper', whose library is not installed. Install it with: {pip_install()} "
        f"-r '{listed}' && {pip_install()} --no-deps openai-whisper"
    )
