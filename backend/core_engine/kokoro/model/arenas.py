"""Give the session of a large model an arena of its own, in one large region, so that its runs waste little memory.

By default the runtime's arena grows by regions, each twice as large as the one before, and tensors of 70 MB fit badly
into them. On Linux only those pages of a region take memory that were written to.

The runtime takes settings only for the one arena on the CPU that sessions of a process may share. So a new one is
registered before each session is opened, and replaced by an empty one as soon as the session holds it: then it ends
with the session. Sessions that are opened at once may share an arena, or have a small one that grows.
"""

import logging
import sys
from pathlib import Path
from typing import Any

import onnxruntime as ort

from core_engine.kokoro.model.create import Create

logger = logging.getLogger(__name__)

LARGE_MODEL_BYTES = 32 << 20
"""The runs of smaller models need little memory."""

_REGION_BYTES = 512 << 20
"""Enough for the weights of Kokoro in int8 and a run of 510 tokens."""

_EMPTY_BYTES = 1 << 20
_OLDEST_RUNTIME = (1, 23)  # older ones cannot replace an arena
_STRICT = 2
_OVERCOMMIT = Path("/proc/sys/vm/overcommit_memory")
_SHARED = "session.use_env_allocators"


def with_arena_for(model: Path, create: Create, *, several_runs: bool) -> Create:
    """Wrap `create`, which opens a session with `sess_options`, so that its session has an arena for a large `model`.

    `several_runs` is whether the session runs several times at once. With an older runtime, on other systems, and where
    address space is limited, sessions have the default arena.
    """
    try:
        is_worth_it = model.stat().st_size >= LARGE_MODEL_BYTES and _is_possible()
    except OSError:  # the runtime reports missing files
        return create
    return _in_one_region(_REGION_BYTES * (1 + several_runs), create) if is_worth_it else create


def _is_possible() -> bool:
    """Return whether the runtime can replace an arena, and the system counts only pages that are used."""
    if sys.platform != "linux" or tuple(map(int, ort.__version__.split(".")[:2])) < _OLDEST_RUNTIME:
        return False
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return limit == resource.RLIM_INFINITY and int(_OVERCOMMIT.read_text()) != _STRICT


def _in_one_region(region_bytes: int, create: Create) -> Create:
    def open_in_arena(*model: Any, sess_options: Any, **options: Any) -> Any:
        if _register(region_bytes):
            _let_share(sess_options)
        try:
            return create(*model, sess_options=sess_options, **options)
        finally:
            _register(_EMPTY_BYTES)

    return open_in_arena


def _let_share(options: Any) -> None:
    """Let a session take the shared arena. Options may be used again, and to set an entry again prints a warning."""
    try:
        options.get_session_config_entry(_SHARED)
    except RuntimeError:  # there is none
        options.add_session_config_entry(_SHARED, "1")


def _register(region_bytes: int) -> bool:
    """Let sessions that are opened from now on share a new arena; return whether the runtime has made one."""
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    settings = {
        "initial_chunk_size_bytes": region_bytes,
        "max_dead_bytes_per_chunk": 1 << 20,  # a tensor takes as much of a free place as it needs, not the whole of it
        "arena_extend_strategy": 0,  # the default
    }
    try:
        ort.create_and_register_allocator(memory, ort.OrtArenaCfg(settings))
    except Exception:  # of a build that differs; sessions open as well without it
        logger.debug("The runtime makes no arena", exc_info=True)
        return False
    return True
