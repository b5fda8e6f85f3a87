"""Read HTML: the text that a browser shows, in blocks."""

import re
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser

from storyflow.stories.blocks import SCENE_BREAK, Block, Document, one_line, without_gaps

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset([
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "footer", "form", "header", "hr", "html", "legend", "li", "main", "ol", "p", "section", "summary",
    "table", "tbody", "tfoot", "thead", "tr", "ul", *_HEADINGS,
])  # fmt: skip
_LEFT_OUT = {
    "script": "scripts", "style": "scripts", "template": "scripts", "noscript": "scripts", "head": None,
    "pre": "code blocks", "nav": "navigation", "svg": "images", "math": "formulas", "figure": "images",
    "audio": "media", "video": "media", "iframe": "media", "object": "media", "canvas": "images",
    "select": "forms", "button": "forms", "textarea": "forms", "rt": "readings", "rp": None,
}  # fmt: skip
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_NOTE_MARK = re.compile(r"[\s\[(]*(?:\d{1,3}|[a-z]|[*†‡§]+)[\s\])]*", re.IGNORECASE)


def read_html(text: str) -> Document:
    """Return the blocks of an HTML page; each table row is one block, and list numbers are read.

    Scripts, styles, navigation, code, media, forms and footnote marks are left out.
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.end_block()
    first = next((block.text for block in reader.blocks if block.kind == "heading"), None)
    return Document(one_line(reader.title) or first, tuple(reader.blocks), +reader.left_out)


class _Reader(HTMLParser):
    """Collects blocks while it parses a page; never fails, however malformed the page is."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.blocks: list[Block] = []
        self.left_out: Counter[str] = Counter()
        self._words: list[str] = []
        self._level = 0
        self._silent: list[str] = []  # open elements that are left out, outermost first
        self._in_title = False
        self._numbers: list[int | None] = []  # next number of each open list, None for bullets
        self._in_row = False
        self._raised_from = 0  # index of the first word of the last <sup>

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Open an element."""
        self._in_title = self._in_title or (tag == "title" and not self.title)
        if tag == "body":
            self._silent.clear()  # an unclosed <head>
        if self._silent or tag in _LEFT_OUT or _is_note_mark(tag, dict(attrs)) or _is_hidden(dict(attrs)):
            self._leave_out(tag)
            return
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in _BLOCKS:
            self._end_row()
        elif tag == "br":
            self._words.append(" ")
        self._begin(tag, dict(attrs))

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Open a self-closing element: `<hr/>`; `<div/>` opens a div, as in a browser."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if tag == "title":
            self._in_title = False
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
            elif tag in self._silent:
                del self._silent[self._silent.index(tag) :]
            return
        if tag == "sup":
            self._end_raised()
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

    def _begin(self, tag: str, attrs: dict[str, str | None]) -> None:
        if tag in _HEADINGS:
            self._level = _HEADINGS[tag]
        elif tag == "sup":
            self._raised_from = len(self._words)
        elif tag == "hr":
            self.blocks.append(Block(SCENE_BREAK, "break"))
        elif tag == "img":
            self.left_out["images"] += 1
        elif tag in ("ol", "ul"):
            start = attrs.get("start") or "1"
            self._numbers.append((int(start) if start.isdecimal() else 1) if tag == "ol" else None)
        elif tag == "li" and self._numbers and self._numbers[-1] is not None:
            self._words.append(f"{self._numbers[-1]}. ")
            self._numbers[-1] += 1

    def _leave_out(self, tag: str) -> None:
        if tag in _VOID:
            return
        name = None if self._silent else _LEFT_OUT.get(tag, "footnote marks" if tag == "a" else "hidden parts")
        if name:
            self.left_out[name] += 1
        self._silent.append(tag)

    def _end_raised(self) -> None:
        """Remove a superscript number, which marks a footnote, but keep the "st" of "1st"."""
        if _NOTE_MARK.fullmatch("".join(self._words[self._raised_from :])):
            del self._words[self._raised_from :]
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


def _is_note_mark(tag: str, attrs: dict[str, str | None]) -> bool:
    """Return whether an element is a link to a footnote, by its type, role or class."""
    role = f"{attrs.get('epub:type') or ''} {attrs.get('role') or ''} {attrs.get('class') or ''}"
    return tag == "a" and any(name in role for name in ("noteref", "footnote", "pagenum"))


def _is_hidden(attrs: dict[str, str | None]) -> bool:
    style = (attrs.get("style") or "").replace(" ", "")
    return "hidden" in attrs or "display:none" in style or "pagenum" in (attrs.get("class") or "")
