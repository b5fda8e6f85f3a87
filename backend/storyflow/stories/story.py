"""Read a story file into a title and segments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from storyflow.stories.archive import ArchiveError
from storyflow.stories.blocks import Document
from storyflow.stories.decoding import MAX_BYTES, NotTextError, decode_page, decode_text
from storyflow.stories.epub import read_epub
from storyflow.stories.html import read_html, read_xhtml
from storyflow.stories.json_story import WrongJsonError, read_json
from storyflow.stories.markdown import read_markdown
from storyflow.stories.plain_text import read_plain_text
from storyflow.stories.restructured_text import DocutilsMissingError, read_restructured_text
from storyflow.stories.segments import Segment, SegmentIdError, segments_of

__all__ = ["Segment", "Story", "StoryError", "read_story"]


class StoryError(ValueError):
    """The story file cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Story:
    """A story, ready to be spoken."""

    title: str
    segments: tuple[Segment, ...]
    left_out: Mapping[str, int]
    """What is not read aloud, such as "footnotes", with counts."""
    author: str | None = None
    language: str | None = None
    """Language tag such as "en" or "pt-br", if the story gives one."""


def read_story(path: Path) -> Story:
    """Read a story: text, Markdown, HTML, EPUB, reStructuredText or StoryFlow's JSON, depending on the file extension.

    Raises StoryError if the file cannot be read or has nothing to speak.
    """
    read = _reader_of(path)
    try:
        document = read(path)
        segments = segments_of(document.blocks)
    except OSError as error:
        raise StoryError(
            f"The story '{path}' cannot be read: {error.strerror}. Give the path of a text file."
        ) from error
    except (WrongJsonError, SegmentIdError, ArchiveError) as error:
        raise StoryError(f"The story '{path}' {error}") from error
    except DocutilsMissingError as error:
        raise StoryError(
            f"The story '{path}' is reStructuredText, which needs docutils. Install it with `python -m pip install "
            f"docutils`, or convert the story to Markdown."
        ) from error
    if all(segment.kind == "break" for segment in segments):
        raise StoryError(f"The story '{path}' has nothing to speak. Write something to narrate.")
    return Story(document.title or path.stem, segments, document.left_out, document.author, document.language)


_READERS: dict[str, Callable[[str], Document]] = {
    ".json": read_json,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".rst": read_restructured_text,
}
_PAGES = {".htm": read_html, ".html": read_html, ".xhtml": read_xhtml}
_OTHERS = {
    ".doc": "a Word document", ".docx": "a Word document", ".odt": "an OpenDocument text", ".rtf": "Rich Text",
    ".pdf": "a PDF", ".mobi": "a Kindle book", ".azw3": "a Kindle book",
}  # fmt: skip


def _reader_of(path: Path) -> Callable[[Path], Document]:
    suffix = path.suffix.lower()
    if suffix in _OTHERS:
        raise StoryError(
            f"The story '{path}' is {_OTHERS[suffix]}, which is not supported. Save it as text, Markdown, HTML or EPUB."
        )
    if suffix == ".epub":
        return read_epub
    if suffix in _PAGES:
        return lambda path: _PAGES[suffix](_text_of(path, decode_page))
    return lambda path: _READERS.get(suffix, read_plain_text)(_text_of(path, decode_text))


def _text_of(path: Path, decode: Callable[[bytes], str]) -> str:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise StoryError(f"The story '{path}' is larger than {MAX_BYTES >> 20} MiB. Cut it into several files.")
    try:
        return decode(data)
    except NotTextError as error:
        raise StoryError(f"The story '{path}' cannot be read: {error}. Save it as plain text (UTF-8).") from error
