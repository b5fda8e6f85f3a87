"""A lock that allows one narration at a time in a project's folder."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from engines.store.folder_lock import exclusive, is_held

_LOCK_NAME = ".narrating"


@contextlib.contextmanager
def alone_in(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Create `folder` and lock it; `waiting` is called once if another narration is running in it.

    A killed process releases the lock. Raises OSError if the folder is not writable.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / _LOCK_NAME, threading.Event(), waiting):
        yield


@contextlib.contextmanager
def alone_now_in(folder: Path) -> Iterator[bool]:
    """Lock `folder` and yield True; yield False, without the lock, if another narration is running in it.

    Raises OSError if the folder is not writable.
    """
    cancel = threading.Event()
    with exclusive(folder / _LOCK_NAME, cancel, cancel.set) as is_alone:
        yield is_alone


def is_narrated(folder: Path) -> bool:
    """Return whether a narration is running in `folder`, by whatever process."""
    return is_held(folder / _LOCK_NAME)
