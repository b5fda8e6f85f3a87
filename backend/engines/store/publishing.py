"""Write files atomically.

Writes a temporary file in the same folder, flushes it, renames it over the target and flushes the folder. A reader sees
either the old or the new content, and after a failure the old one.
"""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from functools import lru_cache
from io import FileIO
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows does not delete open files, so that it needs no lock
    fcntl = None  # type: ignore[assignment]

_SUFFIX = ".publishing"
_UNSUPPORTED = frozenset([errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES])
"""Errors when flushing a folder on some file systems, mainly network shares, or without permission to list it."""


def publish(target: Path, data: bytes) -> None:
    """Write `data` to `target` atomically; its folder must exist.

    Raises OSError if the disk fails; `target` is then unchanged and no temporary file is left.
    """
    _sweep_once(target.parent, os.getpid())
    temporary, descriptor = _create_temporary(target)
    lock = None
    try:
        lock = _write(descriptor, data)
        rename(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        _close_quietly(lock)


@contextlib.contextmanager
def publishing(target: Path) -> Iterator[FileIO]:
    """Yield an unbuffered file to write, read and seek, which replaces `target` atomically when the block ends.

    For what is too large for memory. If the block raises or the disk fails, `target` is unchanged and no temporary file
    is left. The name of the file is that of the temporary file; the block must not close it.
    """
    _sweep_once(target.parent, os.getpid())
    temporary, descriptor = _create_temporary(target)
    lock = None
    try:
        with _opened(descriptor, temporary) as file:
            yield file
            os.fsync(descriptor)
            lock = os.dup(descriptor) if fcntl else None
        rename(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        _close_quietly(lock)


def _opened(descriptor: int, temporary: Path) -> FileIO:
    """Return a file on `descriptor`; close it if that fails."""
    try:
        return open(temporary, "r+b", buffering=0, opener=lambda *_: descriptor)
    except BaseException:
        _close_quietly(descriptor)
        raise


def rename(temporary: Path, target: Path) -> None:
    """Replace `target` durably with the flushed file `temporary`; if that fails, `target` is unchanged.

    On a file system without hard links, if the folder cannot be flushed, `target` is the complete new file.
    """
    new = not os.path.lexists(target)
    mine = temporary.lstat()
    old = None if new else _second_name(target)
    try:
        temporary.replace(target)
        try:
            _flush_folder(target.parent)
        except OSError:
            _undo(target, mine, old, new)
            raise
    finally:
        if old:
            with contextlib.suppress(OSError):  # a leftover is removed by the next sweep; the target is correct
                old.unlink()


def sweep(folder: Path) -> None:
    """Remove the temporary files of killed processes in `folder`."""
    for leftover in folder.glob(f".*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            _remove_if_abandoned(leftover)


@lru_cache(maxsize=1024)
def _sweep_once(folder: Path, _process: int) -> None:
    sweep(folder)


def _temporary_name(target: Path) -> Path:
    # The name may be as long as the file system allows, so only its start is used.
    return target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}{_SUFFIX}")


def _create_temporary(target: Path) -> tuple[Path, int]:
    """Create a file next to `target` and lock it, so that a sweep by another process keeps it."""
    while True:
        temporary = _temporary_name(target)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(temporary, flags, 0o666)
        try:
            if fcntl is None:
                return temporary, descriptor
            with contextlib.suppress(OSError):  # a file system without locks, where sweeps remove nothing
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return temporary, descriptor
        except BaseException:
            os.close(descriptor)
            temporary.unlink(missing_ok=True)
            raise
        os.close(descriptor)  # removed by a sweep between creating and locking


def _write(descriptor: int, data: bytes) -> int | None:
    """Write and flush `data` and always close `descriptor`; return another descriptor that keeps the lock.

    The file is closed before it is renamed, because network shares report write errors only then.
    """
    with contextlib.ExitStack() as opened:
        opened.callback(_close_quietly, descriptor)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
        lock = os.dup(descriptor) if fcntl else None
        opened.pop_all()
    try:
        os.close(descriptor)
    except OSError:
        _close_quietly(lock)
        raise
    return lock


def _close_quietly(descriptor: int | None) -> None:
    if descriptor is not None:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _second_name(target: Path) -> Path | None:
    """Give the old file a second name as a backup; None on file systems without hard links."""
    second = _temporary_name(target)
    try:
        second.hardlink_to(target)
    except OSError:
        return None
    return second


def _undo(target: Path, mine: os.stat_result, old: Path | None, new: bool) -> None:
    with contextlib.suppress(OSError):
        if not os.path.samestat(target.lstat(), mine):  # replaced by another process meanwhile
            return
        if new:
            target.unlink()
        elif old:
            old.replace(target)


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # not possible and not needed on Windows
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def _remove_if_abandoned(leftover: Path) -> None:
    if fcntl is None:
        leftover.unlink()
        return
    descriptor = os.open(leftover, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        leftover.unlink()
    finally:
        os.close(descriptor)
