"""Exit codes, and the one place where errors become a sentence for a person and a number for a script."""

import contextlib
import errno
import json
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from enum import IntEnum

import click

from core_engine.kokoro.errors import KokoroError, NothingToSpeakError, PhonemizerError, SynthesisError
from core_engine.model_choice import ModelMissingError
from engines.downloading.policy import DownloadError, StorageError, UnreachableError
from engines.store.names import InvalidNameError
from storyflow.models.errors import ModelsError
from storyflow.narration.record import RecordError
from storyflow.stories.story import StoryError

logger = logging.getLogger(__name__)


class Exit(IntEnum):
    """What the command's exit code says."""

    OK = 0
    FAILED = 1
    """Something could not be spoken; the rest is there."""
    USAGE = 2
    """The command line is wrong (click's own number)."""
    STORY = 3
    """The story or its project cannot be used."""
    MODEL = 4
    """The model or its voices are missing or unusable."""
    DISK = 5
    """Something could not be read or written."""
    NETWORK = 6
    """The source of a model cannot be reached; the message says how to do without."""
    DOWNLOAD = 7
    """A model could not be fetched: refused, or not what was expected. Nothing was installed."""
    UNCHECKED = 8
    """An engine broke nothing that could be checked, but some of it needs a model that is not there."""
    INTERRUPTED = 130
    """Ctrl-C; what was done is kept."""


_CODES: tuple[tuple[type[Exception], Exit], ...] = (
    (StoryError, Exit.STORY),
    (RecordError, Exit.STORY),
    (InvalidNameError, Exit.STORY),
    (NothingToSpeakError, Exit.STORY),
    (SynthesisError, Exit.FAILED),
    (PhonemizerError, Exit.FAILED),
    (ModelMissingError, Exit.MODEL),
    (KokoroError, Exit.MODEL),
    (ModelsError, Exit.MODEL),
    (UnreachableError, Exit.NETWORK),
    (StorageError, Exit.DISK),
    (DownloadError, Exit.DOWNLOAD),
    (OSError, Exit.DISK),
)

EXPECTED = tuple(kind for kind, _ in _CODES)
"""What a command may end with; anything else is a fault of the program."""


@contextlib.contextmanager
def exits_for_people() -> Iterator[None]:
    """Turn what went wrong into one line on stderr and an exit code; traces go to the log (see `log.py`).

    For a command with `--json` the line is a JSON object on stdout instead, for the program that asked.
    """
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Interrupted. What is finished is kept; run the same command again to go on.", err=True)
        sys.exit(Exit.INTERRUPTED)
    except EXPECTED as error:
        logger.debug("The command failed", exc_info=True)
        report_error(sentence_of(error))
        sys.exit(exit_code_of(error))


def report_error(sentence: str) -> None:
    """Print what went wrong: on stderr, or as JSON on stdout where the command was given `--json`."""
    context = click.get_current_context(silent=True)
    if context is not None and context.params.get("as_json"):
        click.echo(json.dumps({"success": False, "error": sentence}, ensure_ascii=False))
    else:
        click.echo(f"Error: {sentence}", err=True)


def exit_code_of(error: Exception) -> Exit:
    """Return the exit code of an error that a command may end with."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def sentence_of(error: Exception) -> str:
    """Return what an error says to a person; what the operating system says in numbers is put into words."""
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    place = f"'{error.filename}': " if error.filename else ""
    advice = _ADVICE.get(error.errno, "Check the path and try again.")
    return f"{place}{error.strerror or 'it cannot be read or written'}. {advice}"


_ANOTHER_FOLDER = "Choose another folder with --out or MEDIA_ROOT."
_MORE_SPACE = "Free some space, or choose another disk with --out or MEDIA_ROOT; then run the command again."
_ADVICE = {
    errno.EROFS: _ANOTHER_FOLDER,
    errno.EACCES: _ANOTHER_FOLDER,
    errno.EPERM: _ANOTHER_FOLDER,
    errno.ENOTDIR: f"A file is in the way. {_ANOTHER_FOLDER}",
    errno.EEXIST: f"A file is in the way. {_ANOTHER_FOLDER}",
    errno.ENOSPC: _MORE_SPACE,
    errno.ENAMETOOLONG: "Choose shorter names with --project or --out.",
}


@contextlib.contextmanager
def interrupts_wait() -> Iterator[None]:
    """Keep Ctrl-C back while packages are imported: one that breaks off in its C part says "initialization failed"."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupted = False

    def remember(*_: object) -> None:
        nonlocal interrupted
        interrupted = True

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupted:
        raise KeyboardInterrupt
