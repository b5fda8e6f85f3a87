"""Find where a text may be cut: after paragraphs first, then after sentences, then after clauses.

Abbreviations, initials, decimals and ellipses do not end a sentence. A cut comes after the spaces that follow the
marks, so that an opening quote stays with its sentence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum


class Rank(IntEnum):
    """The quality of a cut; a higher rank is less audible."""

    ANYWHERE = 0
    WORD = 1
    CLAUSE = 2
    SENTENCE = 3
    PARAGRAPH = 4


@dataclass(frozen=True)
class Break:
    """A place to cut: one part ends at `end`, the next begins at `start`, with only whitespace between."""

    end: int
    start: int
    rank: Rank


_ENDS = ".!?。！？।॥"
_CUT_WITHOUT_SPACE = "—…。！？、，；："
_CLOSING = "\"'”’»)]}"
_RUN = re.compile(
    rf"(?P<marks>[{_ENDS};:,{_CUT_WITHOUT_SPACE}][{_ENDS};:,{_CUT_WITHOUT_SPACE}{re.escape(_CLOSING)}]*)(?P<space>\s*)"
    r"|(?P<empty_line>\n\s*\n\s*)"
)
_EMPTY_LINE = re.compile(r"\n\s*\n")
_WORD_BEFORE = re.compile(r"[^\s\"'“”‘’«»()\[\]{}]+(?:['’][^\s\"'“”‘’«»()\[\]{}]+)*\Z")
"""The last word, including apostrophes: the t of "can't" is not an initial."""

_LETTER_BEHIND = re.compile(r"[\s\"'“”‘’«»()\[\]{}¿¡]*(\w)")
_REACH = 40
"""Characters examined on either side of a full stop; abbreviations are shorter."""

_INITIALS = re.compile(r"(?!I\Z)(?:[^\W\d_][.-])*[^\W\d_]")
"""A single letter (but not the word I) or several separated by dots; normalised text has hyphens instead."""

_ABBREVIATION = re.compile(
    r"mr|mrs|ms|mx|dr|prof|rev|hon|st|sr|jr|gen|col|capt|lt|sgt|cpl|maj|adm|cmdr|gov|sen|rep|pres|supt|messrs|mme|mlle"
    r"|esq|mt|ft|vs|cf|viz|etc|al|ca|approx|dept|est|inc|ltd|co|corp|bros|ave|blvd|rd|ph[.-]d",
    re.IGNORECASE,
)
_ABBREVIATION_OF_A_NUMBER = re.compile(
    r"nos?|vols?|pp?|chap|ch|figs?|eq|sec|art|op|ed|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec", re.IGNORECASE
)


def breaks(text: str, language: str | None = "en-us") -> Iterator[Break]:
    """Yield the paragraph, sentence and clause breaks within `text`, in order.

    `language` is that of the text; None for phonemes, which have no letter case and no abbreviations.
    """
    for match in _RUN.finditer(text):
        if match["empty_line"]:
            yield Break(match.start(), match.end(), Rank.PARAGRAPH)
        elif match["space"] or match["marks"][-1] in _CUT_WITHOUT_SPACE:
            rank = _rank(text, match, language)
            if rank is not None:
                yield Break(match.end("marks"), match.end(), rank)


def _rank(text: str, match: re.Match[str], language: str | None) -> Rank | None:
    """Return the rank of a break after the marks of `match`: None after an abbreviation such as "Dr." or "J."."""
    marks = match["marks"]
    if _EMPTY_LINE.search(match["space"]):
        return Rank.PARAGRAPH
    ends_sentence = _ends_sentence(marks)
    if language is None:
        return Rank.SENTENCE if ends_sentence else Rank.CLAUSE
    behind = _LETTER_BEHIND.match(text[match.end() : match.end() + _REACH])
    letter = behind[1] if behind else ""
    before = text[max(0, match.start() - _REACH) : match.start()]
    if marks == "." and _is_abbreviation(before, language, followed_by_number=letter.isdigit()):
        return None
    return Rank.SENTENCE if ends_sentence and not letter.islower() else Rank.CLAUSE


def _ends_sentence(marks: str) -> bool:
    """Return whether `marks` can end a sentence; commas and ellipses cannot."""
    return any(mark in _ENDS for mark in marks) and "…" not in marks and ".." not in marks


def _is_abbreviation(before: str, language: str, *, followed_by_number: bool) -> bool:
    match = _WORD_BEFORE.search(before)
    if match is None:
        return False
    word = match.group()
    if language.partition("-")[0] != "en":  # only initials are recognised in other languages
        return word.isupper() and _INITIALS.fullmatch(word) is not None
    if _INITIALS.fullmatch(word) or _ABBREVIATION.fullmatch(word):
        return True
    return followed_by_number and _ABBREVIATION_OF_A_NUMBER.fullmatch(word) is not None
