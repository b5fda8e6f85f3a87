"""Lines of plain text to paragraphs: wrapped lines, a paragraph a line, indented paragraphs, verse and dialogue.

An editor that wraps lines breaks where the next word does not fit. So where the next word would have fitted, the line
ends on purpose: it ends a paragraph, or is a line of verse or dialogue.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from storyflow.stories.headings import is_numbered

_LONGEST_WRAPPED = 120
"""Characters: no editor wraps later, so a longer line is a paragraph of its own."""

_SHORTEST_WRAPPED = 40
"""Characters: no editor wraps earlier, so shorter lines end on purpose."""

_LINES_OF_HEADING = 3

_RAGGED = 10
"""Characters: by so much a line may be too short without a meaning, since not every text is wrapped exactly."""

_LONGEST_VERSE, _LONGEST_STANZA = 50, 14  # characters, lines

_ENDS = re.compile(r"[.!?…:;][\"'”’»)\]*_]*$|[\"”»]$")
"""How the last line of a paragraph ends."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_CUT_WORD = re.compile(r"([^\W\d_]+)-$")


@dataclass(frozen=True)
class _Line:
    text: str
    indent: int


def paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a plain text, each in one line; a stanza of verse is one paragraph."""
    groups = list(_groups(text))
    width = _width(groups)
    joined = _WordJoiner(text)
    for group in groups:
        for lines in _split(group, width):
            yield joined.lines([line.text for line in lines])


def _groups(text: str) -> Iterator[list[_Line]]:
    """Yield the lines between empty lines."""
    group: list[_Line] = []
    for line in text.expandtabs(4).split("\n"):
        if line.strip():
            group.append(_Line(line.strip(), len(line) - len(line.lstrip())))
        elif group:
            yield group
            group = []
    if group:
        yield group


def _width(groups: Sequence[Sequence[_Line]]) -> int | None:
    """Return the column at which lines are wrapped; None for a text that has lines longer than anyone wraps.

    A few lines may be longer than all others, such as headings and tables: they do not count.
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
    """Yield each line as a paragraph, but verse as one."""
    if all(len(line.text) < _LONGEST_WRAPPED for line in group):
        yield from _broken_on_purpose(group)
    else:
        yield from ([line] for line in group)


def _broken_on_purpose(group: list[_Line]) -> Iterator[list[_Line]]:
    """Yield lines as paragraphs where they end like paragraphs, and together where they are verse."""
    if _mostly([bool(_ENDS.search(line.text)) for line in group[:-1]]) and not _looks_like_verse(group):
        yield from ([line] for line in group)
    else:
        yield group


def _mostly(answers: Sequence[bool]) -> bool:
    return sum(answers) > 0.6 * len(answers)


def _all_end(group: Sequence[_Line]) -> bool:
    """Return whether every line ends like a paragraph, which wrapped lines do only by chance."""
    return len(group) > 2 and all(_ENDS.search(line.text) for line in group[:-1])


def _looks_like_verse(group: Sequence[_Line]) -> bool:
    """Return whether lines that all end like sentences have about one length and begin with capitals."""
    lengths = [len(line.text) for line in group]
    alike = max(lengths) <= min(_LONGEST_VERSE, 2 * min(lengths))
    return 3 < len(group) <= _LONGEST_STANZA and alike and all(line.text[0].isupper() for line in group)


def _has_indented_paragraphs(group: Sequence[_Line]) -> bool:
    """Return whether some lines are indented, and each of them follows the end of a paragraph."""
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
    """Joins lines, and words that were cut at the end of a line, by the words that the text has elsewhere."""

    def __init__(self, text: str) -> None:
        self._text = text.lower()
        self._words: frozenset[str] | None = None  # read when a word is cut; few texts have any

    def lines(self, lines: Sequence[str]) -> str:
        """Return `lines` as one."""
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
        """Return whether "head-tail" is written with a hyphen, as "well-known" is and "exam-ple" is not."""
        head, tail = head.lower(), tail.lower()
        if f"{head}-{tail}" in self._text:
            return True
        if self._words is None:
            self._words = frozenset(_WORD.findall(self._text))
        return head + tail not in self._words and {head, tail} <= self._words
