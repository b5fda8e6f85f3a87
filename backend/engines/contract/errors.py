"""The errors of an engine server, each with the HTTP status that makes the client react correctly.

The client treats 400 and 404 as final, retries a 503 every second, and restarts the engine after anything else. So a
server sends only 200, 400, 404, 500 and 503.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import ClassVar, TypeVar

Model = TypeVar("Model")
LONGEST_REASON = 300  # characters of a library's message; some add long advice
RETRY_AFTER_S = 1


class EngineError(Exception):
    """The engine failed: the client restarts it and tries again."""

    status: ClassVar[int] = 500


class RequestError(EngineError):
    """The request is invalid: retrying does not help."""

    status = 400


class NotFoundError(RequestError):
    """The model, sample or route does not exist."""

    status = 404


class BusyError(EngineError):
    """The engine is busy: the same request may succeed in a moment."""

    status = 503


class UnusableModelError(RequestError):
    """The model exists but cannot be loaded until its files change; later loads repeat this answer immediately.

    Not a 500: the client would restart the engine three times for the same files.
    """


class OutOfMemoryError(EngineError):
    """The device does not have enough memory for this request.

    Not a 503: the client would repeat the same request 300 times. A restart frees the memory.
    """


class StartError(Exception):
    """The server cannot start; the message says why and what to do."""


_GPU_WORDS = ("cuda", "cublas", "cudnn", "gpu")
_MEMORY_WORDS = ("out of memory", "outofmemory", "allocate memory", "alloc_failed", "bad_alloc")


def loaded(model: Model | None) -> Model:
    """Return `model`; raise RequestError if it is None."""
    if model is None:
        raise RequestError("Model not loaded")
    return model


def unsupported_language(language: str, known: Iterable[str], otherwise: str = "") -> RequestError:
    """Return the error for a language that is not `known`; `otherwise` is further advice."""
    return RequestError(f"Unsupported language {language[:20]!r}. Use one of {', '.join(known)}{otherwise}.")


@contextlib.contextmanager
def unusable_if_damaged(problem: str, advice: str) -> Iterator[None]:
    """Raise UnusableModelError, with `problem`, the reason and `advice`, for a library's errors about damaged files.

    Temporary problems are raised unchanged: lack of memory, GPU failures, missing packages, and disk errors. A disk
    error is an OSError with an errno; libraries raise other OSErrors for invalid files.
    """
    try:
        yield
    except (EngineError, ImportError, MemoryError):
        raise
    except Exception as error:
        gpu_or_memory = isinstance(as_engine_error(error), OutOfMemoryError) or "cuda" in str(error).lower()
        if gpu_or_memory or getattr(error, "errno", None) is not None:
            raise
        reason = f"{type(error).__name__}: {error}"[:LONGEST_REASON].rstrip(": .")
        raise UnusableModelError(f"{problem}: {reason}. {advice}") from error


def as_engine_error(error: BaseException) -> EngineError:
    """Return the error to send to the client for any exception of an engine or its libraries."""
    if isinstance(error, EngineError):
        return error
    text = f"{type(error).__name__}: {error}".lower()
    if isinstance(error, MemoryError) or any(word in text for word in _MEMORY_WORDS):
        gpu = any(word in text for word in _GPU_WORDS)
        where = "[GPU_OOM]GPU out" if gpu else "Out"
        return OutOfMemoryError(f"{where} of memory. Try smaller input or restart engine.")
    if isinstance(error, ImportError):
        return EngineError(f"{error}. Run `pip install -r requirements.txt` in the engine's environment.")
    return EngineError(str(error) or type(error).__name__)
