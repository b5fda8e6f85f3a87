"""A book of 100,000 words, from EPUB to an audiobook: everything is there, and memory does not grow with it."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storyflow.tests.audiobooks import ffprobe
from storyflow.tests.books import epub, page

BACKEND = Path(__file__).resolve().parents[2]
FABLES = BACKEND / "listening" / "fables.txt"  # public domain
CHAPTERS = 40


def book(path: Path, words: int) -> int:
    """Write a book of sentences from the fables in another order, so that no two paragraphs are alike.

    Returns its exact number of words, `words` at least.
    """
    shuffled = random.Random(words)
    sentences = [each for each in re.split(r"(?<=[.!?])\s+", FABLES.read_text(encoding="utf-8")) if len(each) > 30]
    pages, written = [], 0
    for number in range(1, CHAPTERS + 1):
        body, count = [f"<h2>Chapter {number}</h2>"], 0
        while count < words / CHAPTERS:
            paragraph = " ".join(shuffled.sample(sentences, 5)).replace("&", "and")
            count += len(paragraph.split())
            body.append(f"<p>{paragraph}</p>")
        written += count + 2
        pages.append((f"chapter{number}.xhtml", page("".join(body))))
    epub(path, pages)
    return written


def run(*arguments: object) -> tuple[dict[str, Any], float]:
    """Run a command with --json; return its answer and the most MiB it took."""
    command = [sys.executable, "-m", "storyflow", *map(str, arguments), "--json"]
    process = subprocess.Popen(command, cwd=BACKEND, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    answer = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    assert process.returncode == 0, answer
    return answer, usage.ru_maxrss / 1024


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
def test_book_of_100_000_words_becomes_an_audiobook_in_flat_memory(tmp_path: Path) -> None:
    taken = {}
    for words in (10_000, 100_000):
        name = f"book-{words}"
        story = tmp_path / f"{name}.epub"
        written = book(story, words)
        narrated, narrating = run("narrate", story, "--model", "default")
        assert sum(len(segment["text"].split()) for segment in narrated["segments"]) == written >= words
        exported, exporting = run("export", name, "-o", tmp_path / f"{name}.mp3")
        found = ffprobe(tmp_path / f"{name}.mp3")
        assert len(found["chapters"]) == CHAPTERS
        assert float(found["format"]["duration"]) == pytest.approx(exported["duration"], abs=0.1)
        assert exported["duration"] > narrated["duration"]
        taken[words] = narrating, exporting
    print(taken)  # shown with -s
    (narrating, exporting), (narrating_all, exporting_all) = taken.values()
    assert narrating_all - narrating < 48  # the texts, the manifest, and what was made for --json
    assert exporting_all - exporting < 12
