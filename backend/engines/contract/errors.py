"""What an engine server refuses or fails at, each with the one HTTP status that makes the client do the right thing.

The client takes 400 and 404 as final, repeats a 503 every second, and restarts the engine after anything else. So only
200, 400, 404, 500 and 503 leave a server.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import ClassVar, TypeVar

Model = TypeVar("Model")
LONGEST_REASON = 300  # characters of what a library says; some add much advice
RETRY_AFTER_S = 1


class EngineError(Exception):
    """The engine failed at something it should be able to do: the client restarts it and tries again."""

    status: ClassVar[int] = 500


class RequestError(EngineError):
    """The request cannot be fulfilled however often it is sent."""

    status = 400


class NotFoundError(RequestError):
    """The request names a model, a sample or a route that is not here."""

    status = 404


class BusyError(EngineError):
    """The same request may be fulfilled in a moment."""

    status = 503


class UnusableModelError(RequestError):
    """A model is there but cannot be loaded until its files change; later loads repeat this answer at once.

    Not a 500: the client would restart the engine three times to meet the same files.
    """


class OutOfMemoryError(EngineError):
    """The device has no memory left for this request.

    Not a 503: the client would send the very request that was too large 300 times. A restart frees the memory.
    """


class StartError(Exception):
    """The server cannot start; the message says why and what to do."""


_GPU_WORDS = ("cuda", "cublas", "cudnn", "gpu")
_MEMORY_WORDS = ("out of memory", "outofmemory", "allocate memory", "alloc_failed", "bad_alloc")


def loaded(model: Model | None) -> Model:
    """Return `model`; raise RequestError where there is none."""
    if model is None:
        raise RequestError("Model not loaded")
    return model


def unsupported_language(language: str, known: Iterable[str], otherwise: str = "") -> RequestError:
    """Return the refusal of a language beside those that are `known`; `otherwise` is what else would help."""
    return RequestError(f"Unsupported language {language[:20]!r}. Use one of {', '.join(known)}{otherwise}.")


@contextlib.contextmanager
def unusable_if_damaged(problem: str, advice: str) -> Iterator[None]:
    """Raise UnusableModelError of `problem`, the reason and `advice` for whatever a library says to damaged files.

    What may pass is raised as it comes: want of memory, a GPU that fails, a missing package, or the disk. An OSError
    of the disk has a number; libraries raise others for files that they do not understand.
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
    """Return what the client is told about `error`, whatever an engine or its libraries raised."""
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
