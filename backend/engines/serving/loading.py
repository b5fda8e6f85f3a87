"""Which model is loaded, and what `/load` means.

A model that is loaded already is answered at once, one that is being loaded is waited for, any other is put in its
place. A load belongs to the server, not to the request that asked for it: it goes on when the client hangs up.
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
        """Let `load` and `unload` work on the worker of `activity`; `check` refuses a name before that."""
        self._activity = activity
        self._check, self._load_model, self._unload_model = check, load, unload
        self._lock = threading.RLock()
        self._current: str | None = None
        self._pending: _Pending | None = None

    @property
    def current(self) -> str | None:
        """The name of the model that is loaded, as it was given; None before the first and during a load."""
        return self._current

    def request(self, name: str) -> "Future[None]":
        """Return a future that is done when the model `name` is usable.

        Raises what `check` does without queueing, and BusyError where the queue is full.
        """
        with self._lock:
            joined = self._join(name)
        if joined:
            return joined
        self._check(name)
        with self._lock:
            return self._join(name) or self._submit(name)

    def unload(self) -> None:
        """Free the loaded model; called on the worker, or after it has ended."""
        if self._current is not None:
            name, self._current = self._current, None
            self._unload_model()
            release_unused_memory()
            logger.info("Unloaded model '%s'.", name)

    def _join(self, name: str) -> "Future[None] | None":
        """Return the future of a load that makes another one unnecessary."""
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
        """Put the model `name` in the place of the one that is loaded; after a failure none is."""
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
            release_frames(error)  # before the cleaning up: they hold what has been loaded so far
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
