"""Read a pronunciation list from its file."""

from pathlib import Path

from core_engine.kokoro.languages import V0_19, V1_0
from core_engine.kokoro.text.ipa import phonemes_of
from core_engine.reading.errors import LexiconError
from core_engine.reading.lexicon import Lexicon
from engines.store.regular_file import open_regular
from storyflow.stories.decoding import NotTextError, decode_text

_MAX_BYTES = 1024 * 1024


def read_lexicon(path: Path) -> Lexicon:
    """Return the pronunciation list at `path`.

    Raises LexiconError if it cannot be read, or a line is wrong or has a phoneme that no version of Kokoro knows.
    """
    lexicon = Lexicon.parse(_text_of(path), f"The pronunciation list '{path}'")
    for entry in lexicon.entries:
        if entry.is_phonemes:
            try:
                phonemes_of(entry, V1_0, lexicon.source)
            except LexiconError:
                phonemes_of(entry, V0_19, lexicon.source)
    return lexicon


def _text_of(path: Path) -> str:
    try:
        with open_regular(path) as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise LexiconError(
            f"The pronunciation list '{path}' cannot be read: {error.strerror}. Give the path of a text file."
        ) from error
    if len(data) > _MAX_BYTES:
        raise LexiconError(f"The pronunciation list '{path}' is larger than {_MAX_BYTES >> 20} MiB. Shorten it.")
    try:
        return decode_text(data)
    except NotTextError as error:
        raise LexiconError(f"The pronunciation list '{path}' cannot be read: {error}. Save it as UTF-8.") from error
