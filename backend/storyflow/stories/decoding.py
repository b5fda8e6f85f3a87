"""Decode story files in the usual encodings; refuse files that are not text."""

import codecs
import re
import unicodedata

MAX_BYTES = 64 * 1024 * 1024

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; UTF-32 comes first, since one of its marks starts with one of UTF-16."""


_DECLARED = re.compile(
    rb"""<(?:\?xml|meta)\b[^>]*?(?:encoding|charset)\s*=\s*["']?\s*([A-Za-z0-9._:-]+)""", re.IGNORECASE
)
_DECLARED_WITHIN = 2048  # bytes; browsers look at the first 1024
_STAND_FOR = {"iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252",
              "utf-16": "utf-8", "utf-16le": "utf-8", "utf-16be": "utf-8"}  # fmt: skip
"""What browsers read in place of a declared encoding: a declaration that can be read as ASCII is not UTF-16."""


class NotTextError(ValueError):
    """The data is not text in a supported encoding."""


def decode_text(data: bytes) -> str:
    """Decode UTF-8, UTF-16, UTF-32 or Windows-1252; return text with `\\n` line ends.

    UTF-16 needs no byte order mark, UTF-32 does. Raises NotTextError.
    """
    return _decoded(data, None)


def decode_page(data: bytes) -> str:
    """Decode an HTML or XML page like `decode_text`, but in the encoding that it declares, if it declares one.

    Raises NotTextError.
    """
    declared = _DECLARED.search(data[:_DECLARED_WITHIN])
    name = declared[1].decode("ascii").lower() if declared else ""
    return _decoded(data, _STAND_FOR.get(name, name) or None)


def _decoded(data: bytes, declared: str | None) -> str:
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    wide = _utf_16(data) if b"\0" in data and not marked else None
    tried = [encoding for encoding in (marked or wide,) if encoding] or [*filter(None, [declared]), "utf-8", "cp1252"]
    for encoding in tried:
        try:
            text = data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        if "\0" not in text and not (encoding == wide and _is_gibberish(text)):
            return text.replace("\r\n", "\n").replace("\r", "\n")
    raise NotTextError("it is not text in UTF-8, UTF-16 or Windows-1252")


def _utf_16(data: bytes) -> str:
    """Return which UTF-16 data without a byte order mark would be: spaces and Latin letters have a zero byte in it."""
    return "utf-16-le" if data[1::2].count(0) >= data[::2].count(0) else "utf-16-be"


def _is_gibberish(text: str) -> bool:
    """Return whether a text has characters that nobody writes, as binary data read as UTF-16 does."""
    return any(unicodedata.category(character) in ("Cc", "Cn", "Co") for character in set(text) - set("\t\n\r\f\x0b"))
