"""Read HTML: the text that a browser shows, in blocks."""

import re
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser

from storyflow.stories.blocks import SCENE_BREAK, Block, Document, one_line, without_gaps
from storyflow.stories.page_parts import left_out_as

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset([
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "footer", "form", "header", "hr", "html", "legend", "li", "main", "ol", "p", "section", "summary",
    "table", "tbody", "tfoot", "thead", "tr", "ul", *_HEADINGS,
])  # fmt: skip
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_INTERNAL_SUBSET = re.compile(r"<!DOCTYPE[^\[>]*\[.*?\]\s*>", re.DOTALL | re.IGNORECASE)
"""A document type with declarations of its own, which are not used: entities could expand without end."""
_PROLOGUE = 4096  # characters before the document type
_AUTHORS = frozenset(["author", "dc.creator", "dcterms.creator"])
_LIST_START = re.compile(r"\d{1,9}")
_NOTE_MARKS = {
    "sup": re.compile(r"[\s\[(]*(?:\d{1,3}|[a-z]|[*†‡§]+)[\s\])]*", re.IGNORECASE),
    "a": re.compile(r"[\s\[(]*(?:\d{1,3}|[*†‡§]+)[\s\])]*|\s*[\[(][a-z][\])]\s*", re.IGNORECASE),
}


def read_html(text: str) -> Document:
    """Return the blocks of an HTML page; each table row is one block, and list numbers are read.

    Scripts, styles, navigation, code, media, forms, footnotes and their marks are left out.
    """
    return _read(text, _Reader(is_xml=False))


def read_xhtml(text: str) -> Document:
    """Return the blocks of an XHTML page, as `read_html` does; `<title/>` is an empty element there."""
    start = text[:_PROLOGUE].lower().find("<!doctype")
    subset = _INTERNAL_SUBSET.match(text, max(start, 0))
    return _read(text[subset.end() :] if subset else text, _Reader(is_xml=True))


def _read(text: str, reader: "_Reader") -> Document:
    reader.feed(text)
    reader.close()
    reader.end_block()
    first = next((block.text for block in reader.blocks if block.kind == "heading"), None)
    title = one_line(reader.title) or first
    return Document(title, tuple(reader.blocks), +reader.left_out, reader.author, reader.language)


class _Reader(HTMLParser):
    """Collects blocks while it parses a page; never fails, however malformed the page is."""

    def __init__(self, is_xml: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.author: str | None = None
        self.language: str | None = None
        self.blocks: list[Block] = []
        self.left_out: Counter[str] = Counter()
        self._words: list[str] = []
        self._level = 0
        self._silent: list[str] = []  # open elements that are left out, outermost first
        self._in_title = False
        self._numbers: list[int | None] = []  # next number of each open list, None for bullets
        self._in_row = False
        self._marks: dict[str, int] = {}  # index of the first word of the open <sup> and of the open link
        self._is_xml = is_xml

    def parse_html_declaration(self, i: int) -> int:
        """Skip a declaration; Python's parser fails at unknown ones such as `<![foo[`, browsers do not."""
        try:
            return super().parse_html_declaration(i)
        except AssertionError:
            return self.parse_bogus_comment(i)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Open an element."""
        self._in_title = self._in_title or (tag == "title" and not self.title)
        if tag == "body":
            self._silent.clear()  # an unclosed <head>
        self._note(tag, dict(attrs))
        name = left_out_as(tag, dict(attrs))
        if self._silent or name is not None:
            self._leave_out(tag, name or "")
            return
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in _BLOCKS:
            self._end_row()
        elif tag == "br":
            self._words.append(" ")
        self._begin(tag, dict(attrs))

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Open a self-closing element: `<hr/>`; in HTML `<div/>` opens a div, as in a browser."""
        self.handle_starttag(tag, attrs)
        if self._is_xml and tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if tag == "title":
            self._in_title = False
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
            elif tag in self._silent:
                while self._silent.pop() != tag:
                    pass
            return
        if tag in self._marks:
            self._end_mark(tag)
        elif tag in _BLOCKS:
            self._end_row()
        if tag in ("ol", "ul") and self._numbers:
            self._numbers.pop()

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self._in_title:
            self.title += data
        elif not self._silent:
            self._words.append(data)

    def end_block(self) -> None:
        """Add the words since the last block as a new block."""
        text = without_gaps("".join(self._words))
        self._words.clear()
        if text:
            self.blocks.append(Block(text, "heading" if self._level else "paragraph", self._level))
        self._level = 0

    def _note(self, tag: str, attrs: dict[str, str | None]) -> None:
        """Take author and language."""
        if tag == "html":
            self.language = one_line(attrs.get("lang") or attrs.get("xml:lang") or "") or None
        elif tag == "meta" and (attrs.get("name") or "").lower() in _AUTHORS:
            self.author = self.author or one_line(attrs.get("content") or "") or None

    def _begin(self, tag: str, attrs: dict[str, str | None]) -> None:
        if tag in _HEADINGS:
            self._level = _HEADINGS[tag]
        elif tag == "sup" or (tag == "a" and "#" in (attrs.get("href") or "")):
            self._marks[tag] = len(self._words)
        elif tag == "hr":
            self.blocks.append(Block(SCENE_BREAK, "break"))
        elif tag == "img":
            self.left_out["images"] += 1
        elif tag in ("ol", "ul"):
            start = attrs.get("start") or "1"
            self._numbers.append((int(start) if _LIST_START.fullmatch(start) else 1) if tag == "ol" else None)
        elif tag == "li" and self._numbers and self._numbers[-1] is not None:
            self._words.append(f"{self._numbers[-1]}. ")
            self._numbers[-1] += 1

    def _leave_out(self, tag: str, name: str) -> None:
        if name and not self._silent:
            self.left_out[name] += 1
        if tag in _VOID:
            return
        self._silent.append(tag)

    def _end_mark(self, tag: str) -> None:
        """Remove a raised or linked number, which marks a footnote, but keep the "st" of "1st"."""
        start = self._marks.pop(tag)
        if _NOTE_MARKS[tag].fullmatch("".join(self._words[start:])):
            del self._words[start:]
            self.left_out["footnote marks"] += 1

    def _end_cell(self) -> None:
        """End a table cell, closed or not, when the next one starts."""
        cell = "".join(self._words).rstrip()
        if cell:
            self._words[:] = [f"{cell.rstrip('.,')}, "]
        self._in_row = True

    def _end_row(self) -> None:
        """End a block; a table row ends as a sentence."""
        row = one_line("".join(self._words)).rstrip(",")
        if self._in_row and row and not row.endswith((".", "!", "?")):
            self._words[:] = [f"{row}."]
        self._in_row = False
        self.end_block()
