"""A chapter of 1,500 words, as the listener hears `narrate`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from listening.listener import Listener, Recording
from listening.tests.bars import check_nothing_lost_or_doubled, check_pace, check_words
from listening.texts import FABLES
from listening.word_errors import together, word_errors

pytestmark = [pytest.mark.listening, pytest.mark.timeout(3600)]


def test_chapter_is_narrated_with_no_words_lost_or_doubled(
    storyflow: Callable[..., str], listener: Listener, tmp_path: Path
) -> None:
    answer = json.loads(storyflow("narrate", FABLES, "--voice", "bm_george", "--out", tmp_path, "--json"))
    manifest = Path(answer["manifest"])
    segments = json.loads(manifest.read_text(encoding="utf-8"))["segments"]
    assert " ".join(segment["text"] for segment in segments).split() == FABLES.read_text(encoding="utf-8").split()
    each = []
    for segment in segments:
        recording = Recording.read(manifest.parent / segment["path"])
        each.append(word_errors(segment["text"], listener.hear(recording)))
        check_pace(segment["text"], recording)
    errors = together(each)
    assert errors.words >= 1500
    check_words(errors, 4)
    check_nothing_lost_or_doubled(errors)
