"""What an optimised graph belongs to: the bytes of a model, the version of the runtime, the kind of processor."""

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

_CONTENT = 2
"""Goes up when another graph is kept of the same model: 2 has the output that tells frames."""

_PROCESSOR = ("vendor_id", "model name", "flags", "Features", "CPU implementer", "CPU part")


def graph_key(model: Path, notes: Path) -> str:
    """Return the name, 32 hexadecimal digits, under which the graph of `model` is kept here.

    The SHA-256 of the model is noted in the folder `notes`, where that can be written, so that the next call need not
    read all of the file. Raises OSError for a model that cannot be read.
    """
    parts = [_CONTENT, _digest(model, notes), ort.__version__, _processor()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _digest(model: Path, notes: Path) -> str:
    """Return the SHA-256 of a model, read only where neither its manifest nor a note knows it."""
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
    """Return what tells one kind of processor from another: the graph is laid out for the units that it has."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    except OSError:  # not Linux
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(line for line in first.splitlines() if line.startswith(_PROCESSOR))
