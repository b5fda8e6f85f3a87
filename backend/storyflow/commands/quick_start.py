"""What makes a short command take less time besides the model."""

import os

_kept: list[object] = []

_THREADS = "OPENBLAS_NUM_THREADS"


def import_numpy_without_threads() -> None:
    """Import numpy without its threads for products of large matrices, unless OPENBLAS_NUM_THREADS says how many.

    They wait for work in a busy loop, which takes a core from the model that is being opened. Processes that this one
    starts have theirs.
    """
    is_given = _THREADS in os.environ
    os.environ.setdefault(_THREADS, "1")
    try:
        import numpy  # noqa: F401
    finally:
        if not is_given:
            del os.environ[_THREADS]


def keep_to_the_end(thing: object) -> None:
    """Keep the last such thing until the process ends: to free the session of a large model takes 20 ms."""
    _kept[:] = [thing]
