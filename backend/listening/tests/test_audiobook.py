"""A book from EPUB to M4B: each chapter says what was written in it, and starts where the file says so."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from listening.listener import Listener, Recording
from listening.tests.bars import check_nothing_lost_or_doubled, check_words
from listening.texts import HARVARD
from listening.word_errors import word_errors
from storyflow.tests.audiobooks import RATE, decoded, ffprobe
from storyflow.tests.books import epub, page

pytestmark = [pytest.mark.listening, pytest.mark.timeout(3600)]

MOST_PERCENT = 8


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
@pytest.mark.parametrize("ending", [".m4b", ".opus"])
def test_chapters_of_an_audiobook_are_heard_where_they_are_listed(
    storyflow: Callable[..., str], listener: Listener, tmp_path: Path, ending: str
) -> None:
    texts = ["The first chapter.", *HARVARD[:5]], ["The second chapter.", *HARVARD[5:]]
    pages = [
        (f"{number}.xhtml", page(f"<h1>{title}</h1>" + "".join(f"<p>{each}</p>" for each in sentences)))
        for number, (title, *sentences) in enumerate(texts)
    ]
    book = tmp_path / f"book{ending}"
    storyflow("narrate", epub(tmp_path / "book.epub", pages), "--voice", "bm_george", "--to", book)
    audio = decoded(book)
    chapters = ffprobe(book)["chapters"]
    assert [chapter["tags"]["title"] for chapter in chapters] == [title for title, *_ in texts]
    for chapter, sentences in zip(chapters, texts, strict=True):
        start, end = (round(float(chapter[key]) * RATE) for key in ("start_time", "end_time"))
        errors = word_errors(" ".join(sentences), listener.hear(Recording(audio[start:end], RATE)))
        check_words(errors, MOST_PERCENT)
        check_nothing_lost_or_doubled(errors)
