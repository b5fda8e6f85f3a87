"""Read plain text: find paragraphs by layout, recognise headings, remove typewriter emphasis."""

import re

from core_engine.reading.scene_breaks import is_scene_break
from storyflow.stories.blocks import SCENE_BREAK, Block, Document
from storyflow.stories.cast import Cast
from storyflow.stories.front_matter import split_front_matter
from storyflow.stories.gutenberg import body_of, without_apparatus, without_contents
from storyflow.stories.headings import heading_of
from storyflow.stories.layout import paragraphs

_EMPHASIS = re.compile(r"(?<!\w)(_{1,2}|\*{1,3}|[=~])(?=[^\s_*=~])(.*?[^\s_*=~])\1(?!\w)")


def read_plain_text(text: str) -> Document:
    """Return the blocks of a plain text, without a book's licence, contents and notes.

    Raises FrontMatterError.
    """
    front, text = split_front_matter(text)
    body, title, is_gutenberg = body_of(text)
    body, left_out = without_apparatus(body)
    kept, contents = without_contents(list(paragraphs(body, front.cast.begins)))
    if is_gutenberg:
        left_out["licence of Project Gutenberg"] = 1
    if contents:
        left_out["table of contents"] = 1
    blocks = tuple(_block(paragraph, front.cast) for paragraph in kept)
    return Document(front.title or title, blocks, left_out, front.author, front.language, front)


def _block(paragraph: str, cast: Cast) -> Block:
    if is_scene_break(paragraph):
        return Block(SCENE_BREAK, "break")
    plain = _without_emphasis(paragraph)
    return Block(plain) if cast.begins(plain) else heading_of(plain) or Block(plain)


def _without_emphasis(text: str) -> str:
    for _ in range(3):  # **_both_** in either order
        text = _EMPHASIS.sub(r"\2", text)
    return text
