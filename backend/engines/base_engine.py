"""BaseEngine: an engine without its server: the folder, the models in it, and how one of them comes to be loaded.

An engine writes `load_model`, `unload_model` and what its kind asks for; base_server.py is the rest.
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
    model_advice: str = ""  # how to get a model that is not there, a sentence

    def __init__(self, base_path: Path | None = None) -> None:
        """Describe the engine in the folder `base_path`, found where it is None: /app, or the folder of server.py.

        Raises StartError for an engine.yaml that is not valid. Touches no other file.
        """
        self.base_path = base_path or find_base_path()
        self.models_dir = self.base_path / "models"
        self.external_models_dir = self.base_path / "external_models"
        self.config = load_engine_config(self.base_path / ENGINE_YAML)
        self.download_policy, self.store = self._new_store()
        self.activity = Activity()
        self._loader = ModelLoader(self.activity, self._check_loadable, self._bring_and_load, self._free)
        self._unusable: dict[str, tuple[States, str]] = {}  # the files that failed, and why: no error with its frames
        self._device: Device = "cpu"  # an engine says in `load_model` where else its model runs
        self._stopping = threading.Event()

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
        self.store.obtain(
            self.store_name(model_name),
            is_open=self.is_open(model_name),
            cancel=self._stopping,
            progress=_log_progress,
        )

    def store_name(self, model_name: str) -> str:
        """Return the entry of models/ that a name of `get_available_models` needs: by default the same name."""
        return model_name

    def is_open(self, model_name: str) -> bool:  # noqa: ARG002 - for engines that keep files open between loads
        """Tell whether the engine still has the files of a model open: then only those that changed are read again."""
        return False

    @property
    def device(self) -> Device:
        """Where the loaded model runs."""
        return self._device

    # What an engine uses

    def model_path(self, model_name: str) -> Path:
        """Return the folder or file in models/ of a model that is there."""
        return self.store.path_of(self.store_name(model_name))

    @property
    def current_model(self) -> str | None:
        """The name of the loaded model."""
        return self._loader.current

    def files_of(self, model_name: str) -> States:
        """Return what changes when the files of a model do."""
        path = self.store.find(self.store_name(model_name))
        return (*states_below(path), *states_below(manifest_path(path))) if path else ()

    # What the loader uses

    def _check_loadable(self, name: str) -> None:
        """Refuse what /load cannot fulfil, with what it failed at before where the files are the same."""
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
            raise StartError(f"Downloads cannot be set up: {error}") from error
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
