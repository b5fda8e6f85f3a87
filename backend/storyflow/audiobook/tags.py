"""What players show of an audiobook: title, author, language, cover and chapters."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storyflow.audiobook.chapters import Chapter
from storyflow.audiobook.errors import ExportError

GENRE = "Audiobook"

_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_LARGEST_COVER = 16 << 20  # bytes; a FLAC file cannot hold more

_THREE_LETTERS = {
    "ar": "ara", "ca": "cat", "cs": "ces", "da": "dan", "de": "deu", "el": "ell", "en": "eng", "es": "spa", "et": "est",
    "fi": "fin", "fr": "fra", "he": "heb", "hi": "hin", "hr": "hrv", "hu": "hun", "it": "ita", "ja": "jpn", "ko": "kor",
    "la": "lat", "lt": "lit", "lv": "lav", "nb": "nob", "nl": "nld", "no": "nor", "pl": "pol", "pt": "por", "ro": "ron",
    "ru": "rus", "sk": "slk", "sl": "slv", "sr": "srp", "sv": "swe", "tr": "tur", "uk": "ukr", "vi": "vie", "zh": "zho",
}  # fmt: skip
"""ISO 639-1 to ISO 639-2/T, which MP4 and MP3 name languages by."""


@dataclass(frozen=True)
class Cover:
    """A picture."""

    data: bytes
    kind: str
    """Media type: image/jpeg or image/png."""


@dataclass(frozen=True)
class Tags:
    """What is noted in the file."""

    title: str
    author: str | None
    language: str | None
    """Language tag such as "en" or "pt-br"."""
    chapters: Sequence[Chapter]
    cover: Cover | None = None

    @property
    def three_letters(self) -> str | None:
        """The language in three letters of ISO 639-2; None if it is unknown."""
        first = (self.language or "").replace("_", "-").split("-")[0].lower()
        return _THREE_LETTERS.get(first, first if len(first) == 3 and first.isalpha() and first.isascii() else None)


def read_cover(path: Path) -> Cover:
    """Return the picture in a file; raise ExportError if it is neither JPEG nor PNG."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_COVER + 1)
    except OSError as error:
        raise ExportError(
            f"The cover '{path}' cannot be read: {error.strerror}. Give the path of a picture."
        ) from error
    if len(data) > _LARGEST_COVER:
        raise ExportError(f"The cover '{path}' is larger than {_LARGEST_COVER >> 20} MiB. Make it smaller.")
    kind = next((kind for start, kind in _PICTURES.items() if data.startswith(start)), None)
    if kind is None:
        raise ExportError(f"The cover '{path}' is neither a JPEG nor a PNG picture. Save it as one of these.")
    return Cover(data, kind)
