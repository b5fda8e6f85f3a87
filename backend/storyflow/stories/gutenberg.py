"""Remove what a book or its transcription has besides its text: licence, contents, illustrations, footnotes."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

_START = re.compile(r"^\*{3} ?START OF (?:THE|THIS) PROJECT GUTENBERG .*?\*{3}[ \t]*$", re.MULTILINE | re.DOTALL)
_END = re.compile(r"^(?:\*{3} ?END OF (?:THE|THIS) PROJECT GUTENBERG|End of (?:the )?Project Gutenberg)", re.MULTILINE)
_TITLE = re.compile(r"^Title:[ \t]*(.+(?:\n[ \t]+\S.*)*)", re.MULTILINE)

_BALANCED = r"(?:[^\[\]]|\[[^\[\]]*\])*"
_APPARATUS = {
    "illustrations": re.compile(rf"\[(?:Illustration|Picture|Image|Frontispiece)\b{_BALANCED}\]", re.IGNORECASE),
    "footnotes": re.compile(rf"\[Footnote\b{_BALANCED}\]", re.IGNORECASE),
    "notes of the transcriber": re.compile(rf"\[(?:Transcriber|Sidenote|Editor)\b{_BALANCED}\]", re.IGNORECASE),
    "page numbers": re.compile(r"[\[{](?:Pg?\.? ?|page )\d+[\]}]|\{\d+\}", re.IGNORECASE),
    "footnote marks": re.compile(r"(?<=[^\s\[])[ \t]?\[(?:\d{1,3}|[A-Z]|[*†‡])\]"),
}

_CONTENTS = re.compile(r"(?:table of )?contents\.?", re.IGNORECASE)
_PAGE_NUMBER = re.compile(r"[\s.·_]*\b(?:\d{1,4}|[ivxlc]{1,6})\s*$")


def body_of(text: str) -> tuple[str, str | None, bool]:
    """Return a text without Project Gutenberg's header and licence, the header's title, and whether it had a header."""
    start, end = _START.search(text), _END.search(text)
    if not start:
        return text, None, False
    title = _TITLE.search(text[: start.start()])
    body = text[start.end() : end.start() if end and end.start() > start.end() else len(text)]
    return body, " ".join(title[1].split()) if title else None, True


def without_apparatus(text: str) -> tuple[str, Counter[str]]:
    """Return a text without bracketed illustrations, notes and page numbers, with the number of each."""
    left_out: Counter[str] = Counter()
    for name, pattern in _APPARATUS.items():
        text, count = pattern.subn("", text)
        left_out[name] += count
    return text, +left_out


def without_contents(paragraphs: Sequence[str]) -> tuple[list[str], int]:
    """Return the paragraphs without the table of contents, and its number of paragraphs.

    The table ends before the first paragraph that is not repeated later as a heading.
    """
    start = next((index for index, text in enumerate(paragraphs) if _CONTENTS.fullmatch(text)), None)
    if start is None:
        return list(paragraphs), 0
    end = start + 1
    later = [_entry(text) for text in paragraphs]
    while end < len(paragraphs) and _is_entry(paragraphs[end], later[end + 1 :]):
        end += 1
    if end == start + 1:
        return list(paragraphs), 0
    return [*paragraphs[:start], *paragraphs[end:]], end - start


def _is_entry(text: str, later: Sequence[str]) -> bool:
    """Return whether a paragraph lists one or more later headings."""
    entry = _entry(text)
    if not entry:
        return False
    if entry in later or any(heading.startswith(f"{entry} ") and len(heading) < 120 for heading in later):
        return True
    return sum(1 for heading in _headings(later) if heading in entry) > 1  # a table with joined lines


def _headings(texts: Sequence[str]) -> Iterator[str]:
    return (text for text in texts if 3 < len(text) < 80)


def _entry(text: str) -> str:
    return re.sub(r"\W+", " ", _PAGE_NUMBER.sub("", text)).strip().casefold()
