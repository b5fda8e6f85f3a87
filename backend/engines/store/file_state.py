"""Detect whether a file has changed, by its metadata, without reading it.

Writing, truncating or replacing a file changes its size, one of its times or its inode, and the time of the last status
change (ctime) cannot be set back. The device number is ignored: the same disk may get another one after a restart.
"""

import hashlib
import os
import time
from pathlib import Path
from typing import NamedTuple

_SETTLED_NS = 2_000_000_000
_SAMPLE_BYTES = 1 << 20


class FileState(NamedTuple):
    """The metadata that changes with a file; in JSON a list of four numbers."""

    size: int  # bytes
    modified_ns: int
    changed_ns: int
    inode: int

    @property
    def is_settled(self) -> bool:
        """Whether the last change is two seconds old; before that, another change may leave the same times."""
        return time.time_ns() - self.changed_ns > _SETTLED_NS


States = tuple[tuple[Path, FileState | None], ...]


def state_of(path: Path) -> FileState:
    """Return the state of the file at `path`, following links; raise OSError if it does not exist."""
    status = path.stat()
    return FileState(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def states_below(path: Path) -> States:
    """Return the state of the file `path`, or of every file in the folder; None for a dangling link.

    Hidden files are ignored: they are metadata and are not loaded.
    """
    if not path.is_dir():
        return ((path, _state_or_none(path)),)
    files = (Path(folder, name) for folder, _, names in os.walk(path, followlinks=True) for name in names)
    return tuple((file, _state_or_none(file)) for file in sorted(files) if not file.name.startswith("."))


def sampled_digest(path: Path) -> str:
    """Return 64 digits that identify a large file independent of its path, from its size, first and last MiB.

    Hashing a whole model would take longer than speaking a page. Raises OSError.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _SAMPLE_BYTES))
        return hashlib.sha256(b"%d" % size + head + file.read()).hexdigest()


def _state_or_none(path: Path) -> FileState | None:
    try:
        return state_of(path)
    except OSError:
        return None
