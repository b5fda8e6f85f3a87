"""BaseEngineServer: the server that every engine shares.

A request passes serving/guards.py, a route here or in the base class of the engine's kind, the one worker
(serving/activity.py), and a method of the engine.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool

from engines.base_engine import BaseEngine
from engines.contract.engine_config import ENGINE_YAML, engine_info, load_engine_config
from engines.contract.errors import BusyError, EngineError, StartError, as_engine_error, loaded
from engines.contract.wire import (
    EngineInfo,
    HealthResponse,
    LoadRequest,
    LoadResponse,
    ModelsResponse,
    ShutdownResponse,
)
from engines.serving.app import describe, new_app, outcome
from engines.serving.connections import detail_only
from engines.serving.gpu import gpu_memory
from engines.serving.guards import BODIES, Accepted, Exposure
from engines.serving.process import DEFAULT_PORT, EngineProcess, Options
from engines.serving.samples import SampleStore

logger = logging.getLogger(__name__)

STOP_DELAY_S = 0.1  # so that the answer to /shutdown is sent first
Result = TypeVar("Result")


class BaseEngineServer(BaseEngine):
    """An engine with the routes that all kinds share."""

    default_port: ClassVar[int] = DEFAULT_PORT  # if neither --port nor PORT is given
    bodies: ClassVar[Mapping[str, Accepted]] = BODIES  # by the beginning of the path: what is larger than usual

    def __init__(self, base_path: Path | None = None) -> None:
        super().__init__(base_path)
        self.samples_dir = self.base_path / "samples"
        self.samples = SampleStore(self.samples_dir)
        self.stop: Callable[[], None] = self.close  # called by /shutdown; set by the process

    async def perform(self, request: Request, work: Callable[[], Result], *, is_admitted: bool = False) -> Result:
        """Run `work` on the worker while a model is loaded, and return its result.

        Raises BusyError, RequestError or EngineError. Work is dropped if the client disconnects before it starts.
        `is_admitted` is for the steps of a request after its first one: they are queued even if the queue is full.
        """
        done = self.activity.submit("processing", lambda: self._work(work), is_admitted=is_admitted)
        return await outcome(done, request)

    def require_model(self) -> None:
        """Raise BusyError during a load, and RequestError if no model is loaded."""
        if self.activity.status == "loading":
            raise BusyError("Model loading in progress. Retry after loading completes.")
        loaded(self.current_model)

    # The routes

    def create_app(self, exposure: Exposure | None = None) -> FastAPI:
        """Return the engine's web application."""
        app = new_app(self.config.display_name, self.version, exposure or Exposure(), self.bodies)
        self.add_routes(app)
        describe(app)
        return app

    def add_routes(self, app: FastAPI) -> None:
        """Add the routes of every engine; the kinds of engines add their own."""
        app.get("/health", response_model=HealthResponse)(self._health)
        app.get("/info", response_model=EngineInfo)(self._info)
        app.get("/models", response_model=ModelsResponse)(self._models)
        app.post("/load", response_model=LoadResponse)(self._load_route)
        app.post("/shutdown", response_model=ShutdownResponse)(self._shutdown)

    async def _health(self) -> HealthResponse:
        """Answer immediately, even while the worker is busy."""
        device, current = self.device, self.current_model
        memory = await run_in_threadpool(gpu_memory) if device == "cuda" else None
        return HealthResponse(
            status=self.activity.status,
            engine_model_loaded=current is not None,
            current_engine_model=current,
            device=device,
            error=self.activity.failure,
            package_version=self.version,
            gpu_memory_used_mb=memory.used_mb if memory else None,
            gpu_memory_total_mb=memory.total_mb if memory else None,
        )

    def _info(self) -> EngineInfo:
        """Describe the engine from its current engine.yaml."""
        try:
            return engine_info(load_engine_config(self.base_path / ENGINE_YAML))
        except StartError as error:
            raise EngineError(str(error)) from error

    def _models(self) -> ModelsResponse:
        """List the models that /load accepts."""
        try:
            models = self.get_available_models()
        except Exception as error:
            logger.exception("Cannot list the models.")
            raise as_engine_error(error) from error
        return ModelsResponse(models=models, default_model=models[0].name if models else None, device=self.device)

    async def _load_route(self, body: LoadRequest) -> LoadResponse:
        """Load a model; answer when it is usable."""
        name = body.engine_model_name
        done = await run_in_threadpool(self._loader.request, name)
        await asyncio.shield(asyncio.wrap_future(done))
        return LoadResponse(engine_model_name=name)

    async def _shutdown(self) -> ShutdownResponse:
        """Answer, then stop the server."""
        logger.info("Asked to shut down.")
        asyncio.get_running_loop().call_later(STOP_DELAY_S, self.stop)
        return ShutdownResponse()

    @staticmethod
    def error_body(path: str | None, status: int, message: str) -> dict[str, Any]:
        """Return the body of an error that is answered before any route; the path is None if it is not known."""
        return detail_only(path, status, message)

    # Runs on the worker

    def _work(self, work: Callable[[], Result]) -> Result:
        """Run `work` with the loaded model; the logged error never contains the request's text."""
        loaded(self.current_model)
        try:
            return work()
        except BaseException as error:
            failure = as_engine_error(error)
            if failure is error:
                raise
            logger.error("The request failed: %s. LOG_LEVEL=DEBUG shows the traceback.", type(error).__name__)
            logger.debug("The request failed:", exc_info=True)
            raise failure from error

    # Start and end

    @classmethod
    def main(cls) -> None:
        """Serve until SIGTERM, SIGINT or /shutdown; see `--help` for the flags, PORT and LOG_LEVEL."""
        process = EngineProcess(cls.default_port)
        with process.starting():
            exposure = cls.exposure_of(process.options)
            engine = cls()
            listener = process.listen(engine.config.name)
        engine.stop, process.close, process.abandon = process.stop, engine.close, engine.abandon
        engine.store.prepare()
        process.run(engine.create_app(exposure), listener, engine.finish, engine.error_body)

    @classmethod
    def exposure_of(cls, options: Options) -> Exposure:
        """Return who can access the server; raise StartError for options that would open it by mistake."""
        return options.exposure

    def close(self) -> None:
        """Accept no more work, refuse queued work, and cancel a download."""
        self._stopping.set()
        self.activity.close()

    def abandon(self) -> None:
        """Answer the clients of the work that is still running."""
        self.activity.abandon()

    def finish(self, timeout_s: float) -> bool:
        """Free the model and the temporary samples within `timeout_s`; return whether all work has ended."""
        self.samples.discard_spare()
        if not self.activity.join(timeout_s):
            return False
        unloading = threading.Thread(target=self._loader.unload, name="engine-unload", daemon=True)
        unloading.start()
        unloading.join(timeout_s)
        return not unloading.is_alive()
