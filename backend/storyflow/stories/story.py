"""Read a story file into a title and segments."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from storyflow.stories.archive import ArchiveError
from storyflow.stories.blocks import Block, Document
from storyflow.stories.decoding import MAX_BYTES, NotTextError, decode_page, decode_text
from storyflow.stories.epub import read_epub
from storyflow.stories.errors import StoryError
from storyflow.stories.front_matter import NO_FRONT_MATTER, FrontMatter, FrontMatterError
from storyflow.stories.html import read_html, read_xhtml
from storyflow.stories.json_story import WrongJsonError, read_json
from storyflow.stories.markdown import read_markdown
from storyflow.stories.pauses import PauseError, line_of, with_pauses, without_pauses
from storyflow.stories.plain_text import read_plain_text
from storyflow.stories.restructured_text import DocutilsMissingError, read_restructured_text
from storyflow.stories.segments import Segment, SegmentIdError, segments_of
from storyflow.stories.speakers import with_cast, with_dialogue

__all__ = ["Segment", "Story", "read_document", "read_story"]


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
    front: FrontMatter = NO_FRONT_MATTER
    """What its front matter says about who speaks it."""


def read_story(path: Path, dialogue: str | None = None) -> Story:
    """Read a story: text, Markdown, HTML, EPUB, reStructuredText or StoryFlow's JSON, depending on the file extension.

    `dialogue` is the voice for what is in quotation marks; by default that of the front matter, if it names one.
    Raises StoryError if the file cannot be read or has nothing to speak.
    """
    with _story_errors(path):
        document = _reader_of(path)(path)
        segments = segments_of(_spoken(document, dialogue))
        title = without_pauses(document.title or "") or path.stem
    if all(segment.kind == "break" for segment in segments):
        raise StoryError(f"The story '{path}' has nothing to speak. Write something to narrate.")
    return Story(title, segments, document.left_out, document.author, document.language, document.front)


def read_document(path: Path) -> Document:
    """Read a story without cutting its blocks, which have their speakers: what a program that changes it needs.

    Raises StoryError if the file cannot be read.
    """
    with _story_errors(path):
        document = _reader_of(path)(path)
        return replace(document, blocks=tuple(with_cast(document.blocks, document.front.cast)))


@contextlib.contextmanager
def _story_errors(path: Path) -> Iterator[None]:
    """Raise StoryError, which names the file, for whatever is wrong with it."""
    try:
        yield
    except OSError as error:
        raise StoryError(
            f"The story '{path}' cannot be read: {error.strerror}. Give the path of a text file."
        ) from error
    except PauseError as error:
        line = _line_of(error.tag, path)
        raise StoryError(f"The story '{path}'{f', line {line},' if line else ''} {error}") from error
    except (WrongJsonError, SegmentIdError, FrontMatterError, ArchiveError) as error:
        raise StoryError(f"The story '{path}' {error}") from error
    except DocutilsMissingError as error:
        raise StoryError(
            f"The story '{path}' is reStructuredText, which needs docutils. Install it with `python -m pip install "
            f"docutils`, or convert the story to Markdown."
        ) from error


def stories_in(folder: Path) -> list[Path]:
    """Return the stories in a folder, by name: files with the extension of a kind that is read, none of them hidden.

    Raises StoryError if there is none.
    """
    kinds = {".txt", ".text", ".epub", *_READERS, *_PAGES}
    try:
        found = sorted(
            path for path in folder.iterdir() if path.suffix.lower() in kinds and not path.name.startswith(".")
        )
    except OSError as error:
        raise StoryError(f"The folder '{folder}' cannot be read: {error.strerror}.") from error
    stories = [path for path in found if path.is_file()]
    if not stories:
        raise StoryError(f"The folder '{folder}' has no stories. Their names end in {', '.join(sorted(kinds))}.")
    return stories


def _spoken(document: Document, dialogue: str | None) -> Iterator[Block]:
    """Return the blocks of a document with their speakers, cut at changes of the speaker and at pauses."""
    blocks = list(with_cast(document.blocks, document.front.cast))
    voice = dialogue or document.front.dialogue
    return with_pauses(with_dialogue(blocks, voice) if voice else blocks)


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


def _line_of(tag: str, path: Path) -> int | None:
    """Return the line in which a pause stands as written; None if the file has no lines that people edit."""
    suffix = path.suffix.lower()
    if not tag or suffix == ".epub":
        return None
    return line_of(tag, _text_of(path, decode_page if suffix in _PAGES else decode_text))


def _text_of(path: Path, decode: Callable[[bytes], str]) -> str:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise StoryError(f"The story '{path}' is larger than {MAX_BYTES >> 20} MiB. Cut it into several files.")
    try:
        return decode(data)
    except NotTextError as error:
        raise StoryError(f"The story '{path}' cannot be read: {error}. Save it as plain text (UTF-8).") from error
