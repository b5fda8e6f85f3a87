"""Find what stands in quotation marks: straight and typographic, nested, and the single ones of British books.

A single closing mark is also the apostrophe. It closes a quotation if no letter follows it: surely after a mark such as
a comma; after a letter it may be a plural's ("the boys’ hats"), and is taken only if nothing better comes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_CLOSING = {
    "“": "”\"", '"': '"', "„": "“”\"", "«": "»", "»": "«", "”": "”", "「": "」", "『": "』",
}  # fmt: skip
"""Opening mark → the marks that close it."""

_SINGLE = "‘'"
_SINGLE_CLOSING = "’'"
_ELISION = re.compile(r"['‘’](?:tis|twas|twere|twill|em|til|cause|bout|round|neath|n|ere|ead|e|\d0s)\b", re.IGNORECASE)
_SURE = frozenset('.,!?…—–-;:”"')
_OPENS_AFTER = frozenset("([{—–-“\"‘'«„")
_SPEECH_AFTER = frozenset(",:;—–")
_MARKS = re.compile(r"[.,!?…—–;:]")
_LONGEST_NAME = 3
"""Words of a quotation in small letters, without any mark, that is not speech: the so-called “expert”."""


@dataclass(frozen=True)
class Quotation:
    """A quotation in a paragraph, with its marks."""

    start: int
    end: int
    """Exclusive."""
    opening: str
    """Its opening mark; empty if it began in an earlier paragraph."""
    is_closed: bool


def quotations(text: str, singles: bool, continued: str = "") -> list[Quotation]:
    """Return the outermost quotations of a paragraph, in order.

    `singles` says whether single marks are quotation marks, too. `continued` is the opening mark of the quotation in
    which the paragraph before ended; it goes on here if its closing mark comes before any opening one. A quotation
    without a closing mark goes to the end.
    """
    found = []
    position = _end_of_continued(text, singles, continued)
    if position:
        found.append(Quotation(0, position, "", True))
    while (start := _next_opening(text, position, singles)) is not None:
        end = _end_of(text, start)
        if end is None and not _runs_on(text, start):
            position = start + 1
            continue
        position = len(text) if end is None else end
        found.append(Quotation(start, position, text[start], end is not None))
    return found


def is_speech(text: str, quotation: Quotation) -> bool:
    """Return whether somebody says a quotation; the narrator says a word or two that are only quoted."""
    inside = text[quotation.start + 1 : quotation.end - 1].strip()
    before = _last_before(text, quotation.start)
    if not quotation.is_closed or not quotation.opening or not before or before in _SPEECH_AFTER:
        return True
    return not inside[:1].islower() or _MARKS.search(inside) is not None or len(inside.split()) > _LONGEST_NAME


def singles_quote(texts: Iterable[str]) -> bool:
    """Return whether a story quotes with single marks: more of its paragraphs begin to quote with them."""
    votes = 0
    for text in texts:
        first = next((each for each in quotations(text, singles=True) if is_speech(text, each)), None)
        if first and first.opening:
            votes += 1 if first.opening in _SINGLE else -1
    return votes > 0


def _next_opening(text: str, position: int, singles: bool) -> int | None:
    for index in range(position, len(text)):
        mark = text[index]
        if (mark in _CLOSING and _opens(text, index)) or (singles and mark in _SINGLE and _single_opens(text, index)):
            return index
    return None


def _opens(text: str, index: int) -> bool:
    if text[index] in "“„「『":
        return True
    return _begins_word(text, index) and (text[index] in "«" or not text[index + 1 : index + 2].isspace())


def _begins_word(text: str, index: int) -> bool:
    before = text[index - 1 : index]
    return index + 1 < len(text) and (not before or before.isspace() or before in _OPENS_AFTER)


def _single_opens(text: str, index: int) -> bool:
    if not _begins_word(text, index) or text[index + 1].isspace() or _ELISION.match(text, index):
        return False
    if text[index] == "‘":
        return True
    before = _last_before(text, index)
    return not text[index + 1].islower() or not before or before in _SPEECH_AFTER


def _last_before(text: str, index: int) -> str:
    """Return the last character before `index` that is not a space; empty if there is none."""
    while index and text[index - 1].isspace():
        index -= 1
    return text[index - 1 : index]


def _end_of(text: str, start: int) -> int | None:
    """Return the end of the quotation that opens at `start`; None if it has none."""
    if text[start] in _SINGLE:
        return _end_of_single(text, start)
    found = [text.find(mark, start + 1) for mark in _CLOSING[text[start]]]
    return min((index + 1 for index in found if index >= 0), default=None)


def _end_of_single(text: str, start: int) -> int | None:
    unsure: list[int] = []
    index = start + 1
    while index < len(text):
        mark = text[index]
        if mark in _CLOSING and mark not in "”»" and _opens(text, index):
            index = _end_of(text, index) or index + 1
            continue
        if mark in _SINGLE and _single_opens(text, index):
            break
        if mark in _SINGLE_CLOSING and _surely_closes(text, index):
            return index + 1
        if mark in _SINGLE_CLOSING and _single_closes(text, index):
            unsure.append(index)
        index += 1
    best = [index for index in unsure if text[index - 1] not in "sn"] or unsure
    return best[0] + 1 if best else None


def _single_closes(text: str, index: int) -> bool:
    return index > 0 and not text[index - 1].isspace() and not text[index + 1 : index + 2].isalnum()


def _surely_closes(text: str, index: int) -> bool:
    return _single_closes(text, index) and text[index - 1] in _SURE


def _runs_on(text: str, start: int) -> bool:
    """Return whether an opening mark without a closing one begins a quotation; a single one may be an apostrophe."""
    return text[start] not in _SINGLE or not _last_before(text, start)


def _end_of_continued(text: str, singles: bool, continued: str) -> int:
    """Return where the quotation of the paragraph before ends in this one; 0 if it does not."""
    if not continued:
        return 0
    opening = _next_opening(text, 0, singles)
    limit = len(text) if opening is None else opening
    closing = _SINGLE_CLOSING if continued in _SINGLE else _CLOSING[continued]
    for index in range(limit):
        if text[index] in closing and (continued not in _SINGLE or _surely_closes(text, index)):
            return index + 1
    return 0
