"""The result of every document reader: a title, blocks of text in order, and what was left out."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from storyflow.stories.front_matter import NO_FRONT_MATTER, FrontMatter

Kind = Literal["heading", "paragraph", "break"]

SCENE_BREAK = "* * *"


@dataclass(frozen=True)
class Block:
    """A paragraph, heading or scene break of a document."""

    text: str
    kind: Kind = "paragraph"
    level: int = 0
    """Level of a heading, 1 being the highest; 0 for anything else."""
    id: str | None = None
    """Name of its audio file, if the document gives one."""
    voice: str | None = None
    """The voice, if the document gives one."""
    speaker: str | None = None
    """The name of who says it, if that is not the narrator."""
    speed: float | None = None
    pause_after: float | None = None
    """Seconds of silence after it, if the document says so."""
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Additional keys of a JSON segment, kept for the program that wrote them."""


@dataclass(frozen=True)
class Document:
    """The content of a story file."""

    title: str | None
    blocks: tuple[Block, ...]
    left_out: Mapping[str, int] = field(default_factory=Counter)
    """What is not read aloud, such as "footnotes", with counts."""
    author: str | None = None
    language: str | None = None
    """Language tag such as "en" or "pt-br"."""
    front: FrontMatter = NO_FRONT_MATTER
    """What its head says about who speaks it."""


_SPACE_BEFORE_MARK = re.compile(r"\s+([.,;:!?])(?=\s|$)")


def without_gaps(text: str) -> str:
    """Return `text` in one line, without the spaces left before punctuation where something was removed."""
    return one_line(_SPACE_BEFORE_MARK.sub(r"\1", text))


def row_sentence(cells: Iterable[str]) -> str:
    """Join the cells of a table row into a sentence; empty if all cells are."""
    row = ", ".join(cell for cell in cells if cell)
    return row if not row or row.endswith((".", "!", "?")) else f"{row}."


def one_line(text: str) -> str:
    """Return `text` with runs of white space collapsed."""
    return " ".join(text.split())
