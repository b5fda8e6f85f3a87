"""Load models for `/load`, one at a time.

If the model is already loaded, the answer is immediate; if it is being loaded, the request waits; any other model
replaces the current one. A load belongs to the server, not to its request: it continues if the client disconnects.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from engines.contract.errors import as_engine_error
from engines.serving.activity import Activity, release_frames
from engines.serving.gpu import release_unused_memory

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Pending:
    name: str
    done: "Future[None]"


class ModelLoader:
    """Loads one model at a time."""

    def __init__(
        self,
        activity: Activity,
        check: Callable[[str], None],
        load: Callable[[str], None],
        unload: Callable[[], None],
    ) -> None:
        """Run `load` and `unload` on the worker of `activity`; `check` raises for a wrong name before that."""
        self._activity = activity
        self._check, self._load_model, self._unload_model = check, load, unload
        self._lock = threading.RLock()
        self._current: str | None = None
        self._pending: _Pending | None = None

    @property
    def current(self) -> str | None:
        """The name of the loaded model, as given; None before the first load and during a load."""
        return self._current

    def request(self, name: str) -> "Future[None]":
        """Return a future that completes when the model `name` is usable.

        Raises what `check` raises, without queueing, and BusyError if the queue is full.
        """
        with self._lock:
            joined = self._join(name)
        if joined:
            return joined
        self._check(name)
        with self._lock:
            return self._join(name) or self._submit(name)

    def unload(self) -> None:
        """Free the loaded model; call it on the worker, or after the worker has ended."""
        if self._current is not None:
            name, self._current = self._current, None
            self._unload_model()
            release_unused_memory()
            logger.info("Unloaded model '%s'.", name)

    def _join(self, name: str) -> "Future[None] | None":
        """Return the future of a load that makes a new one unnecessary; None otherwise."""
        if self._pending:
            return self._pending.done if self._pending.name == name else None
        if self._current != name:
            return None
        self._activity.forget_failure()
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def _submit(self, name: str) -> "Future[None]":
        done = self._activity.submit("loading", lambda: self._swap(name))
        self._pending = _Pending(name, done)
        done.add_done_callback(self._forget_pending)
        return done

    def _swap(self, name: str) -> None:
        """Replace the loaded model by `name`; after a failure no model is loaded."""
        if self._current == name:
            return
        started = time.monotonic()
        logger.info("Loading model '%s'.", name)
        try:
            self.unload()
            self._load_model(name)
        except BaseException as error:
            failure = as_engine_error(error)
            logger.error("Cannot load model '%s': %s", name, failure, exc_info=failure is not error)
            release_frames(error)  # before freeing: they refer to what has been loaded so far
            self._clean_up()
            if failure is error:
                raise
            raise failure from error
        self._current = name
        logger.info("Loaded model '%s' in %.2f s.", name, time.monotonic() - started)

    def _clean_up(self) -> None:
        with contextlib.suppress(Exception):
            self._unload_model()
        release_unused_memory()

    def _forget_pending(self, done: "Future[None]") -> None:
        with self._lock:
            if self._pending and self._pending.done is done:
                self._pending = None
