"""Decode story files in the usual encodings; refuse files that are not text."""

import codecs

MAX_BYTES = 64 * 1024 * 1024

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; UTF-32 comes first, since one of its marks starts with one of UTF-16."""


class NotTextError(ValueError):
    """The data is not text in a supported encoding."""


def decode_text(data: bytes) -> str:
    """Decode UTF-8, UTF-16 or UTF-32 with a byte order mark, or Windows-1252; return text with `\\n` line ends.

    Raises NotTextError.
    """
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text.replace("\r\n", "\n").replace("\r", "\n")
    raise NotTextError("it is not text in UTF-8, UTF-16 or Windows-1252")
