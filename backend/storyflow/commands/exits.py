"""Exit codes, and the one place that turns errors into a message for people and an exit code for scripts."""

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
from core_engine.reading.errors import LexiconError
from engines.downloading.policy import DownloadError, StorageError, UnreachableError
from engines.store.names import InvalidNameError
from storyflow.audiobook.errors import ExportError
from storyflow.cluster.errors import ClusterError
from storyflow.models.errors import ModelsError
from storyflow.narration.errors import RecordError
from storyflow.stories.errors import StoryError

logger = logging.getLogger(__name__)


class Exit(IntEnum):
    """The command's exit codes."""

    OK = 0
    FAILED = 1
    """Something could not be spoken; the rest is done."""
    USAGE = 2
    """The command line is wrong (click's own number)."""
    STORY = 3
    """The story or its project cannot be used."""
    MODEL = 4
    """The model or its voices are missing or unusable."""
    DISK = 5
    """Something could not be read or written."""
    NETWORK = 6
    """A model's source cannot be reached; the message says how to install the model by hand."""
    DOWNLOAD = 7
    """A model could not be downloaded, or the files were wrong. Nothing was installed."""
    UNCHECKED = 8
    """An engine passed every check that could run, but some checks need a missing model."""
    CLUSTER = 9
    """The cluster cannot be used, or none of its nodes can speak; finished work is kept."""
    INTERRUPTED = 130
    """Ctrl-C; finished work is kept."""


_CODES: tuple[tuple[type[Exception], Exit], ...] = (
    (StoryError, Exit.STORY),
    (LexiconError, Exit.STORY),
    (RecordError, Exit.STORY),
    (ExportError, Exit.STORY),
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
    (ClusterError, Exit.CLUSTER),
    (OSError, Exit.DISK),
)

EXPECTED = tuple(kind for kind, _ in _CODES)
"""Errors that a command may end with; any other is a bug."""


@contextlib.contextmanager
def exits_for_people() -> Iterator[None]:
    """Turn errors into one line on stderr and an exit code; tracebacks go to the log (see `log.py`).

    With `--json` the line is a JSON object on stdout instead.
    """
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Interrupted. Finished work is kept; run the same command again to continue.", err=True)
        sys.exit(Exit.INTERRUPTED)
    except EXPECTED as error:
        logger.debug("The command failed", exc_info=True)
        report_error(sentence_of(error))
        sys.exit(exit_code_of(error))


def report_error(sentence: str) -> None:
    """Print an error on stderr, or as JSON on stdout with `--json`."""
    context = click.get_current_context(silent=True)
    if context is not None and context.params.get("as_json"):
        click.echo(json.dumps({"success": False, "error": sentence}, ensure_ascii=False))
    else:
        click.echo(f"Error: {sentence}", err=True)


def exit_code_of(error: Exception) -> Exit:
    """Return the exit code of an error that a command may end with."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def sentence_of(error: Exception) -> str:
    """Return an error's message for people; errors of the operating system get words and advice."""
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
    """Delay Ctrl-C while packages are imported: interrupted C extensions report "initialization failed"."""
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
