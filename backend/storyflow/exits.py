"""Exit codes, and the one place where errors become a sentence for a person and a number for a script."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from enum import IntEnum

import click

from core_engine.kokoro.errors import KokoroError, NothingToSpeakError
from engines.download_policy import DownloadError, StorageError, UnreachableError
from engines.names import InvalidNameError
from storyflow.choice import ModelMissingError
from storyflow.manifest import ManifestError
from storyflow.models.errors import ModelsError
from storyflow.stories import StoryError

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
    INTERRUPTED = 130
    """Ctrl-C; what was done is kept."""


_CODES: tuple[tuple[type[Exception], Exit], ...] = (
    (StoryError, Exit.STORY),
    (ManifestError, Exit.STORY),
    (InvalidNameError, Exit.STORY),
    (NothingToSpeakError, Exit.STORY),
    (ModelMissingError, Exit.MODEL),
    (KokoroError, Exit.MODEL),
    (ModelsError, Exit.MODEL),
    (UnreachableError, Exit.NETWORK),
    (StorageError, Exit.DISK),
    (DownloadError, Exit.DOWNLOAD),
    (OSError, Exit.DISK),
)


@contextlib.contextmanager
def exits_for_people() -> Iterator[None]:
    """Turn what went wrong into one line on stderr and an exit code; traces go to the log at DEBUG only."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Interrupted. What is finished is kept; run the same command again to go on.", err=True)
        sys.exit(Exit.INTERRUPTED)
    except tuple(kind for kind, _ in _CODES) as error:
        logger.debug("The command failed", exc_info=True)
        click.echo(f"Error: {error}", err=True)
        sys.exit(next(code for kind, code in _CODES if isinstance(error, kind)))
