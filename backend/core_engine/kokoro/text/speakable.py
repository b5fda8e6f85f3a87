"""Split text into parts that neither crash espeak-ng nor overflow its tables.

espeak-ng 1.52 keeps some 200 phonemes of a word and 1000 of a clause and silently drops the rest; it interprets control
characters as commands; and it crashes on some words that mix languages. English prose never reaches these limits and is
unchanged. So the patterns for what does are text here, which `re` compiles when it is first used, and keeps.
"""

import re

_NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]+")
"""Control characters and lone surrogates, which UTF-8 cannot encode."""

_SWITCHING_SCRIPTS = (
    "\u0530-\u058f",  # Armenian
    *(f"{chr(first)}-{chr(first + 0x7F)}" for first in range(0x0900, 0x0E00, 0x80)),  # the scripts of India
    "\u10a0-\u10ff\u1c90-\u1cbf",  # Georgian
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",  # Korean
)
_SWITCHING = f"[{''.join(_SWITCHING_SCRIPTS)}]"
_SWITCHING_RUN = "(" + "|".join(f"[{script}][{script}\\s\u200c\u200d]*" for script in _SWITCHING_SCRIPTS) + ")"
"""Words in a script for which espeak-ng switches languages; they are spoken separately."""

_LONG_RUN = re.compile(r"(?<!\S)\S{18,}")
_LONG_WORD = (
    r"(?i)\d{33,}|w{18,}|[b-df-hj-np-tv-xz]{41,}|(?:[^\W\d_]|['\u0300-\u036f]){61,}"
    r"|[^\s\u0000-\u024f\u3000-\u9fff]{25,}"
)
"""Words that may exceed 200 phonemes: a digit has up to nine, the letter w ten, a foreign letter thirteen."""

_LONG_WORD_PART = 15
"""Characters of such a word per part."""

_DENSE = re.compile(r"[\dWw]|[^\x00-\u024f\u2000-\u206f]")
_DENSE_LIMIT = 60
"""Digits, foreign letters and symbols per call; with 800 bytes of plain letters they stay below 1000 phonemes."""


def speakable_parts(piece: str) -> list[str]:
    """Split `piece` into parts that espeak-ng speaks completely; ordinary text is one part."""
    if not piece.isprintable():
        piece = _NO_TEXT.sub(" ", piece)
    if _LONG_RUN.search(piece):
        piece = re.sub(_LONG_WORD, _spaced, piece)
    by_script = [piece] if piece.isascii() or not re.search(_SWITCHING, piece) else re.split(_SWITCHING_RUN, piece)
    return [part for same_script in by_script for part in _within_a_clause(same_script)]


def _spaced(match: re.Match[str]) -> str:
    word = match.group()
    return " ".join(word[start : start + _LONG_WORD_PART] for start in range(0, len(word), _LONG_WORD_PART))


def _within_a_clause(text: str) -> list[str]:
    """Split `text` between words so that each part has at most `_DENSE_LIMIT` dense characters, or is one word."""
    if len(text) <= _DENSE_LIMIT or len(_DENSE.findall(text)) <= _DENSE_LIMIT:
        return [text]
    parts: list[str] = []
    words: list[str] = []
    dense = 0
    for word in re.findall(r"\S+\s*|\s+", text):
        count = len(_DENSE.findall(word))
        if words and dense + count > _DENSE_LIMIT:
            parts.append("".join(words))
            words, dense = [], 0
        words.append(word)
        dense += count
    return [*parts, "".join(words)]
