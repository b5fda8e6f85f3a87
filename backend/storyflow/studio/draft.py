"""The story of a project as the page changes it: `story.json` in the project's folder, which `narrate` reads, too."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from core_engine.reading.scene_breaks import is_scene_break
from engines.contract.errors import NotFoundError, RequestError
from engines.store.publishing import publish
from storyflow.stories.blocks import Block, Document, one_line
from storyflow.stories.pauses import PauseError, cut_at_pauses
from storyflow.stories.story import read_document

STORY_NAME = "story.json"
MOST_PARAGRAPHS = 20_000
LONGEST_PARAGRAPH = 100_000  # characters

_NUMBER = "paragraph"
"""The key of a paragraph's number, which stays the same while others come and go; segments keep it as an extra key."""

_EMPTY_LINE = re.compile(r"\n\s*\n")


@dataclass(frozen=True)
class Draft:
    """A story with its voices."""

    title: str
    author: str | None
    language: str | None
    voice: str
    """The narrator's."""
    dialogue: str | None
    """The voice for what is in quotation marks, if that has one of its own."""
    speed: float
    blocks: tuple[Block, ...]
    """The paragraphs, numbered."""

    @classmethod
    def of(cls, document: Document, title: str, voice: str) -> "Draft":
        """Return a document as a draft; `title` and `voice` are for one that names none. Raises RequestError."""
        if len(document.blocks) > MOST_PARAGRAPHS:
            raise RequestError(
                f"The story has {len(document.blocks)} paragraphs; the page takes {MOST_PARAGRAPHS}. Cut it into "
                f"several files, or use `storyflow narrate`."
            )
        front = document.front
        blocks = _numbered(document.blocks)
        voice, speed = front.voice or voice, front.speed or 1.0
        return cls(document.title or title, document.author, document.language, voice, front.dialogue, speed, blocks)

    @classmethod
    def read(cls, folder: Path, voice: str) -> "Draft":
        """Return the draft in a project's folder; raises StoryError if it cannot be used."""
        return cls.of(read_document(folder / STORY_NAME), folder.name, voice)

    def write(self, folder: Path) -> None:
        """Write the draft atomically; raises OSError if the disk fails."""
        head = {
            "title": self.title,
            "author": self.author,
            "language": self.language,
            "voice_id": self.voice,
            "dialogue_voice_id": self.dialogue,
            "speed": self.speed,
        }
        document = {**_known(head), "segments": [_segment(block) for block in self.blocks]}
        text = json.dumps(document, ensure_ascii=False, indent=1)
        publish(folder / STORY_NAME, text.encode("utf-8", "backslashreplace"))

    def with_text(self, number: int, text: str, was: str) -> "Draft":
        """Return the draft with another text for a paragraph: several for one with empty lines, none for an empty one.

        Raises NotFoundError or RequestError if the paragraph no longer exists or has not the text `was`.
        """
        place = next((place for place, block in enumerate(self.blocks) if number_of(block) == number), None)
        if place is None:
            raise NotFoundError("This paragraph was removed meanwhile, perhaps in another tab.")
        old = self.blocks[place]
        if old.text != was:
            raise RequestError(
                "This paragraph was changed meanwhile, perhaps in another tab. Copy your text, cancel, and edit again."
            )
        texts = [line for part in _EMPTY_LINE.split(text) if (line := one_line(part))]
        for one in texts:
            _check(one)
        blocks = (*self.blocks[:place], *_replaced(old, texts), *self.blocks[place + 1 :])
        if all(is_scene_break(block.text) for block in blocks):
            raise RequestError("A story needs a paragraph. Write some text, or delete the project.")
        return replace(self, blocks=_numbered(blocks))

    def with_voices(self, voice: str, dialogue: str | None, speed: float, speakers: Mapping[str, str]) -> "Draft":
        """Return the draft with other voices; `speakers` are those of the cast, by name."""
        blocks = tuple(
            replace(block, voice=speakers.get(block.speaker, block.voice)) if block.speaker else block
            for block in self.blocks
        )
        return replace(self, voice=voice, dialogue=dialogue, speed=speed, blocks=blocks)

    @property
    def speakers(self) -> dict[str, str]:
        """The members of the cast who say something: name → voice."""
        return {block.speaker: block.voice for block in self.blocks if block.speaker and block.voice}


def number_of(block: Block) -> int:
    """Return the number of a paragraph of a draft."""
    return int(block.extra[_NUMBER])


def paragraph_of(extra: Mapping[str, Any]) -> int | None:
    """Return the number of the paragraph that a segment with these extra keys is from."""
    number = extra.get(_NUMBER)
    return number if isinstance(number, int) else None


def _numbered(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Give each paragraph a number of its own; those that have one keep it."""
    blocks = tuple(blocks)
    taken: set[int] = set()
    numbers: list[int | None] = []
    for block in blocks:
        number = paragraph_of(block.extra)
        is_new = number is None or isinstance(number, bool) or number in taken
        numbers.append(None if is_new else number)
        taken.update([] if is_new or number is None else [number])
    free = count(max(taken, default=0) + 1)
    return tuple(
        replace(block, extra={**block.extra, _NUMBER: next(free) if number is None else number})
        for block, number in zip(blocks, numbers, strict=True)
    )


def _replaced(old: Block, texts: Iterable[str]) -> list[Block]:
    """Return the blocks for the new texts of a paragraph; the first of them is still that paragraph."""
    return [_with(old if first else replace(old, id=None, extra={}), text) for first, text in _firsts(texts)]


def _firsts(texts: Iterable[str]) -> list[tuple[bool, str]]:
    return [(place == 0, text) for place, text in enumerate(texts)]


def _with(block: Block, text: str) -> Block:
    if is_scene_break(text):
        return replace(block, text=text, kind="break", level=0)
    return replace(block, text=text, kind="paragraph" if block.kind == "break" else block.kind)


def _check(text: str) -> None:
    """Raise RequestError for a paragraph that could not be narrated."""
    if len(text) > LONGEST_PARAGRAPH:
        raise RequestError(f"A paragraph has at most {LONGEST_PARAGRAPH} characters. Put an empty line into it.")
    try:
        cut_at_pauses(text)
    except PauseError as error:
        raise RequestError(f"The paragraph {error}") from error


def _segment(block: Block) -> dict[str, Any]:
    values = {
        "text_content": block.text,
        "kind": block.kind if block.kind != "paragraph" else None,
        "level": block.level or None,
        "id": block.id,
        "voice_id": block.voice,
        "speaker": block.speaker,
        "speed": block.speed,
        "pause_after": block.pause_after,
    }
    return {**block.extra, **_known(values)}


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
