"""Give the session of a large model an arena of its own, in one large region, so that its runs waste little memory.

By default the runtime's arena grows by regions, each twice as large as the one before, and tensors of 70 MB fit badly
into them. Of a region, only pages that were used take memory, besides a thirtieth for its table of places.

The runtime takes settings of an arena only for the one that sessions may share. So a new one is registered before each
session is opened, and replaced by an empty one as soon as the session holds it: then it ends with the session.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime as ort

logger = logging.getLogger(__name__)

Create = Callable[..., Any]

_LARGE_MODEL_BYTES = 32 << 20  # the tensors of smaller ones are small, too

_RUN_BYTES = 1 << 29
"""Enough for the weights of Kokoro in int8 and a run of 510 tokens; the next region is twice as large."""

_MOST_RUNS = 2  # as large as a region can be

_EMPTY_BYTES = 1 << 20

_DOUBLING = 0  # the runtime's default

_one_at_a_time = threading.Lock()


def with_arena_for(model: Path, runs_at_once: int, create: Create) -> Create:
    """Wrap `create`, which opens a session with `sess_options`, so that its session has an arena for a large `model`.

    With onnxruntime before 1.23, which cannot replace the shared arena, sessions have the default one.
    """
    try:
        return _in_one_region(runs_at_once, create) if model.stat().st_size >= _LARGE_MODEL_BYTES else create
    except OSError:  # the runtime reports missing files
        return create


def _in_one_region(runs_at_once: int, create: Create) -> Create:
    def open_in_arena(*model: Any, sess_options: Any, **options: Any) -> Any:
        with _one_at_a_time:
            if _register(_EMPTY_BYTES) and _register(_RUN_BYTES * min(runs_at_once, _MOST_RUNS)):
                sess_options.add_session_config_entry("session.use_env_allocators", "1")
            try:
                return create(*model, sess_options=sess_options, **options)
            finally:
                _register(_EMPTY_BYTES)

    return open_in_arena


def _register(region_bytes: int) -> bool:
    """Let sessions that are opened from now on share a new arena; return whether the runtime can do that."""
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    settings = {
        "initial_chunk_size_bytes": region_bytes,
        "max_dead_bytes_per_chunk": 1 << 20,  # a tensor takes as much of a free place as it needs, not the whole of it
        "arena_extend_strategy": _DOUBLING,
    }
    try:
        ort.create_and_register_allocator(memory, ort.OrtArenaCfg(settings))
    except Exception:  # one is registered, and this runtime cannot replace it
        logger.debug("The runtime cannot replace the shared arena", exc_info=True)
        return False
    return True
