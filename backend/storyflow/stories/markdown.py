"""Read Markdown: what one would read aloud from the rendered page, in blocks."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from storyflow.stories.blocks import SCENE_BREAK, Block, Document, row_sentence, without_gaps
from storyflow.stories.cast import Cast
from storyflow.stories.front_matter import split_front_matter

if TYPE_CHECKING:
    from markdown_it.token import Token

_BARE_URL = re.compile(r"<?\b(?:https?|ftp)://[^\s<>]*[^\s<>.,;:!?)\]'\"”’]>?|\bwww\.[^\s<>]*[^\s<>.,;:!?)\]'\"”’]")
_EMOJI = re.compile(r"(?<![\w:]):[a-z0-9_+-]+:(?![\w:])")
_LEFT_OUT = {
    "fence": "code blocks",
    "code_block": "code blocks",
    "html_block": "HTML blocks",
    "html_inline": "HTML tags",
    "image": "images",
    "math_inline": "formulas",
    "math_block": "formulas",
    "amsmath": "formulas",
    "footnote_ref": "footnote marks",
    "footnote_block_open": "footnotes",
}
_BREAKS = frozenset(["softbreak", "hardbreak"])
_WORDS = frozenset(["text", "code_inline"])


def read_markdown(text: str) -> Document:
    """Return the blocks of a Markdown text.

    A table is one block with a sentence per row, and list numbers are read. Code, HTML, images, formulas, footnotes,
    bare URLs and `:emoji:` are left out. Raises FrontMatterError.
    """
    front, text = split_front_matter(text)
    reader = _Reader(_parsed(text), front.cast)
    blocks = tuple(reader.blocks())
    first = next((block.text for block in blocks if block.kind == "heading" and block.level == 1), None)
    return Document(front.title or first, blocks, +reader.left_out, front.author, front.language, front)


def _parsed(text: str) -> "Sequence[Token]":
    from markdown_it import MarkdownIt  # imported only for Markdown stories
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.footnote import footnote_plugin

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.use(footnote_plugin).use(dollarmath_plugin, allow_digits=False)
    return parser.parse(text)


class _Reader:
    """Collects the blocks of one document's tokens."""

    def __init__(self, tokens: "Sequence[Token]", cast: Cast) -> None:
        self.left_out: Counter[str] = Counter()
        self._tokens = tokens
        self._cast = cast
        self._numbers: list[int | None] = []  # next number of each open list, None for bullets
        self._mark = ""  # number of the current list item
        self._level = 0
        self._row: list[str] | None = None
        self._rows: list[str] = []
        self._in_footnotes = False

    def blocks(self) -> Iterator[Block]:
        """Yield what is read aloud, in order."""
        for token in self._tokens:
            if token.type in _LEFT_OUT:
                self.left_out[_LEFT_OUT[token.type]] += 1
            self._open_or_close(token)
            if token.type == "hr":
                yield Block(SCENE_BREAK, "break")
            elif token.type == "table_close":
                yield Block(" ".join(self._rows))
                self._rows = []
            elif token.type == "inline" and not self._in_footnotes:
                yield from self._of_inline(token)

    def _open_or_close(self, token: "Token") -> None:
        match token.type:
            case "heading_open" | "heading_close":
                self._level = int(token.tag[1:]) if token.type == "heading_open" else 0
            case "bullet_list_open" | "ordered_list_open":
                self._numbers.append(int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None)
            case "bullet_list_close" | "ordered_list_close":
                self._numbers.pop()
            case "list_item_open":
                self._mark = self._next_mark()
            case "tr_open":
                self._row = []
            case "tr_close":
                self._rows.append(row_sentence(self._row or []))
                self._row = None
            case "footnote_block_open" | "footnote_block_close":
                self._in_footnotes = token.type == "footnote_block_open"

    def _next_mark(self) -> str:
        number = self._numbers[-1]
        if number is None:
            return ""
        self._numbers[-1] = number + 1
        return f"{number}. "

    def _of_inline(self, token: "Token") -> Iterator[Block]:
        text = self._spoken(token.children or [])
        if self._row is not None:
            self._row.append(without_gaps(text))
            return
        for part in map(without_gaps, self._cast.cut(text)):
            if part:
                mark, self._mark = self._mark, ""
                yield Block(mark + part, "heading" if self._level else "paragraph", self._level)

    def _spoken(self, tokens: "Sequence[Token]") -> str:
        """Return the text of inline tokens, in the lines of the file."""
        words = []
        for token in tokens:
            if token.type in _LEFT_OUT:
                self.left_out[_LEFT_OUT[token.type]] += 1
            elif token.type in _WORDS:
                words.append(token.content)
            elif token.type in _BREAKS:
                words.append("\n")
        text = "".join(words)
        for pattern, name in ((_BARE_URL, "bare addresses"), (_EMOJI, "emoji codes"), (_TASK, "check boxes")):
            text, count = pattern.subn("", text)
            self.left_out[name] += count
        return text


_TASK = re.compile(r"\A\[[ xX]\](?=\s)|(?<=\s)\[[xX]\](?=\s|$)")
