"""A journal of the segments finished since the manifest was last written, so that a kill loses no finished WAV."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from storyflow.narration.record import Entry, entry_of


class Journal:
    """The journal file next to a manifest; cleared when the manifest is written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> list[Entry]:
        """Return the segments that an earlier run finished after its last manifest; incomplete lines are ignored."""
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            try:
                found.append(entry_of(json.loads(line)))
            except (ValueError, TypeError):
                continue
        return found

    def add(self, *entries: Entry) -> None:
        """Append segments whose WAVs are written, and flush; raises OSError if the disk fails."""
        append(self._path, *(json.dumps(asdict(entry), ensure_ascii=True).encode("ascii") for entry in entries))

    def clear(self) -> None:
        """Delete the journal, once the manifest has its entries."""
        self._path.unlink(missing_ok=True)


def append(path: Path, *lines: bytes) -> None:
    """Append lines to a file and flush it to the disk once; raises OSError if the disk fails."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        rest = memoryview(b"".join(line + b"\n" for line in lines))
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
