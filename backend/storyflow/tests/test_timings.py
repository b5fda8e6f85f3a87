"""timings.json: the times of a narration's words survive kills, later runs and damage."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.speech.timings import TimedPassage
from core_engine.model_paths import BUILT_IN, model_path
from storyflow.narration.journal import append
from storyflow.narration.narration import Narration
from storyflow.narration.planning import Task
from storyflow.narration.record import RECORD_NAME, Entry, read_record
from storyflow.narration.spoken import speakers_here
from storyflow.narration.timings import TIMINGS_JOURNAL_NAME, TIMINGS_NAME, Timings
from storyflow.stories.story import read_story
from storyflow.tests.test_narrate_command import run, started

ENTRY = Entry("a", "One.", "audio/a.wav", 1.0, "af_bella", "digest", 44)
WORDS: dict[str, Any] = {
    "estimated": False,
    "words": [{"text": "One", "start": 0.05, "end": 0.4, "from": 0, "to": 3}],
    "sentences": [],
}


@pytest.fixture(scope="module")
def kokoro() -> Kokoro:
    return Kokoro.load(model_path(BUILT_IN, Path()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "media" / "projects" / "p"


@pytest.fixture
def narrate(kokoro: Kokoro, story: Path, tmp_path: Path) -> Callable[..., Any]:
    def run(after_each: Callable[..., Any] = lambda *_: None, **changes: Any) -> Any:
        options = {"project": "p", "root": tmp_path / "media", "voice": "af_bella", "speed": 1.0, **changes}
        task = Task(read_story(story), story, **options)
        return Narration(task, kokoro, "model", speakers_here(kokoro)).run(after_each)

    return run


def document(folder: Path) -> Any:
    return json.loads((folder / TIMINGS_NAME).read_text(encoding="utf-8"))


def test_every_segment_has_the_times_of_its_words(narrate: Callable[..., Any], story: Path, folder: Path) -> None:
    story.write_text("Dr. Watson came.\n\n* * *\n\nHe paid $5. Then he left.\n")
    outcome = narrate()
    found = document(folder)
    assert found["version"] == 1
    assert [segment["id"] for segment in found["segments"]] == [entry.id for entry in outcome.entries]
    for entry, segment in zip(outcome.entries, found["segments"], strict=True):
        assert segment["made_from"] == entry.made_from
        assert all(entry.text[word["from"] : word["to"]] == word["text"] for word in segment["words"])
        assert all(word["start"] <= word["end"] <= entry.duration for word in segment["words"])
    texts = [[word["text"] for word in segment["words"]] for segment in found["segments"]]
    assert texts == [["Dr.", "Watson", "came"], [], ["He", "paid", "$5", "Then", "he", "left"]]
    assert [len(segment["sentences"]) for segment in found["segments"]] == [1, 0, 2]
    assert [segment["estimated"] for segment in found["segments"]] == [True, False, True]
    assert not (folder / TIMINGS_JOURNAL_NAME).exists()


def test_kept_segments_keep_their_times_and_deleted_ones_lose_them(
    narrate: Callable[..., Any], story: Path, folder: Path
) -> None:
    narrate()
    before = document(folder)["segments"]
    story.write_text("The first paragraph.\n\nA new one.\n\nAnd the third.\n")
    assert len(narrate().made) == 1
    after = document(folder)["segments"]
    assert (after[0], after[2]) == (before[0], before[2])
    assert [word["text"] for word in after[1]["words"]] == ["A", "new", "one"]
    assert before[1] not in after


def test_times_of_another_speed_are_not_taken(narrate: Callable[..., Any], folder: Path) -> None:
    narrate()
    slow = document(folder)["segments"][0]["words"][-1]["end"]
    narrate(speed=2.0)
    assert document(folder)["segments"][0]["words"][-1]["end"] < 0.7 * slow


def test_interrupted_run_loses_no_times(narrate: Callable[..., Any], folder: Path) -> None:
    def stop(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        narrate(stop)
    record = read_record(folder / RECORD_NAME)
    assert record
    assert [Timings(folder).has(entry) for entry in record.segments] == [True]
    assert len(narrate(needs_times=True).made) == 2
    assert len(document(folder)["segments"]) == 3


def test_killed_run_has_the_times_of_every_finished_wav(tmp_path: Path) -> None:
    story, folder = tmp_path / "My Story.txt", tmp_path / "media" / "projects" / "my-story"
    story.write_text("\n\n".join(f"Paragraph number {number} of a story." for number in range(200)))
    running = started("narrate", story, "--model", "default")
    deadline = time.monotonic() + 60
    while not (folder / TIMINGS_JOURNAL_NAME).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    finished = {path.stem for path in (folder / "audio").glob("*.wav")}
    with (folder / TIMINGS_JOURNAL_NAME).open("a") as journal:
        journal.write('{"id": "half a li')
    made = json.loads(run("narrate", story, "--json", "--model", "default", "--captions", "srt").stdout)["made"]
    assert 0 < len(finished) < 200
    assert len(set(made) & finished) <= 1  # the WAV that was being written
    assert len(document(folder)["segments"]) == 200


def test_project_without_times_gets_them_only_where_it_is_made_again(
    narrate: Callable[..., Any], story: Path, folder: Path
) -> None:
    narrate()
    (folder / TIMINGS_NAME).unlink()
    story.write_text("The first paragraph.\n\nA new one.\n\nAnd the third.\n")
    assert len(narrate().made) == 1
    assert len(document(folder)["segments"]) == 1
    outcome = narrate(needs_times=True)
    assert len(outcome.made) == 2
    assert len(document(folder)["segments"]) == 3
    assert narrate(needs_times=True).made == ()


@pytest.mark.parametrize("content", [b"", b"{", b"[]\n1\nnull\n", b'{"id": 1}\n', b'{"id": "a", "words": []}\n'])
def test_damaged_file_has_no_times(tmp_path: Path, content: bytes) -> None:
    (tmp_path / TIMINGS_NAME).write_bytes(content)
    (tmp_path / TIMINGS_JOURNAL_NAME).write_bytes(b"\xff\xfe\n" + content)
    timings = Timings(tmp_path)
    assert not timings.has(ENTRY)
    assert timings.words(ENTRY) is None


@pytest.mark.parametrize("word", [{}, {"text": "One"}, {"text": "", "start": 0, "end": 1, "to": 3}, 3])
def test_damaged_word_has_no_times(tmp_path: Path, word: Any) -> None:
    timings = Timings(tmp_path)
    timings.add([("a", "digest", {"words": [word]})])
    assert timings.words(ENTRY) is None


def test_line_behind_half_a_line_is_read(tmp_path: Path) -> None:
    (tmp_path / TIMINGS_JOURNAL_NAME).write_text('{"id": "b", "te')
    Timings(tmp_path).add([("a", "digest", WORDS)])
    timings = Timings(tmp_path)
    assert timings.words(ENTRY) == (TimedPassage("One", 0.05, 0.4, 0, 3),)
    timings.publish([ENTRY])
    assert Timings(tmp_path).words(ENTRY) == timings.words(ENTRY)
    assert not (tmp_path / TIMINGS_JOURNAL_NAME).exists()


def test_times_belong_to_one_audio(tmp_path: Path) -> None:
    timings = Timings(tmp_path)
    timings.add([("a", "another digest", WORDS)])
    assert not timings.has(ENTRY)
    timings.publish([ENTRY])
    assert json.loads((tmp_path / TIMINGS_NAME).read_bytes())["segments"] == []


def test_appended_lines_are_whole(tmp_path: Path) -> None:
    append(tmp_path / "j", b"one")
    append(tmp_path / "j", b"two")
    assert (tmp_path / "j").read_bytes() == b"one\ntwo\n"
