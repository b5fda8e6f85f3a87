"""BaseEngineServer: what every engine is, seen from outside.

The way of a request: serving/guards.py, a route here or in the class of the engine's kind, the one worker
(serving/activity.py), a method of the engine. An engine writes `load_model`, `unload_model` and what its kind asks for.
"""

import asyncio
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool

from engines.contract.engine_config import ENGINE_YAML, engine_info, load_engine_config, model_info
from engines.contract.errors import BusyError, EngineError, RequestError, StartError, as_engine_error
from engines.contract.wire import (
    EngineInfo,
    HealthResponse,
    LoadRequest,
    LoadResponse,
    ModelInfo,
    ModelsResponse,
    ShutdownResponse,
)
from engines.downloading.downloadable import downloadable_models
from engines.downloading.policy import DownloadPolicy
from engines.models import ModelNotFoundError, ModelStore, Progress, holds_something
from engines.serving.activity import Activity
from engines.serving.app import describe, new_app, outcome
from engines.serving.gpu import gpu_memory
from engines.serving.guards import Exposure
from engines.serving.loading import Fingerprint, ModelLoader, fingerprint
from engines.serving.process import DEFAULT_PORT, find_base_path, serve
from engines.serving.samples import SampleStore

logger = logging.getLogger(__name__)

STOP_DELAY_S = 0.1  # so that the answer to /shutdown is sent first
Result = TypeVar("Result")


