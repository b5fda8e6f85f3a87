"""Give a session an arena of its own, in one large region, so that its runs waste little memory.

By default the runtime's arena grows by regions, each twice as large as the one before, and the tensors of Kokoro, 70 MB
each, fit badly into them: a run of 480 tokens takes 130 MB more than its tensors need. Only pages that were used take
memory, so a region may be large.

The runtime takes settings of an arena only for the arena that sessions may share. So a new one is registered for each
session, and replaced by an empty one as soon as the session holds it: then it ends with the session.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import onnxruntime as ort

logger = logging.getLogger(__name__)

Create = Callable[..., Any]

_REGION: Mapping[str, int] = {
    "initial_chunk_size_bytes": 1 << 30,
    "max_dead_bytes_per_chunk": 1 << 20,  # a tensor takes as much of a free place as it needs, not the whole of it
    "arena_extend_strategy": 0,  # further regions are as large
}
_EMPTY: Mapping[str, int] = {"initial_chunk_size_bytes": 1 << 20}

_one_at_a_time = threading.Lock()


def in_own_arena(create: Create) -> Create:
    """Wrap `create`, which opens a session, so that the session has an arena in one region.

    With onnxruntime before 1.23, which cannot replace a shared arena, the session has the default one.
    """

    def open_in_arena(*model: Any, sess_options: Any, **options: Any) -> Any:
        with _one_at_a_time:
            if _register(_EMPTY) and _register(_REGION):
                sess_options.add_session_config_entry("session.use_env_allocators", "1")
            try:
                return create(*model, sess_options=sess_options, **options)
            finally:
                _register(_EMPTY)

    return open_in_arena


def _register(settings: Mapping[str, int]) -> bool:
    """Let sessions that are opened from now on share a new arena; return whether the runtime can do that."""
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    try:
        ort.create_and_register_allocator(memory, ort.OrtArenaCfg(dict(settings)))
    except Exception:  # one is registered, and this runtime cannot replace it
        logger.debug("The runtime cannot replace the shared arena", exc_info=True)
        return False
    return True
