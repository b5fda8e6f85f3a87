"""What was finished since the manifest was last written, a line each: a killed narration loses no finished WAV."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from storyflow.narration.record import Entry, entry_of


class Journal:
    """The file beside a manifest that its next version replaces."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> list[Entry]:
        """Return what an earlier run finished and did not get into its manifest; a line that was cut off is nothing."""
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

    def add(self, entry: Entry) -> None:
        """Note a segment whose WAV is there, durably; raises OSError where the disk refuses."""
        line = json.dumps(asdict(entry), ensure_ascii=True) + "\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            os.write(descriptor, line.encode("ascii"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def clear(self) -> None:
        """Forget all: the manifest has it now."""
        self._path.unlink(missing_ok=True)
