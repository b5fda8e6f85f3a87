"""BaseEngine: an engine without its server: its folder, its models, and how they are loaded.

An engine implements `load_model`, `unload_model` and what its kind requires; base_server.py does the rest.
"""

import logging
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from engines.contract.engine_config import ENGINE_YAML, load_engine_config, model_info
from engines.contract.errors import BusyError, NotFoundError, RequestError, StartError, UnusableModelError
from engines.contract.wire import Device, ModelInfo
from engines.downloading.downloadable import downloadable_models
from engines.downloading.policy import DownloadCancelledError, DownloadPolicy
from engines.downloading.staging import Progress
from engines.models import ModelNotFoundError, ModelStore
from engines.serving.activity import Activity
from engines.serving.loading import ModelLoader
from engines.serving.process import find_base_path
from engines.store.file_state import States, states_below
from engines.store.links import holds_something
from engines.store.manifest import DamagedModelError, manifest_path
from engines.store.names import InvalidNameError, checked_name

logger = logging.getLogger(__name__)


class BaseEngine(ABC):
    """One engine: its folder and its models."""

    version: ClassVar[str | None] = None  # shown by the client while the engine runs
    model_suffixes: ClassVar[tuple[str, ...]] = ()  # (".pt",) makes base.pt the model "base"
    model_advice: str = ""  # a sentence: how to get a missing model

    def __init__(self, base_path: Path | None = None) -> None:
        """Read the engine in the folder `base_path`, by default /app in a container and else the folder of server.py.

        Raises StartError if engine.yaml is invalid. Touches no other file.
        """
        self.base_path = base_path or find_base_path()
        self.models_dir = self.base_path / "models"
        self.external_models_dir = self.base_path / "external_models"
        self.config = load_engine_config(self.base_path / ENGINE_YAML)
        self.download_policy, self.store = self._new_store()
        self.activity = Activity()
        self._loader = ModelLoader(self.activity, self._check_loadable, self._bring_and_load, self._free)
        self._unusable: dict[str, tuple[States, str]] = {}  # files and message, not the error with its frames
        self._device: Device = "cpu"  # an engine changes it in `load_model`
        self._stopping = threading.Event()

    # Implemented by an engine

    @abstractmethod
    def load_model(self, model_name: str) -> None:
        """Load the model, whose files are at `self.model_path(model_name)`. Import heavy libraries here.

        Raise UnusableModelError for files that can never be loaded, and any other exception for temporary problems.
        """

    @abstractmethod
    def unload_model(self) -> None:
        """Free the model; also called after a failed load."""

    def is_complete(self, path: Path) -> bool:
        """Return whether the folder or file `path` is a complete model; called often, so do not read the files."""
        return holds_something(path)

    def get_available_models(self) -> list[ModelInfo]:
        """Return the names that /load accepts, the default first: those in models/ and those that can be downloaded."""
        return [model_info(self.config, name) for name in self.store.loadable()]

    def obtain_model(self, model_name: str) -> None:
        """Put the files of a model into models/: by default, verify them or download what engine.yaml lists."""
        self.store.obtain(
            self.store_name(model_name),
            is_open=self.is_open(model_name),
            cancel=self._stopping,
            progress=_log_progress,
        )

    def store_name(self, model_name: str) -> str:
        """Return the entry of models/ for a name of `get_available_models`: by default the same name."""
        return model_name

    def is_open(self, model_name: str) -> bool:  # noqa: ARG002 - for engines that keep files open between loads
        """Return whether the engine has a model's files open, so that they are verified again only after a change."""
        return False

    @property
    def device(self) -> Device:
        """The device that the loaded model runs on."""
        return self._device

    # Used by an engine

    def model_path(self, model_name: str) -> Path:
        """Return the folder or file of an existing model in models/."""
        return self.store.path_of(self.store_name(model_name))

    @property
    def current_model(self) -> str | None:
        """The name of the loaded model."""
        return self._loader.current

    def files_of(self, model_name: str) -> States:
        """Return a value that changes when the files of a model do."""
        path = self.store.find(self.store_name(model_name))
        return (*states_below(path), *states_below(manifest_path(path))) if path else ()

    # Used by the loader

    def _check_loadable(self, name: str) -> None:
        """Raise what /load answers if the model is unknown, or has failed to load before with the same files."""
        try:
            checked_name(name, "model name")
        except InvalidNameError as error:
            raise RequestError(str(error)) from error
        known = [model.name for model in self.get_available_models()]
        if name not in known:
            missing = f"Model not found: '{name}'. Available: {', '.join(known) or 'none'}. {self.model_advice}"
            raise NotFoundError(missing.rstrip())
        failed, reason = self._unusable.get(name, (None, ""))
        if failed is not None and failed == self.files_of(name):
            raise UnusableModelError(reason)

    def _bring_and_load(self, name: str) -> None:
        files = self.files_of(name)
        try:
            self._bring(name)
            files = self.files_of(name)
            self.load_model(name)
        except UnusableModelError as error:
            self._unusable[name] = (files, str(error))
            raise
        self._unusable.pop(name, None)

    def _free(self) -> None:
        self._device = "cpu"
        self.unload_model()

    def _bring(self, name: str) -> None:
        try:
            self.obtain_model(name)
        except ModelNotFoundError as error:
            raise NotFoundError(str(error)) from error
        except DamagedModelError as error:
            raise UnusableModelError(str(error)) from error
        except DownloadCancelledError as error:
            raise BusyError("The engine is shutting down.") from error

    def _new_store(self) -> tuple[DownloadPolicy, ModelStore]:
        try:
            policy = DownloadPolicy.from_environment()
            models = downloadable_models([{"name": model.name, **model.metadata} for model in self.config.models])
        except ValueError as error:
            raise StartError(f"Downloads are not possible: {error}") from error
        return policy, ModelStore(
            self.base_path,
            default_model=self.config.default_model or "default",
            suffixes=self.model_suffixes,
            is_complete=self.is_complete,
            downloadable=models,
            policy=policy,
        )


def _log_progress(progress: Progress) -> None:
    logger.debug("Downloading %s: %d of %d bytes.", progress.file, progress.done, progress.total)
