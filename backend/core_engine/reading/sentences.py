"""Find where a text may be cut: after paragraphs first, then after sentences, then after clauses.

Abbreviations, initials, decimals and ellipses do not end a sentence. A cut comes after the spaces that follow the
marks, so that an opening quote stays with its sentence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from core_engine.reading.full_stops import belongs_to_a_word


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


_ENDS = ".!?。！？।॥؟۔"
_CUT_WITHOUT_SPACE = "—…。！？、，；："
_ENDS_WITHOUT_SPACE = frozenset("。！？")
_CLOSING = "\"'”’»)]}」』）】》〉"
_CLOSED_QUOTE = ("」", "』")
_HIRAGANA = re.compile("[ぁ-ゟ]")
_ELSEWHERE_OPENING = "“‘«‹"
"""What closes a quotation in German and Danish, told by the space behind it."""
_SPACED_CLOSING = r"[ \u00a0\u202f][»›](?=[\s.,;:!?]|\Z)"
"""As French has it: « Non ! » with spaces."""
_MARK = rf"[{_ENDS};:,{_CUT_WITHOUT_SPACE}]"
_RUN = re.compile(
    rf"(?P<marks>{_MARK}(?:{_MARK}|[{re.escape(_CLOSING)}]|[{_ELSEWHERE_OPENING}](?=\s|\Z)|{_SPACED_CLOSING})*)(?P<space>\s*)"
    r"|(?P<empty_line>\n\s*\n\s*)"
)
_EMPTY_LINE = re.compile(r"\n\s*\n")
_LETTER_BEHIND = re.compile(r"[\s\"'“”‘’«»()\[\]{}¿¡—–]*(\w)")
_REACH = 40
"""Characters examined on either side of a full stop; abbreviations are shorter."""


def breaks(text: str, language: str | None = "en-us") -> Iterator[Break]:
    """Yield the paragraph, sentence and clause breaks within `text`, in order.

    `language` is that of the text; None for phonemes, which have no letter case and no abbreviations.
    """
    for match in _RUN.finditer(text):
        if match["empty_line"]:
            yield Break(match.start(), match.end(), Rank.PARAGRAPH)
        elif match["space"] or _needs_no_space(match["marks"]):
            rank = _rank(text, match, language)
            if rank is not None:
                yield Break(match.end("marks"), match.end(), rank)


def _rank(text: str, match: re.Match[str], language: str | None) -> Rank | None:
    """Return the rank of a break after the marks of `match`: None after an abbreviation such as "Dr." or "J."."""
    marks = match["marks"]
    if _EMPTY_LINE.search(match["space"]):
        return Rank.PARAGRAPH
    ends_sentence = _ends_sentence(marks, language)
    if language is None:
        return Rank.SENTENCE if ends_sentence else Rank.CLAUSE
    behind = _LETTER_BEHIND.match(text[match.end() : match.end() + _REACH])
    letter = behind[1] if behind else ""
    before = text[max(0, match.start() - _REACH) : match.start()]
    if marks == "." and belongs_to_a_word(before, language, followed_by_number=letter.isdigit()):
        return None
    return Rank.SENTENCE if ends_sentence and not letter.islower() and not _goes_on(match, language) else Rank.CLAUSE


def _ends_sentence(marks: str, language: str | None) -> bool:
    """Tell whether `marks` can end a sentence, which commas and ellipses do not."""
    ends = f"{_ENDS};" if language and language.startswith("el") else _ENDS  # ; asks a question in Greek
    return any(mark in ends for mark in marks) and "…" not in marks and ".." not in marks


def _goes_on(match: re.Match[str], language: str) -> bool:
    """Tell whether a Japanese sentence goes on behind what was said in it: 「行こう。」と彼は言った。"""
    if not language.startswith("ja") or match["space"] or not match["marks"].endswith(_CLOSED_QUOTE):
        return False
    return _HIRAGANA.match(match.string, match.end()) is not None


def _needs_no_space(marks: str) -> bool:
    """Tell whether the marks can be cut behind without a space, whatever closes behind them in Chinese and Japanese."""
    return marks[-1] in _CUT_WITHOUT_SPACE or not _ENDS_WITHOUT_SPACE.isdisjoint(marks)
