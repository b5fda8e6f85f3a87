"""Regular files: the only ones that are read where somebody else may have put something under a name.

Opening a FIFO waits for a writer, perhaps for ever, and a device may do anything.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def open_regular(path: Path) -> BinaryIO:
    """Open the file at `path` to read bytes; raise OSError at once for what is no regular file."""
    descriptor = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path) -> bytes:
    """Return the bytes of the file at `path`; raise OSError at once for what is no regular file."""
    with open_regular(path) as file:
        return file.read()
