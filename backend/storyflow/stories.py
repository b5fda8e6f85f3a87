"""Story files: plain text, Markdown and StoryFlow's JSON become a title and segments to speak."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.names import is_name

MAX_BYTES = 64 * 1024 * 1024
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*\n", re.DOTALL)
_ORNAMENT = re.compile(r"[\s*#~_=+\-–—·•.]+")
"""A row of signs between two scenes, which espeak-ng would read out as "asterisk asterisk asterisk"."""
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


def read_story(path: Path) -> Story:
    """Read `.txt`, `.md` and `.json`; raise StoryError for what is no story.

    Paragraphs are segments. Markdown's signs are not spoken; code blocks, HTML and images are left out.
    """
    text = _decoded(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _from_json(text, path)
    paragraphs = _markdown_paragraphs(text) if suffix in (".md", ".markdown") else _paragraphs(text)
    return _story(path.stem, ((None, paragraph) for paragraph in paragraphs), path)


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


def _spoken(tokens: Iterable[Any]) -> str:
    parts = {"text": lambda token: token.content, "code_inline": lambda token: token.content}
    breaks = ("softbreak", "hardbreak")
    return "".join(
        parts[token.type](token) if token.type in parts else " " * (token.type in breaks) for token in tokens
    )


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


def _json_segments(segments: list[Any], path: Path) -> Iterator[tuple[str | None, str]]:
    for number, segment in enumerate(segments, start=1):
        text = segment.get("text_content") if isinstance(segment, dict) else None
        if not isinstance(text, str):
            raise StoryError(f"Segment {number} of '{path}' has no text in \"text_content\".")
        segment_id = segment.get("id")
        yield None if segment_id is None else str(segment_id), " ".join(text.split())


def _story(title: str, paragraphs: Iterable[tuple[str | None, str]], path: Path) -> Story:
    seen: Counter[str] = Counter()
    segments = []
    for given, text in paragraphs:
        if text and not _ORNAMENT.fullmatch(text):
            segment_id = _segment_id(given, text, path)
            seen[segment_id] += 1
            segments.append(Segment(segment_id if seen[segment_id] == 1 else f"{segment_id}-{seen[segment_id]}", text))
    if not segments:
        raise StoryError(f"The story '{path}' holds no text. Write something to narrate.")
    return Story(title, tuple(segments))


def _segment_id(given: str | None, text: str, path: Path) -> str:
    """Return the id that the story gives, otherwise one made from the text, so that it outlives changes elsewhere."""
    if given is None:
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    if not is_name(given):
        raise StoryError(f"The segment id {given!r} in '{path}' is no plain name of letters, digits, '.', '_' and '-'.")
    return given