class BaseEngineServer(ABC):
    """One engine: its folder, its models, and the routes that all kinds share."""

    version: ClassVar[str | None] = None  # shown by the client while the engine runs
    model_suffixes: ClassVar[tuple[str, ...]] = ()  # (".pt",) makes base.pt the model "base"
    default_port: ClassVar[int] = DEFAULT_PORT  # where neither --port nor PORT is given
    model_advice: str = ""  # how to get a model that is not there, a sentence

    def __init__(self, base_path: Path | None = None) -> None:
        """Describe the engine in the folder `base_path`, found where it is None: /app, or the folder of server.py.

        Raises StartError for an engine.yaml that is not valid. Touches no other file.
        """
        self.base_path = base_path or find_base_path()
        self.models_dir = self.base_path / "models"
        self.external_models_dir = self.base_path / "external_models"
        self.samples_dir = self.base_path / "samples"
        self.config = load_engine_config(self.base_path / ENGINE_YAML)
        self.download_policy, self.store = self._new_store()
        self.samples = SampleStore(self.samples_dir)
        self.activity = Activity()
        self._loader = ModelLoader(self, self.activity)
        self._stopping = threading.Event()
        self.stop: Callable[[], None] = self.close  # what /shutdown does; the process puts its own end here

    # What an engine writes

    @abstractmethod
    def load_model(self, model_name: str) -> None:
        """Make the model usable: its files are at `self.model_path(model_name)`. Import heavy libraries here.

        Raise UnusableModelError for files that will never load, and anything else for what may pass.
        """

    @abstractmethod
    def unload_model(self) -> None:
        """Free the model; also called after a load that failed half-way."""

    def is_complete(self, path: Path) -> bool:
        """Tell whether the folder or file `path` is a whole model; asked often, so look, but do not read."""
        return holds_something(path)

    def get_available_models(self) -> list[ModelInfo]:
        """Return what /load accepts, the default first: by default what lies in models/ or can be downloaded."""
        return [model_info(self.config, name) for name in self.store.loadable()]

    def obtain_model(self, model_name: str) -> None:
        """Bring the files of a model to models/: by default verifies them and downloads what engine.yaml lists."""
        self.store.obtain(self.store_name(model_name), cancel=self._stopping, progress=_log_progress)

    def store_name(self, model_name: str) -> str:
        """Return the entry of models/ that a name of `get_available_models` needs: by default the same name."""
        return model_name

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """Where the loaded model runs."""
        return "cpu"

    # What an engine uses

    def model_path(self, model_name: str) -> Path:
        """Return the folder or file in models/ of a model that is there."""
        return self.store.path_of(self.store_name(model_name))

    @property
    def current_model(self) -> str | None:
        """The name of the loaded model."""
        return self._loader.current

    async def perform(self, request: Request, work: Callable[[], Result]) -> Result:
        """Run `work` on the worker while a model is loaded, and return its result.

        Raises BusyError, RequestError or EngineError. Work that has not begun when its client hangs up is dropped.
        """
        return await outcome(self.activity.submit("processing", lambda: self._work(work)), request)

    def require_model(self) -> None:
        """Raise BusyError during a load, RequestError without a model."""
        if self.activity.status == "loading":
            raise BusyError("Model loading in progress. Retry after loading completes.")
        if self._loader.current is None:
            raise RequestError("Model not loaded")

    # The routes

    def create_app(self, exposure: Exposure | None = None) -> FastAPI:
        """Return the web application of this engine."""
        app = new_app(self.config.display_name, self.version, exposure or Exposure())
        self.add_routes(app)
        describe(app)
        return app

    def add_routes(self, app: FastAPI) -> None:
        """Add the routes that every engine has; a kind of engine adds its own."""
        app.get("/health", response_model=HealthResponse)(self._health)
        app.get("/info", response_model=EngineInfo)(self._info)
        app.get("/models", response_model=ModelsResponse)(self._models)
        app.post("/load", response_model=LoadResponse)(self._load_route)
        app.post("/shutdown", response_model=ShutdownResponse)(self._shutdown)

    async def _health(self) -> HealthResponse:
        """Answer at once, whatever the worker does."""
        device, current = self.device, self._loader.current
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
        """Describe the engine as its engine.yaml does now."""
        try:
            return engine_info(load_engine_config(self.base_path / ENGINE_YAML))
        except StartError as error:
            raise EngineError(str(error)) from error

    def _models(self) -> ModelsResponse:
        """List what /load accepts now."""
        try:
            models = self.get_available_models()
        except Exception as error:
            logger.exception("Cannot list the models.")
            raise as_engine_error(error) from error
        return ModelsResponse(models=models, default_model=models[0].name if models else None, device=self.device)

    async def _load_route(self, body: LoadRequest) -> LoadResponse:
        """Answer when the model is usable."""
        name = body.engine_model_name
        done = await run_in_threadpool(self._loader.request, name)
        await asyncio.shield(asyncio.wrap_future(done))
        return LoadResponse(engine_model_name=name)

    async def _shutdown(self) -> ShutdownResponse:
        """Answer, then stop."""
        logger.info("Asked to shut down.")
        asyncio.get_running_loop().call_later(STOP_DELAY_S, self.stop)
        return ShutdownResponse()

    # The worker's side

    def _work(self, work: Callable[[], Result]) -> Result:
        """Run `work` with the model that is loaded by now; what it raises is told without a word of the request."""
        if self._loader.current is None:
            raise RequestError("Model not loaded")
        try:
            return work()
        except BaseException as error:
            failure = as_engine_error(error)
            if failure is error:
                raise
            logger.error("The request failed: %s. LOG_LEVEL=DEBUG shows where.", type(error).__name__)
            logger.debug("The request failed:", exc_info=True)
            raise failure from error

    def fingerprint(self, model_name: str) -> Fingerprint:
        """Return what changes when the files of a model do."""
        try:
            return fingerprint(self.model_path(model_name))
        except ModelNotFoundError:
            return ()

    def _new_store(self) -> tuple[DownloadPolicy, ModelStore]:
        try:
            policy = DownloadPolicy.from_environment()
            models = downloadable_models([{"name": model.name, **model.metadata} for model in self.config.models])
        except ValueError as error:
            raise StartError(f"Downloads cannot be set up: {error}") from error
        return policy, ModelStore(
            self.base_path,
            default_model=self.config.default_model or "default",
            suffixes=self.model_suffixes,
            is_complete=self.is_complete,
            downloadable=models,
            policy=policy,
        )

    # Start and end

    @classmethod
    def main(cls) -> None:
        """Serve until SIGTERM, SIGINT or /shutdown; flags, PORT and LOG_LEVEL as `--help` tells."""
        serve(cls, cls.default_port)

    def close(self) -> None:
        """Take no more work, refuse what waits, and break off a download."""
        self._stopping.set()
        self.activity.close()

    def abandon(self) -> None:
        """Answer those who wait for the work that still runs."""
        self.activity.abandon()

    def finish(self, timeout_s: float) -> bool:
        """Free the model and the spare samples within `timeout_s`; tell whether all work has ended."""
        self.samples.discard_spare()
        if not self.activity.join(timeout_s):
            return False
        unloading = threading.Thread(target=self._loader.unload, name="engine-unload", daemon=True)
        unloading.start()
        unloading.join(timeout_s)
        return not unloading.is_alive()


def _log_progress(progress: Progress) -> None:
    logger.debug("Downloading %s: %d of %d bytes.", progress.file, progress.done, progress.total)
