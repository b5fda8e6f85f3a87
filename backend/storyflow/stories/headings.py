"""Recognise headings in plain text: "CHAPTER I.", "Part Two: The Voyage", a line in capitals."""

import re

from storyflow.stories.blocks import Block

_NUMBERED = re.compile(
    r"(chapter|book|part|volume|letter|act|scene|stave|canto|section)\s+"
    r"(?:the\s+)?([ivxlcdm]+|\d+|[a-z]+(?:-[a-z]+)?)\b(?P<mark>[.:—–-]*)\s*(?P<title>.*)",
    re.IGNORECASE,
)
_ALONE = re.compile(
    r"(?:prologue|epilogue|preface|foreword|introduction|afterword|appendix|[IVXLC]+|\d{1,3})\.?", re.IGNORECASE
)
_LONGEST_HEADING = 90


def heading_of(text: str) -> Block | None:
    """Return a paragraph as a heading, with a full stop before its title; None if it is not a heading."""
    numbered = _numbered(text)
    if numbered:
        title = numbered["title"]
        return Block(f"{numbered[1]} {numbered[2]}. {title}" if title else text, "heading", 1)
    if _ALONE.fullmatch(text) or _is_in_capitals(text):
        return Block(text, "heading", 2)
    return None


def is_numbered(text: str) -> bool:
    """Return whether a line is a heading such as "CHAPTER I." or "Part Two: The Voyage"."""
    return _numbered(text) is not None


def _numbered(text: str) -> re.Match[str] | None:
    match = _NUMBERED.fullmatch(text) if len(text) <= _LONGEST_HEADING else None
    return match if match and _is_number(match[2]) and _is_heading_title(match) else None


_WORDS_FOR_NUMBERS = frozenset([
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty", "fifty",
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "last",
])  # fmt: skip


def _is_number(word: str) -> bool:
    word = word.lower()
    return word.isdigit() or re.fullmatch("[ivxlcdm]+", word) is not None or word.split("-")[0] in _WORDS_FOR_NUMBERS


def _is_heading_title(match: re.Match[str]) -> bool:
    """Return whether what follows the number is a title: "Part one of the plan failed." is a sentence."""
    title = match["title"]
    return not title or bool(match["mark"]) or (title[0].isupper() and not title.endswith((".", ",", ";")))


def _is_in_capitals(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    return len(letters) >= 3 and len(text) <= _LONGEST_HEADING and text.isupper() and len(text.split()) <= 12
