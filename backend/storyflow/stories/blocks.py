"""What every reader of documents makes of a file: a title, blocks of text in order, and what was left out."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal["heading", "paragraph", "break"]

SCENE_BREAK = "* * *"


@dataclass(frozen=True)
class Block:
    """One piece of a document that is read aloud in one go."""

    text: str
    kind: Kind = "paragraph"
    level: int = 0
    """Of a heading: 1 is the highest. 0 for anything else."""
    id: str | None = None
    """Name of its audio file, where the document gives one."""
    voice: str | None = None
    """Who speaks it, where the document says so."""
    speed: float | None = None
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Further keys of a JSON segment, kept for the program that wrote them."""


@dataclass(frozen=True)
class Document:
    """A file as a reader sees it."""

    title: str | None
    blocks: tuple[Block, ...]
    left_out: Mapping[str, int] = field(default_factory=Counter)
    """What is not read aloud, such as "footnotes", and how many there were."""


_SPACE_BEFORE_MARK = re.compile(r"\s+([.,;:!?])(?=\s|$)")


def without_gaps(text: str) -> str:
    """Return `text` in one line, without the spaces before marks that are left where something was taken out."""
    return one_line(_SPACE_BEFORE_MARK.sub(r"\1", text))


def one_line(text: str) -> str:
    """Return `text` with every run of white space as one space."""
    return " ".join(text.split())
