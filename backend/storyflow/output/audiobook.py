"""Print the results of `export`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storyflow.output.tables import clock, echo_table, size_text

if TYPE_CHECKING:
    from storyflow.audiobook.acx import Level
    from storyflow.audiobook.book import Audiobook


def report_audiobook(book: "Audiobook", captions: Sequence[Path]) -> None:
    """Print where the file and its captions are, how long and how large it is, and what it lacks."""
    chapters = f"{len(book.chapters)} chapters" if len(book.chapters) != 1 else "1 chapter"
    listed = f", {chapters}" if book.has_chapters else ""
    click.echo(f"{book.output}: {book.form.name}, {clock(book.duration_s)}, {size_text(book.size)}{listed}")
    for path in captions:
        click.echo(f"Captions: {path}")
    if not book.has_chapters and book.form.chapters:
        from storyflow.audiobook.ffmpeg import how_to_install

        click.echo(
            f"The file lists no chapters: {book.form.name} with chapters needs PyAV. {how_to_install()}", err=True
        )


def report_levels(levels: Sequence["Level"]) -> None:
    """Print the levels of a file beside the limits of ACX."""
    rows = []
    for level in levels:
        limits = f"{level.lowest:.0f} to {level.highest:.0f} dB" if level.lowest else f"at most {level.highest:.0f} dB"
        rows.append([level.name, f"{level.db:.1f} dB", limits, "passes" if level.passes else "FAILS"])
    echo_table(["ACX", "this file", "limit", ""], rows)


def audiobook_document(book: "Audiobook") -> dict[str, Any]:
    """Return the result as a JSON document."""
    return {
        "success": True,
        "output": str(book.output),
        "format": book.form.name,
        "duration": book.duration_s,
        "size": book.size,
        "gain_db": book.gain_db,
        "has_chapters": book.has_chapters,
        "chapters": [
            {"title": chapter.title, "start": chapter.start_s, "end": chapter.end_s} for chapter in book.chapters
        ],
        "segments": [{"id": place.entry.id, "start": place.start_s} for place in book.placed],
    }
