"""Which model is loaded, and what `/load` means.

A model that is loaded already is answered at once, one that is being loaded is waited for, any other is put in its
place. A load belongs to the server, not to the request that asked for it: it goes on when the client hangs up.
"""

import contextlib
import logging
import os
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engines.contract.errors import BusyError, NotFoundError, RequestError, UnusableModelError, as_engine_error
from engines.contract.wire import ModelInfo
from engines.downloading.policy import DownloadCancelledError
from engines.models import DamagedModelError, ModelNotFoundError
from engines.serving.activity import Activity, release_frames
from engines.serving.gpu import release_unused_memory
from engines.store.names import InvalidNameError, checked_name

logger = logging.getLogger(__name__)

Fingerprint = tuple[tuple[str, int, int], ...]


class LoadsModels(Protocol):
    """What the loader needs of an engine."""

    @property
    def model_advice(self) -> str:
        """How to get a model that is not there; may be empty."""

    def get_available_models(self) -> list[ModelInfo]:
        """Return what can be loaded."""

    def obtain_model(self, model_name: str) -> None:
        """Bring the files to models/."""

    def load_model(self, model_name: str) -> None:
        """Make the model usable."""

    def unload_model(self) -> None:
        """Free the model."""

    def fingerprint(self, model_name: str) -> Fingerprint:
        """Return what changes when the files of the model do."""


@dataclass(frozen=True)
class _Pending:
    name: str
    done: "Future[None]"


@dataclass(frozen=True)
class _Failure:
    files: Fingerprint
    reason: str  # not the error itself, which would keep its traceback and with it what was loaded


class ModelLoader:
    """Loads one model at a time with the methods of an engine."""

    def __init__(self, engine: LoadsModels, activity: Activity) -> None:
        self._engine = engine
        self._activity = activity
        self._lock = threading.RLock()
        self._current: str | None = None
        self._pending: _Pending | None = None
        self._failures: dict[str, _Failure] = {}

    @property
    def current(self) -> str | None:
        """The name of the model that is loaded, as it was given; None before the first and during a load."""
        return self._current

    def request(self, name: str) -> "Future[None]":
        """Return a future that is done when the model `name` is usable.

        Raises RequestError for an invalid name, NotFoundError for an unknown one, UnusableModelError for a model that
        failed before and has the same files, all without queueing; and BusyError where the queue is full.
        """
        with self._lock:
            joined = self._join(name)
        if joined:
            return joined
        self._check_known(name)
        with self._lock:
            return self._join(name) or self._submit(name)

    def unload(self) -> None:
        """Free the loaded model; called on the worker, or after it has ended."""
        if self._current is not None:
            name, self._current = self._current, None
            self._engine.unload_model()
            release_unused_memory()
            logger.info("Unloaded model '%s'.", name)

    def _join(self, name: str) -> "Future[None] | None":
        """Return the future of a load that makes another one unnecessary."""
        if self._pending:
            return self._pending.done if self._pending.name == name else None
        if self._current != name:
            return None
        self._activity.forget_failure()
        return _done()

    def _check_known(self, name: str) -> None:
        try:
            checked_name(name, "model name")
        except InvalidNameError as error:
            raise RequestError(str(error)) from error
        known = [model.name for model in self._engine.get_available_models()]
        if name not in known:
            missing = f"Model not found: '{name}'. Available: {', '.join(known) or 'none'}. {self._engine.model_advice}"
            raise NotFoundError(missing.rstrip())
        failure = self._failures.get(name)
        if failure and failure.files == self._engine.fingerprint(name):
            raise UnusableModelError(failure.reason)

    def _submit(self, name: str) -> "Future[None]":
        done = self._activity.submit("loading", lambda: self._swap(name))
        self._pending = _Pending(name, done)
        done.add_done_callback(self._forget_pending)
        return done

    def _swap(self, name: str) -> None:
        """Put the model `name` in the place of the one that is loaded; after a failure none is."""
        if self._current == name:
            return
        started = time.monotonic()
        logger.info("Loading model '%s'.", name)
        try:
            self.unload()
            self._load(name)
        except BaseException as error:
            failure = as_engine_error(error)
            logger.error("Cannot load model '%s': %s", name, failure, exc_info=failure is not error)
            release_frames(error)  # before the cleaning up: they hold what has been loaded so far
            self._clean_up()
            if failure is error:
                raise
            raise failure from error
        self._current = name
        logger.info("Loaded model '%s' in %.2f s.", name, time.monotonic() - started)

    def _load(self, name: str) -> None:
        self._obtain(name)
        files = self._engine.fingerprint(name)
        try:
            self._engine.load_model(name)
        except UnusableModelError as error:
            self._failures[name] = _Failure(files, str(error))
            raise
        self._failures.pop(name, None)

    def _obtain(self, name: str) -> None:
        try:
            self._engine.obtain_model(name)
        except ModelNotFoundError as error:
            raise NotFoundError(str(error)) from error
        except DamagedModelError as error:
            raise UnusableModelError(str(error)) from error
        except DownloadCancelledError as error:
            raise BusyError("The engine is shutting down.") from error

    def _clean_up(self) -> None:
        with contextlib.suppress(Exception):
            self._engine.unload_model()
        release_unused_memory()

    def _forget_pending(self, done: "Future[None]") -> None:
        with self._lock:
            if self._pending and self._pending.done is done:
                self._pending = None


def fingerprint(path: Path) -> Fingerprint:
    """Return path, size and time of change (ns) of every file of the model at `path`; hidden ones are only notes."""
    folders = os.walk(path, followlinks=True) if path.is_dir() else [(str(path.parent), [], [path.name])]
    files = (Path(folder) / name for folder, _, names in folders for name in names if not name.startswith("."))
    return tuple(sorted((str(file), *_size_and_time(file)) for file in files))


def _size_and_time(file: Path) -> tuple[int, int]:
    try:
        stat = file.stat()
    except OSError:
        return -1, -1
    return stat.st_size, stat.st_mtime_ns


def _done() -> "Future[None]":
    future: Future[None] = Future()
    future.set_result(None)
    return future
