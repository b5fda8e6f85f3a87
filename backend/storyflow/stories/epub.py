"""Read EPUB: the pages of a book, in reading order."""

from collections import Counter
from pathlib import Path

from storyflow.stories.archive import Archive, ArchiveError
from storyflow.stories.blocks import Block, Document
from storyflow.stories.decoding import NotTextError, decode_page
from storyflow.stories.epub_package import package_of
from storyflow.stories.gutenberg import without_contents
from storyflow.stories.html import read_xhtml


def read_epub(path: Path) -> Document:
    """Return the blocks of a book: its chapters without navigation, notes and table of contents.

    Raises ArchiveError if the book is damaged, encrypted or hostile, and OSError if the file cannot be read.
    """
    blocks: list[Block] = []
    left_out: Counter[str] = Counter()
    with Archive(path) as archive:
        package = package_of(archive)
        for name in package.chapters:
            page = _page(archive, name)
            blocks += page.blocks
            left_out.update(page.left_out)
    if package.skipped:
        left_out["pages of navigation"] = package.skipped
    kept, contents = _without_contents(blocks)
    if contents:
        left_out["table of contents"] = 1
    return Document(package.title, tuple(kept), left_out, package.author, package.language)


def _page(archive: Archive, name: str) -> Document:
    try:
        return read_xhtml(decode_page(archive.read(name)))
    except NotTextError as error:
        raise ArchiveError(f"has a page '{name}' that cannot be read: {error}. Get the file again.") from error


def _without_contents(blocks: list[Block]) -> tuple[list[Block], int]:
    """Return the blocks without a table of contents that is part of a page."""
    texts = [block.text for block in blocks]
    kept, count = without_contents(texts)
    if not count:
        return blocks, 0
    start = next(index for index in range(len(texts)) if texts[index] != (kept[index] if index < len(kept) else None))
    return [*blocks[:start], *blocks[start + count :]], count
