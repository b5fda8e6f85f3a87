"""A lock in a folder that threads, processes and containers share."""

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

_POLL_S = 0.05
# Errors of file systems without locks. Two workers then only duplicate work, since results are verified.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@contextlib.contextmanager
def exclusive(path: Path, cancel: threading.Event, waiting: Callable[[], None]) -> Iterator[bool]:
    """Hold the lock file `path` during the block, then remove it; a killed process releases it.

    Yields False, without the lock, if `cancel` is set first. `waiting` is called once if another process holds it.
    Raises OSError if the file cannot be created.
    """
    descriptor = _acquire(path, cancel, waiting)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether somebody holds the lock file `path`, which is not created; False where locks are unknown."""
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _acquire(path: Path, cancel: threading.Event, waiting: Callable[[], None]) -> int | None:
    told = False
    while not cancel.is_set():
        descriptor = _try(path)
        if descriptor is not None:
            return descriptor
        if not told:
            told = True
            waiting()
        time.sleep(_POLL_S)
    return None


def _try(path: Path) -> int | None:
    """Return the locked file, or None if another process holds it or has just removed it."""
    descriptor = os.open(
        path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0), 0o666
    )
    try:
        if _lock(descriptor) and _is_still_there(path, descriptor):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _lock(descriptor: int) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError as error:
        return error.errno in _NO_LOCKS
    return True


def _is_still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
