"""One narration at a time in the folder of a project."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from engines.store.folder_lock import exclusive

_LOCK_NAME = ".narrating"


@contextlib.contextmanager
def alone_in(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Keep other narrations out of `folder`, which is made; `waiting` is called once where another one is at work.

    A killed process does not keep the folder. Raises OSError where nothing can be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / _LOCK_NAME, threading.Event(), waiting):
        yield
