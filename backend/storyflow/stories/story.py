"""Story files: plain text, Markdown and StoryFlow's JSON become a title and segments to speak."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from core_engine.reading.scene_breaks import is_scene_break
from engines.store.names import is_name

MAX_BYTES = 64 * 1024 * 1024
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*\n", re.DOTALL)
_WORDS = frozenset(["text", "code_inline"])
_BREAKS = frozenset(["softbreak", "hardbreak"])
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


class StoryError(ValueError):
    """A story file that cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Segment:
    """One piece of a story, and later one audio file."""

    id: str
    """Name of its audio file; the same in every run as long as its text is."""
    text: str


@dataclass(frozen=True)
class Story:
    """A story as it will be spoken."""

    title: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class _Paragraph:
    """A piece of a story with the id that the story gives it, if any."""

    id: str | None
    text: str


def read_story(path: Path) -> Story:
    """Read `.txt`, `.md` and `.json`; raise StoryError for what is no story.

    Paragraphs are segments. Markdown's signs are not spoken; code blocks, HTML and images are left out.
    """
    text = _decoded(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _from_json(text, path)
    paragraphs = _markdown_paragraphs(text) if suffix in (".md", ".markdown") else _paragraphs(text)
    return _story(path.stem, (_Paragraph(None, paragraph) for paragraph in paragraphs), path)


def _decoded(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise StoryError(
            f"The story '{path}' cannot be read: {error.strerror}. Give the path of a text file."
        ) from error
    if len(data) > MAX_BYTES:
        raise StoryError(f"The story '{path}' is larger than {MAX_BYTES >> 20} MiB. Cut it into several files.")
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text.replace("\r\n", "\n").replace("\r", "\n")
    raise StoryError(f"The story '{path}' is not text. Save it as plain text (UTF-8), Markdown or StoryFlow's JSON.")


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in _BLANK_LINE.split(text):
        yield " ".join(paragraph.split())


def _markdown_paragraphs(text: str) -> Iterator[str]:
    """Yield what a reader of the rendered page would read aloud, block by block."""
    from markdown_it import MarkdownIt  # only stories in Markdown pay for it

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    for token in parser.parse(_FRONT_MATTER.sub("", text)):
        if token.type == "inline":
            yield " ".join(_spoken(token.children or []).split())
        elif token.type == "hr":
            yield "* * *"  # a rule is a scene break


def _spoken(tokens: Iterable[Any]) -> str:
    return "".join(token.content if token.type in _WORDS else " " for token in tokens if token.type in _WORDS | _BREAKS)


def _from_json(text: str, path: Path) -> Story:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoryError(f"The story '{path}' is not valid JSON: {error}. Export it again.") from error
    segments = document.get("segments") if isinstance(document, dict) else None
    if not isinstance(segments, list):
        raise StoryError(
            f"The story '{path}' has no list of segments. Expected "
            f'{{"title": …, "segments": [{{"text_content": …}}]}}.'
        )
    title = document.get("title")
    return _story(
        title if isinstance(title, str) and title.strip() else path.stem, _json_segments(segments, path), path
    )


def _json_segments(segments: list[Any], path: Path) -> Iterator[_Paragraph]:
    for number, segment in enumerate(segments, start=1):
        text = segment.get("text_content") if isinstance(segment, dict) else None
        if not isinstance(text, str):
            raise StoryError(f"Segment {number} of '{path}' has no text in \"text_content\".")
        segment_id = segment.get("id")
        yield _Paragraph(None if segment_id is None else str(segment_id), " ".join(text.split()))


def _story(title: str, paragraphs: Iterable[_Paragraph], path: Path) -> Story:
    spoken = [paragraph for paragraph in paragraphs if paragraph.text]
    if all(is_scene_break(paragraph.text) for paragraph in spoken):
        raise StoryError(f"The story '{path}' holds no text. Write something to narrate.")
    taken = _given_ids(spoken, path)
    return Story(title, tuple(Segment(part.id or _made_id(part.text, taken), part.text) for part in spoken))


def _given_ids(paragraphs: Iterable[_Paragraph], path: Path) -> set[str]:
    """Return the ids that the story gives, as a file system without cases sees them; refuse what would clash."""
    taken: set[str] = set()
    for given in (paragraph.id for paragraph in paragraphs if paragraph.id is not None):
        if not is_name(given):
            raise StoryError(
                f"The segment id {given!r} in '{path}' is no plain name of letters, digits, '.', '_' and '-'."
            )
        if given.casefold() in taken:
            raise StoryError(f"The segment id {given!r} stands twice in '{path}'. Give every segment an id of its own.")
        taken.add(given.casefold())
    return taken


def _made_id(text: str, taken: set[str]) -> str:
    """Return an id made from the text, so that it outlives changes elsewhere; repeats of a text are counted."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    candidates = (digest if number == 1 else f"{digest}-{number}" for number in count(1))
    made = next(candidate for candidate in candidates if candidate not in taken)
    taken.add(made)
    return made
