"""Find the paragraphs of plain text: wrapped lines, one paragraph per line, indented paragraphs, verse and dialogue.

An editor wraps a line when the next word does not fit. If the next word would have fitted, the line break is
intentional: the line ends a paragraph, or is a line of verse or dialogue.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from storyflow.stories.headings import is_numbered

_LONGEST_WRAPPED = 120
"""Characters: editors wrap earlier than this, so a longer line is a whole paragraph."""

_SHORTEST_WRAPPED = 40
"""Characters: editors wrap later than this, so the breaks of shorter lines are intentional."""

_LINES_OF_HEADING = 3

_RAGGED = 10
"""Characters: a line this much shorter than the width may still be wrapped, since not every text is wrapped exactly."""

_LONGEST_VERSE, _LONGEST_STANZA = 50, 14  # characters, lines

_ENDS = re.compile(r"[.!?…:;][\"'”’»)\]*_]*$|[\"”»]$")
"""The end of a paragraph's last line."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_CUT_WORD = re.compile(r"([^\W\d_]+)-$")


@dataclass(frozen=True)
class _Line:
    text: str
    indent: int


def paragraphs(text: str, begins: Callable[[str], bool] = lambda _line: False) -> Iterator[str]:
    """Yield the paragraphs of a plain text as single lines; a stanza of verse is one paragraph.

    `begins` tells the lines with which a paragraph begins, whatever the layout.
    """
    groups = list(_groups(text, begins))
    width = _width(groups)
    joined = _WordJoiner(text)
    for group in groups:
        for lines in _split(group, width):
            yield joined.lines([line.text for line in lines])


def _groups(text: str, begins: Callable[[str], bool]) -> Iterator[list[_Line]]:
    """Yield the lines between empty lines."""
    group: list[_Line] = []
    for line in text.expandtabs(4).split("\n"):
        if group and begins(line):
            yield group
            group = []
        if line.strip():
            group.append(_Line(line.strip(), len(line) - len(line.lstrip())))
        elif group:
            yield group
            group = []
    if group:
        yield group


def _width(groups: Sequence[Sequence[_Line]]) -> int | None:
    """Return the column at which lines are wrapped; None if some lines are too long for a wrapped text.

    Ignores the longest lines, such as headings and tables.
    """
    lengths = sorted(line.indent + len(line.text) for group in groups for line in group[:-1])
    if not lengths or lengths[-1] > _LONGEST_WRAPPED:
        return None
    return lengths[len(lengths) * 9 // 10]


def _split(group: list[_Line], width: int | None) -> Iterator[list[_Line]]:
    """Yield the paragraphs of a group of lines."""
    if width is None:
        yield from _unwrapped(group)
        return
    if len(group) <= _LINES_OF_HEADING and is_numbered(group[0].text):
        yield group
        return
    on_purpose = [_would_fit(line, after, width) for line, after in pairwise(group)]
    if _has_indented_paragraphs(group):
        yield from _cut_before(group, [after.indent > 0 for after in group[1:]])
    elif width < _SHORTEST_WRAPPED or _mostly(on_purpose) or _all_end(group):
        yield from _broken_on_purpose(group)
    else:
        ends = [_would_fit(line, after, width - _RAGGED) and _ENDS.search(line.text) for line, after in pairwise(group)]
        yield from _cut_before(group, [bool(end) for end in ends])


def _unwrapped(group: list[_Line]) -> Iterator[list[_Line]]:
    """Yield each line as a paragraph, but a stanza of verse as one."""
    if all(len(line.text) < _LONGEST_WRAPPED for line in group):
        yield from _broken_on_purpose(group)
    else:
        yield from ([line] for line in group)


def _broken_on_purpose(group: list[_Line]) -> Iterator[list[_Line]]:
    """Yield each line as a paragraph if most end like paragraphs; yield verse together."""
    if _mostly([bool(_ENDS.search(line.text)) for line in group[:-1]]) and not _looks_like_verse(group):
        yield from ([line] for line in group)
    else:
        yield group


def _mostly(answers: Sequence[bool]) -> bool:
    return sum(answers) > 0.6 * len(answers)


def _all_end(group: Sequence[_Line]) -> bool:
    """Return whether every line ends like a paragraph, which is unlikely in wrapped text."""
    return len(group) > 2 and all(_ENDS.search(line.text) for line in group[:-1])


def _looks_like_verse(group: Sequence[_Line]) -> bool:
    """Return whether the lines have similar lengths and start with capitals."""
    lengths = [len(line.text) for line in group]
    alike = max(lengths) <= min(_LONGEST_VERSE, 2 * min(lengths))
    return 3 < len(group) <= _LONGEST_STANZA and alike and all(line.text[0].isupper() for line in group)


def _has_indented_paragraphs(group: Sequence[_Line]) -> bool:
    """Return whether some lines are indented, and each follows the end of a paragraph."""
    before_indented = [line for line, after in pairwise(group) if after.indent > 0]
    flush = any(line.indent == 0 for line in group)
    return flush and bool(before_indented) and all(_ENDS.search(line.text) for line in before_indented)


def _would_fit(line: _Line, after: _Line, width: int) -> bool:
    first_word = after.text.split(None, 1)[0]
    return line.indent + len(line.text) + 1 + len(first_word) <= width


def _cut_before(group: Sequence[_Line], cuts: Sequence[bool]) -> Iterator[list[_Line]]:
    part = [group[0]]
    for line, cut in zip(group[1:], cuts, strict=True):
        if cut:
            yield part
            part = []
        part.append(line)
    yield part


class _WordJoiner:
    """Joins lines and hyphenated words, looking up words elsewhere in the text."""

    def __init__(self, text: str) -> None:
        self._text = text.lower()
        self._words: frozenset[str] | None = None  # computed on demand: few texts hyphenate

    def lines(self, lines: Sequence[str]) -> str:
        """Join `lines` into one."""
        joined = lines[0]
        for line in lines[1:]:
            cut = _CUT_WORD.search(joined)
            rest = _WORD.match(line)
            if cut and rest and rest[0][0].islower():
                joined = (joined if self._has_hyphen(cut[1], rest[0]) else joined[:-1]) + line
            else:
                joined += " " + line
        return " ".join(joined.split())

    def _has_hyphen(self, head: str, tail: str) -> bool:
        """Return whether "head-tail" has a real hyphen, like "well-known" and unlike "exam-ple"."""
        head, tail = head.lower(), tail.lower()
        if f"{head}-{tail}" in self._text:
            return True
        if self._words is None:
            self._words = frozenset(_WORD.findall(self._text))
        return head + tail not in self._words and {head, tail} <= self._words
