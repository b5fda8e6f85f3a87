"""The parts of an audiobook: pauses, places, chapters, tags, and where projects are found."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from storyflow.audiobook.chapters import MOST, chapters_of
from storyflow.audiobook.errors import ExportError
from storyflow.audiobook.pauses import PAUSES, pause_between
from storyflow.audiobook.project import find_project
from storyflow.audiobook.tags import Tags
from storyflow.audiobook.timeline import Placed, Timeline, timeline_of
from storyflow.narration.record import RECORD_NAME, Entry
from storyflow.tests.audiobooks import RATE, entry, heading, project_of, read_wav, sound

SAID, TEXT, CHAPTER, BREAK = entry(1, "“Yes,” he said."), entry(2), heading(3, "Two"), entry(4, "* * *", "break")


@pytest.mark.parametrize(
    ("before", "breaks", "after", "kind"),
    [
        (TEXT, [], TEXT, "paragraph"),
        (SAID, [], SAID, "dialogue"),
        (SAID, [], TEXT, "paragraph"),
        (TEXT, [], SAID, "paragraph"),
        (TEXT, [], CHAPTER, "chapter"),
        (CHAPTER, [], TEXT, "heading"),
        (CHAPTER, [], CHAPTER, "heading"),
        (TEXT, [BREAK], TEXT, "break"),
        (SAID, [BREAK], SAID, "break"),
        (TEXT, [BREAK], CHAPTER, "chapter"),
    ],
)
def test_pause_is_that_of_what_meets(before: Entry, breaks: list[Entry], after: Entry, kind: str) -> None:
    assert pause_between(before, breaks, after, PAUSES) == PAUSES[kind]
    assert pause_between(before, breaks, after, {**PAUSES, kind: 9.0}) == 9.0


def test_pause_of_the_story_counts_instead_of_the_table() -> None:
    assert pause_between(replace(TEXT, pause_after=0.0), [], CHAPTER, PAUSES) == 0.0
    assert pause_between(replace(TEXT, pause_after=1.0), [replace(BREAK, pause_after=4.0)], TEXT, PAUSES) == 5.0


def silences(samples: Any) -> list[float]:
    """Return the lengths of the silences of a tenth of a second and more, in seconds, ends included."""
    heard = np.flatnonzero(np.abs(samples) > 10 ** (-50 / 20))
    edges = np.concatenate([[-1], heard, [len(samples)]])
    lengths = np.diff(edges) / RATE
    return [float(length) for length in lengths if length > 0.1]


def test_pauses_are_as_heard_with_the_silence_that_the_wavs_have(tmp_path: Path) -> None:
    entries = [heading(0, "One"), entry(1), entry(2, "* * *", "break"), entry(3), heading(4, "Two")]
    timeline = timeline_of(project_of(tmp_path, entries), PAUSES)
    samples = np.concatenate(list(timeline.blocks()))
    assert len(samples) == timeline.frames
    kinds = ["start", "heading", "break", "chapter", "end"]
    assert silences(samples) == pytest.approx([PAUSES[kind] for kind in kinds], abs=0.02)
    assert [place.entry.id for place in timeline.placed] == ["s0", "s1", "s2", "s3", "s4"]


def test_segments_are_where_they_are_said_to_be_to_the_sample(tmp_path: Path) -> None:
    project = project_of(tmp_path, [entry(0), entry(1, "* * *", "break"), entry(2), entry(3)], seconds=1.37)
    timeline = timeline_of(project, PAUSES)
    samples = np.concatenate(list(timeline.blocks()))
    for place in timeline.placed:
        start = round(place.start_s * RATE)
        assert start == pytest.approx(place.start_s * RATE, abs=1e-6)
        if place.entry.kind != "break":
            wav = read_wav(project.wav(place.entry))
            assert np.array_equal(samples[start : start + len(wav)], wav)
    assert timeline.placed[1].start_s == pytest.approx(timeline.placed[0].start_s + 1.37)


def test_pause_shorter_than_the_silence_of_the_wavs_cuts_nothing(tmp_path: Path) -> None:
    timeline = timeline_of(project_of(tmp_path, [entry(0), entry(1)]), dict.fromkeys(PAUSES, 0.0))
    assert timeline.frames == 2 * 2 * RATE


def timeline_with(*entries: Entry) -> Timeline:
    """Return a timeline with a segment every ten seconds from the first half second on."""
    placed = tuple(Placed(each, 0.5 + 10 * number) for number, each in enumerate(entries))
    return Timeline(placed, (), round((1 + 10 * len(entries)) * RATE))


def titles(*entries: Entry) -> list[str]:
    return [chapter.title for chapter in chapters_of(timeline_with(*entries), "The Title")]


def test_chapters_are_headings_and_fill_the_book_without_gaps() -> None:
    chapters = chapters_of(timeline_with(heading(0, "One"), TEXT, TEXT, heading(3, "Two"), TEXT), "The Title")
    assert [(chapter.title, chapter.start_s, chapter.end_s) for chapter in chapters] == [
        ("One", 0.0, 30.5),
        ("Two", 30.5, 51.0),
    ]


def test_what_comes_before_the_first_heading_is_a_chapter_with_the_title() -> None:
    assert titles(TEXT, CHAPTER, TEXT) == ["The Title", "Two"]


def test_headings_that_meet_are_one_chapter_without_the_title_of_the_book() -> None:
    book = [
        heading(0, "The Title"),
        heading(1, "CHAPTER I."),
        heading(2, "A Scandal", 2),
        TEXT,
        heading(4, "CHAPTER II"),
    ]
    assert titles(*book, heading(5, "Another", 2), TEXT) == ["CHAPTER I. A Scandal", "CHAPTER II. Another"]
    assert titles(heading(0, "The Title"), TEXT) == ["The Title"]


def test_story_without_headings_has_its_segments_as_chapters() -> None:
    assert titles(entry(0, "It was. " * 40), BREAK, entry(2, "Then.")) == [f"{'It was. ' * 11}…", "Then."]


@pytest.mark.parametrize("count", [MOST - 1, MOST, 1000])
def test_too_many_chapters_leave_out_the_minor_ones(count: int) -> None:
    minor = [heading(number, f"Section {number}", 2) for number in range(count)]
    parts = [each for section in minor for each in (section, TEXT)]
    book = [heading(0, "Part One"), TEXT, *parts[:10], heading(1, "Part Two"), TEXT, *parts[10:]]
    assert titles(*book) == ["Part One", "Part Two"]
    assert len(titles(*parts)) <= MOST
    assert len(titles(*[TEXT] * count)) <= MOST
    assert len(titles(*[TEXT] * count)) > MOST / 2


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "eng"), ("pt-br", "por"), ("de_AT", "deu"), ("ast", "ast"), ("?", None), (None, None)],
)
def test_language_in_three_letters(language: str | None, expected: str | None) -> None:
    assert Tags("T", None, language, ()).three_letters == expected


def test_project_is_found_by_name_by_folder_and_by_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "projects" / "my-story"
    project_of(folder, [entry(0)])
    for named in ("my-story", str(folder), str(folder / RECORD_NAME)):
        assert find_project(named, tmp_path).folder == folder


@pytest.mark.parametrize("named", ["nothing", "../nothing", "/nothing/there", ""])
def test_project_that_is_not_there_lists_what_is(tmp_path: Path, named: str) -> None:
    with pytest.raises(ExportError, match="storyflow narrate"):
        find_project(named, tmp_path)
    project_of(tmp_path / "projects" / "one", [entry(0)])
    with pytest.raises(ExportError, match="are: one"):
        find_project(named, tmp_path)


def test_project_that_is_not_complete_says_what_to_run(tmp_path: Path) -> None:
    project_of(tmp_path / "projects" / "one", [entry(0)], complete=False, source="/tmp/Hans's story.md")
    with pytest.raises(ExportError, match="not complete") as caught:
        find_project("one", tmp_path)
    command = shlex.split(str(caught.value).partition("begun with: ")[2])
    assert command == ["storyflow", "narrate", "/tmp/Hans's story.md", "--project", "one", "--out", str(tmp_path)]
    (tmp_path / "projects" / "one").rename(tmp_path / "moved")
    with pytest.raises(ExportError, match=r"story\.md'$"):
        find_project(str(tmp_path / "moved"), tmp_path)


def test_missing_audio_and_audio_outside_of_the_project_are_named(tmp_path: Path) -> None:
    project = project_of(tmp_path, [entry(0), entry(1)])
    project.wav(entry(1)).rename(tmp_path.parent / "outside.wav")
    with pytest.raises(ExportError, match=r"1 of 2 segments is missing, such as .*s1.wav"):
        find_project(str(tmp_path), tmp_path)
    for path in ("../outside.wav", str(tmp_path.parent / "outside.wav")):
        project_of(tmp_path, [entry(0)])
        manifest = (tmp_path / RECORD_NAME).read_text().replace("audio/s0.wav", path)
        (tmp_path / RECORD_NAME).write_text(manifest)
        with pytest.raises(ExportError, match="is missing"):
            find_project(str(tmp_path), tmp_path)


def test_wav_of_another_kind_and_damaged_wav_say_what_to_do(tmp_path: Path) -> None:
    project = project_of(tmp_path, [entry(0)])
    soundfile.write(project.wav(entry(0)), sound(1, 1), 44_100)
    with pytest.raises(ExportError, match="44100 Hz instead of"):
        timeline_of(project, PAUSES)
    project.wav(entry(0)).write_bytes(b"RIFF")
    with pytest.raises(ExportError, match="cannot be read"):
        timeline_of(project, PAUSES)
