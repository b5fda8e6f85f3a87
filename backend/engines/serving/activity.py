"""The activity of an engine: one worker thread, a bounded queue, and the state derived from them.

The state is "loading" or "processing" while the worker has such work, "error" after failed work until the next work
starts, and "ready" otherwise.
"""

import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from engines.contract.errors import BusyError, RequestError
from engines.contract.wire import Status

logger = logging.getLogger(__name__)

QUEUE_LIMIT = 16

Kind = Literal["loading", "processing"]
Result = TypeVar("Result")


@dataclass(frozen=True)
class _Job:
    kind: Kind
    work: Callable[[], Any]
    done: Future[Any]


class Activity:
    """Runs work one after another, and reports the state."""

    def __init__(self, queue_limit: int = QUEUE_LIMIT) -> None:
        self._queue_limit = queue_limit
        self._changed = threading.Condition()
        self._waiting: deque[_Job] = deque()
        self._running: _Job | None = None
        self._failure: str | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def status(self) -> Status:
        """The state for /health."""
        with self._changed:
            job = self._running or (self._waiting[0] if self._waiting else None)
            if job:
                return job.kind
            return "error" if self._failure else "ready"

    @property
    def failure(self) -> str | None:
        """Why the last work failed; None if it succeeded, was refused, or other work has started since."""
        with self._changed:
            return self._failure

    def forget_failure(self) -> None:
        """Clear the error, because what failed is fine now."""
        with self._changed:
            self._failure = None

    def submit(self, kind: Kind, work: Callable[[], Result], *, is_admitted: bool = False) -> "Future[Result]":
        """Queue `work` and return its future; raise BusyError if the queue is full or the server is stopping.

        Work that is admitted is one step of a request that is being answered: it is queued even if the queue is full.
        """
        with self._changed:
            if self._closed:
                raise BusyError("The engine is shutting down.")
            self._waiting = deque(job for job in self._waiting if not job.done.cancelled())
            if len(self._waiting) >= self._queue_limit and not is_admitted:
                raise BusyError(f"The queue is full ({self._queue_limit} requests). Retry in a moment.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="engine-worker", daemon=True)
                self._thread.start()
            job = _Job(kind, work, Future())
            self._waiting.append(job)
            self._changed.notify_all()
            return job.done

    def close(self) -> None:
        """Accept no more work and refuse queued work; running work continues."""
        with self._changed:
            self._closed = True
            refused, self._waiting = list(self._waiting), deque()
            self._changed.notify_all()
        for job in refused:
            _settle(job.done, error=BusyError("The engine is shutting down."))

    def abandon(self) -> None:
        """Answer the clients of the running work; the work itself cannot be stopped."""
        with self._changed:
            running = self._running
        if running:
            _settle(running.done, error=BusyError("The engine is shutting down."))

    def join(self, timeout_s: float) -> bool:
        """Wait for the worker to end after `close`; return whether it has."""
        if self._thread is not None:
            self._thread.join(timeout_s)
            return not self._thread.is_alive()
        return True

    def _run(self) -> None:
        while self._run_next():
            pass

    def _run_next(self) -> bool:
        """Do the next work; return False if the activity is closed.

        A separate function, so that its frame does not keep the last result or error alive while the worker waits.
        """
        job = self._next()
        if job is None:
            return False
        result, error = _attempt(job.work)
        with self._changed:
            self._running = None
            self._failure = _failure_text(error)
            self._changed.notify_all()
        _settle(job.done, result, error)
        return True

    def _next(self) -> _Job | None:
        """Wait for a job that has not been cancelled; return None if the activity is closed."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return None
                job = self._waiting.popleft()
                if job.done.set_running_or_notify_cancel():
                    self._running, self._failure = job, None
                    return job


def release_frames(error: BaseException) -> None:
    """Clear the local variables in the tracebacks of `error` and its causes.

    An error lives until its client is answered, and in reference cycles until they are collected; the tensors of a
    failed generation, or a partly loaded model, must be freed earlier.
    """
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            traceback.clear_frames(one.__traceback__)
            waiting += [one.__cause__, one.__context__]


def _attempt(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return work(), None
    except BaseException as error:
        release_frames(error)
        return None, error


def _failure_text(error: BaseException | None) -> str | None:
    """Return the error for /health; None for a refusal, which is not a failure."""
    if error is None or isinstance(error, (RequestError, BusyError)):
        return None
    return str(error) or type(error).__name__


def _settle(future: "Future[Any]", result: Any = None, error: BaseException | None = None) -> None:
    try:
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
    except InvalidStateError:  # cancelled, or answered by `abandon`
        logger.debug("The result is no longer needed.")
