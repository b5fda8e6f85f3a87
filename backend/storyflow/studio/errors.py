"""What goes wrong in a project, as sentences for the reader of the page."""

import contextlib
import errno
from collections.abc import Iterator

from core_engine.kokoro.errors import KokoroError
from core_engine.reading.errors import LexiconError
from engines.contract.errors import EngineError, RequestError
from engines.store.names import InvalidNameError
from storyflow.audiobook.errors import ExportError
from storyflow.narration.errors import RecordError
from storyflow.stories.errors import StoryError

_WRONG = (StoryError, RecordError, ExportError, InvalidNameError, LexiconError, KokoroError)
_ADVICE = {
    errno.ENOSPC: "Free some space and try again; what is finished is kept.",
    errno.EROFS: "Start the studio with --projects and a folder that is writable.",
    errno.EACCES: "Start the studio with --projects and a folder that is writable.",
}


@contextlib.contextmanager
def as_answers() -> Iterator[None]:
    """Raise RequestError for what is wrong with a project or a story, EngineError for what the disk refuses."""
    try:
        yield
    except _WRONG as error:
        raise RequestError(str(error)) from error
    except OSError as error:
        raise EngineError(sentence_of(error)) from error


def sentence_of(error: BaseException) -> str:
    """Return an error as a sentence that says what to do."""
    if not isinstance(error, OSError) or error.errno is None:
        return str(error) or type(error).__name__
    advice = _ADVICE.get(error.errno, "Try again.")
    return f"The disk refuses: {error.strerror}. {advice}"
