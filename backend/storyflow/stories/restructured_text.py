"""Read reStructuredText with docutils, if it is installed."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from storyflow.stories.blocks import SCENE_BREAK, Block, Document, one_line, row_sentence, without_gaps

_LEFT_OUT = {
    "literal_block": "code blocks", "doctest_block": "code blocks", "math_block": "formulas", "math": "formulas",
    "footnote": "footnotes", "citation": "footnotes", "footnote_reference": "footnote marks",
    "citation_reference": "footnote marks", "image": "images", "figure": "images", "comment": "comments",
    "raw": "raw blocks", "system_message": "errors in the markup", "problematic": "errors in the markup",
    "topic": "tables of contents", "docinfo": "fields", "field_list": "fields",
}  # fmt: skip
_TEXTS = frozenset(["paragraph", "title", "subtitle", "term", "line_block", "rubric", "attribution"])


class DocutilsMissingError(ImportError):
    """docutils is not installed."""


def read_restructured_text(text: str) -> Document:
    """Return the blocks of a reStructuredText document, without included files.

    Raises DocutilsMissingError.
    """
    try:
        from docutils.core import publish_doctree
    except ImportError as error:
        raise DocutilsMissingError("docutils is not installed") from error
    settings = {"report_level": 5, "halt_level": 5, "file_insertion_enabled": False, "raw_enabled": False}
    tree = publish_doctree(text, settings_overrides=settings)
    left_out: Counter[str] = Counter()
    blocks = tuple(_blocks(tree, 1 if tree.get("title") else 0, "", left_out))
    return Document(tree.get("title"), blocks, left_out)


def _blocks(node: Any, level: int, mark: str, left_out: Counter[str]) -> Iterator[Block]:
    for number, child in enumerate(node.children, start=1):
        name = child.tagname
        if name in _LEFT_OUT:
            left_out[_LEFT_OUT[name]] += 1
        elif name == "transition":
            yield Block(SCENE_BREAK, "break")
        elif name in _TEXTS:
            text = without_gaps(_words(child, left_out))
            if text:
                yield Block(text, "heading", max(level, 1)) if name == "title" else Block(mark + text)
            mark = ""
        elif name == "row":
            yield Block(row_sentence(one_line(_words(cell, left_out)) for cell in child.children))
        else:
            inner = f"{number}. " if name == "list_item" and node.tagname == "enumerated_list" else mark
            yield from _blocks(child, level + (name == "section"), inner, left_out)


def _words(node: Any, left_out: Counter[str]) -> str:
    if node.tagname in _LEFT_OUT:
        left_out[_LEFT_OUT[node.tagname]] += 1
        return ""
    if not node.children:
        return str(node.astext())
    separator = " " if node.tagname in ("line_block", "entry") else ""
    return separator.join(_words(child, left_out) for child in node.children)
