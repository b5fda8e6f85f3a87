"""The cache key of an optimised graph: the bytes of the model, the version of the runtime, the type of processor."""

import contextlib
import hashlib
import json
import os
import platform
from functools import lru_cache
from pathlib import Path

import onnxruntime as ort

from engines.store.file_state import state_of
from engines.store.manifest import sha256_of
from engines.store.publishing import publish
from engines.store.stamps import listed_digest

_CONTENT = 8
"""Increased when the graph cached for a model changes: 2 has the output for frames, 3 is rewritten to be faster, 4
multiplies int8 matrices, 5 does so in pieces, 6 on all processors, 7 has fewer nodes, 8 has two parts, too, and
turns products piece by piece."""

_PROCESSOR = ("vendor_id", "model name", "flags", "Features", "CPU implementer", "CPU part")


def graph_key(model: Path, notes: Path) -> str:
    """Return the name, 32 hexadecimal digits, of the cached graph of `model` on this machine.

    The SHA-256 of the model is noted in the folder `notes`, if it is writable, so that the next call need not read the
    whole file. Raises OSError for a model that cannot be read.
    """
    parts = [_CONTENT, _digest(model, notes), ort.__version__, _processor()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _digest(model: Path, notes: Path) -> str:
    """Return the SHA-256 of a model, computed only if neither its manifest nor a note has it."""
    note = notes / f"{hashlib.sha256(os.fsencode(model.resolve())).hexdigest()[:32]}.json"
    state = state_of(model)
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        known = json.loads(note.read_bytes())
        if known["state"] == list(state):
            return str(known["sha256"])
    sha256 = listed_digest(model) or sha256_of(model)
    if state.is_settled:
        with contextlib.suppress(OSError):
            notes.mkdir(parents=True, exist_ok=True)
            publish(note, json.dumps({"state": state, "sha256": sha256}).encode())
    return sha256


@lru_cache(maxsize=1)
def _processor() -> str:
    """Return a string that identifies the type of processor: the graph is optimised for its instruction set."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    except OSError:  # not Linux
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(line for line in first.splitlines() if line.startswith(_PROCESSOR))
