"""Narrating with the real built-in voice: what is made, what is kept, what an interruption leaves."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from core_engine.audio_utils import AudioWriteError, get_audio_duration
from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.reading.aloud import Reading, read_aloud
from core_engine.reading.errors import LexiconError
from core_engine.reading.lexicon import Lexicon
from storyflow.narration import planning
from storyflow.narration.errors import RecordError
from storyflow.narration.narration import Narration, Step
from storyflow.narration.planning import PlannedSegment, Task
from storyflow.narration.record import read_record
from storyflow.narration.spoken import Answered, speakers_here
from storyflow.output.progress import narration_shown
from storyflow.stories.story import read_story

DOCUMENT = (
    '{"version": 1, "title": "", "source": "", "segments": [{"id": %s, "text": "", "path": "", "duration": 1,'
    ' "voice": "", "made_from": "", "size": 1}]}'
)


def segments_of(record: Path) -> Any:
    found = read_record(record)
    assert found
    return found.segments


@pytest.fixture(scope="module")
def kokoro() -> Kokoro:
    return Kokoro.load(model_path(BUILT_IN, Path()))


@pytest.fixture
def narrate(kokoro: Kokoro, story: Path, tmp_path: Path) -> Callable[..., Any]:
    def run(
        after_each: Callable[..., Any] = lambda *_: None, source: Path = story, digest: str = "model", **changes: Any
    ) -> Any:
        options = {"project": "p", "root": tmp_path / "media", "voice": "af_bella", "speed": 1.0, **changes}
        task = Task(read_story(source), source, **options)
        return Narration(task, kokoro, digest, speakers_here(kokoro)).run(after_each)

    return run


def wavs(tmp_path: Path) -> Any:
    return {path: path.stat().st_mtime_ns for path in (tmp_path / "media/projects/p/audio").iterdir()}


def test_every_segment_becomes_a_wav_with_an_entry(narrate: Callable[..., Any], story: Path) -> None:
    outcome = narrate()
    assert [entry.text for entry in outcome.entries] == [segment.text for segment in read_story(story).segments]
    for entry in outcome.entries:
        path = outcome.manifest.parent / entry.path
        assert path.stat().st_size == entry.size
        assert get_audio_duration(path) == pytest.approx(entry.duration)
    assert segments_of(outcome.manifest) == outcome.entries


@pytest.mark.parametrize("mark", ["...", "* * *", "— — —"])
def test_scene_break_is_silence_of_the_documented_length(
    narrate: Callable[..., Any], tmp_path: Path, mark: str
) -> None:
    source = tmp_path / "breaks.json"
    segments = [{"id": name, "text_content": text} for name, text in (("a", "One."), ("b", mark), ("c", "Two."))]
    source.write_text(json.dumps({"title": "Breaks", "segments": segments}))
    outcome = narrate(source=source)
    assert [entry.id for entry in outcome.entries] == ["a", "b", "c"]
    pause = outcome.entries[1]
    assert pause.duration == get_audio_duration(outcome.manifest.parent / pause.path) == 1.5
    assert not any((outcome.manifest.parent / pause.path).read_bytes()[44:])
    assert narrate(source=source).made == ()


def test_second_run_makes_nothing(narrate: Callable[..., Any], tmp_path: Path) -> None:
    narrate()
    before = wavs(tmp_path)
    outcome = narrate()
    assert outcome.made == ()
    assert len(outcome.entries) == 3
    assert wavs(tmp_path) == before


def test_changed_paragraph_alone_is_made_again_and_its_old_audio_goes(
    narrate: Callable[..., Any], story: Path, tmp_path: Path
) -> None:
    narrate()
    before = wavs(tmp_path)
    story.write_text("A new beginning.\n\nThe second one.\n\nAnd the third, changed.\n")
    outcome = narrate()
    assert [entry.text for entry in outcome.made] == ["A new beginning.", "And the third, changed."]
    after = wavs(tmp_path)
    assert len(after) == 3
    assert len(set(before) & set(after)) == 1


@pytest.mark.parametrize("change", [{"voice": "bm_george"}, {"speed": 1.5}, {"digest": "another model"}])
def test_anything_that_changes_the_sound_makes_all_again(narrate: Callable[..., Any], change: dict[str, Any]) -> None:
    narrate()
    assert len(narrate(**change).made) == 3


def with_old_ids(manifest: Path) -> None:
    """Rename the files and entries of a narration to ids without words, as earlier versions made them."""
    document = json.loads(manifest.read_text())
    for entry in document["segments"]:
        old = entry["id"].rpartition("-")[2]
        (manifest.parent / entry["path"]).rename(manifest.parent / f"audio/{old}.wav")
        entry["id"], entry["path"] = old, f"audio/{old}.wav"
    manifest.write_text(json.dumps(document))


def test_text_with_another_id_keeps_its_audio(narrate: Callable[..., Any], tmp_path: Path) -> None:
    outcome = narrate()
    before = wavs(tmp_path)
    with_old_ids(outcome.manifest)
    assert not set(before) & set(wavs(tmp_path))
    again = narrate()
    assert (again.made, again.entries) == ((), outcome.entries)
    assert wavs(tmp_path) == before
    assert segments_of(again.manifest) == outcome.entries


def test_interruption_while_ids_change_forgets_nothing(narrate: Callable[..., Any]) -> None:
    outcome = narrate()
    with_old_ids(outcome.manifest)

    def stop(step: Step) -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        narrate(stop)
    assert len(segments_of(outcome.manifest)) == 3
    assert narrate().made == ()


def test_ids_begin_with_the_first_words(narrate: Callable[..., Any], story: Path) -> None:
    story.write_text(
        "“I’d called—upon Zoë’s friend, Mr. Holmes!”\n\n他昨天去了北京。\n\n* * *\n\n" + "x" * 80 + " y.\n"
    )
    ids = [segment.id for segment in read_story(story).segments]
    assert ids[0].startswith("id-called-upon-zoes-friend-")
    assert [len(name) for name in ids[1:3]] == [12, 12]
    assert ids[3].startswith("x" * 40 + "-")


def test_only_segments_with_a_word_of_the_changed_list_are_made_again(narrate: Callable[..., Any]) -> None:
    narrate()
    assert narrate(lexicon=Lexicon.parse("lamp = lump\nroof = /ɹˈʊf/")).made == ()
    made = [entry.text for entry in narrate(lexicon=Lexicon.parse("third = turd\nfirst = /fˈɪəst/")).made]
    assert made == ["The first paragraph.", "And the third."]
    made = [entry.text for entry in narrate(lexicon=Lexicon.parse("third = turd\nfirst = /fˈʊəst/")).made]
    assert made == ["The first paragraph."]
    assert len(narrate().made) == 2


def test_list_with_a_phoneme_that_the_model_lacks_makes_nothing(narrate: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match=r"line 2.*'ꭧ'"):
        narrate(lexicon=Lexicon.parse("\nfirst = /fˈɪꭧst/"))
    assert not (tmp_path / "media").exists()


def test_missing_and_cut_audio_is_made_again(narrate: Callable[..., Any]) -> None:
    outcome = narrate()
    missing, cut, _ = (outcome.manifest.parent / entry.path for entry in outcome.entries)
    missing.unlink()
    cut.write_bytes(cut.read_bytes()[:1000])
    assert len(narrate().made) == 2


def test_interrupted_run_goes_on_where_it_stopped(narrate: Callable[..., Any], tmp_path: Path) -> None:
    def stop(step: Step) -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        narrate(stop)
    assert len(segments_of(tmp_path / "media/projects/p/manifest.json")) == 1
    outcome = narrate()
    assert (len(outcome.made), len(outcome.entries)) == (2, 3)


def test_interruption_forgets_nothing_of_an_earlier_run(narrate: Callable[..., Any]) -> None:
    outcome = narrate()

    def stop(step: Step) -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        narrate(stop, speed=1.5)
    assert len(segments_of(outcome.manifest)) == 3


def test_wavs_of_a_batch_are_kept_when_one_of_them_cannot_be_written(
    kokoro: Kokoro, story: Path, tmp_path: Path
) -> None:
    def all_at_once(planned: Iterable[PlannedSegment]) -> Iterator[Answered]:
        yield [each for batch in speakers_here(kokoro)(planned) for each in batch]

    task = Task(read_story(story), story, "p", tmp_path / "media", "af_bella", 1.0)
    blocked = task.audio_path(task.story.segments[1].id)
    blocked.mkdir(parents=True)
    with pytest.raises(AudioWriteError, match="folder"):
        Narration(task, kokoro, "model", all_at_once).run(lambda _step: None)
    assert len(segments_of(task.folder / "manifest.json")) == 2
    blocked.rmdir()
    outcome = Narration(task, kokoro, "model", all_at_once).run(lambda _step: None)
    assert [entry.id for entry in outcome.made] == [blocked.stem]
    assert len(outcome.entries) == 3


def test_story_that_moved_with_its_project_is_known_again(
    narrate: Callable[..., Any], story: Path, tmp_path: Path
) -> None:
    narrate()
    moved = tmp_path / "elsewhere" / story.name
    moved.parent.mkdir()
    story.rename(moved)
    assert narrate(source=moved).made == ()


def test_other_story_of_the_same_name_is_left_alone(narrate: Callable[..., Any], story: Path, tmp_path: Path) -> None:
    narrate()
    other = tmp_path / "elsewhere" / story.name
    other.parent.mkdir()
    other.write_text("Nothing in common.")
    with pytest.raises(RecordError, match="--project"):
        narrate(source=other)


def test_project_of_another_story_is_left_alone(narrate: Callable[..., Any], tmp_path: Path) -> None:
    narrate()
    other = tmp_path / "other.txt"
    other.write_text("Another story.")
    before = wavs(tmp_path)
    with pytest.raises(RecordError, match="--project"):
        narrate(source=other)
    assert wavs(tmp_path) == before


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"version": 99}',
        '{"version": 1, "segments": [{}]}',
        DOCUMENT % "[1]",
        DOCUMENT % '"../../x"',
    ],
)
def test_manifest_that_is_not_ours_is_left_alone(narrate: Callable[..., Any], content: str) -> None:
    path = narrate().manifest
    path.write_text(content)
    with pytest.raises(RecordError, match="delete the file"):
        narrate()
    assert path.read_text() == content


def test_segment_that_cannot_be_spoken_is_passed_over(narrate: Callable[..., Any], story: Path) -> None:
    story.write_text("One.\n\n?!\n\nTwo.")
    outcome = narrate()
    assert (len(outcome.entries), len(outcome.skipped), outcome.errors) == (2, 1, {})


def test_playlist_names_the_files_in_order(narrate: Callable[..., Any]) -> None:
    outcome = narrate()
    lines = (outcome.manifest.parent / "playlist.m3u8").read_text().splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines[2::2] == [entry.path for entry in outcome.entries]


def test_manifest_is_json_that_other_programs_read(narrate: Callable[..., Any]) -> None:
    document = json.loads(narrate().manifest.read_text())
    assert {"id", "text", "path", "duration", "voice", "made_from"} <= set(document["segments"][0])


def test_first_wav_that_is_made_is_named_once_while_the_others_are_made(
    narrate: Callable[..., Any], story: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with narration_shown(read_story(story).segments) as after_each:
        outcome = narrate(after_each)
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("The first WAV is ready")]
    assert len(said) == 1
    first = Path(said[0].rpartition(": ")[2])
    assert first == outcome.manifest.parent / outcome.entries[0].path
    with narration_shown(read_story(story).segments) as after_each:
        narrate(after_each)
    assert "The first WAV" not in capsys.readouterr().err


def test_each_segment_is_read_once_in_a_run(
    narrate: Callable[..., Any], story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def counted(text: str, language: str, lexicon: Lexicon) -> Reading:
        read.append(text)
        return read_aloud(text, language, lexicon)

    monkeypatch.setattr(planning, "read_aloud", counted)
    texts = [segment.text for segment in read_story(story).segments]
    narrate()
    assert read == texts
    story.write_text("A new beginning.\n\nThe second one.\n\nThe third one.\n")
    read.clear()
    narrate()
    assert read == [segment.text for segment in read_story(story).segments]
