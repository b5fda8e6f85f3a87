"""`narrate` and `say` as they are used: several stories, voices that are not there, kills, two at once."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from core_engine.kokoro.speech import throughput
from listening.acoustics import pitch_track
from storyflow.commands.main import main
from storyflow.narration.journal import Journal
from storyflow.narration.record import JOURNAL_NAME, RECORD_NAME, Entry, read_record

ENTRY = Entry("a", "One.", "audio/a.wav", 1.0, "af_bella", "digest", 44)


def run(*arguments: object, **options: Any) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)], standalone_mode=False, **options)


def started(*arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "storyflow", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path / "media" / "projects" / "my-story"


def test_several_stories_become_projects_of_their_own(story: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.md"
    other.write_text("# Another\n\nText.")
    done = run("narrate", story, other, "--json")
    outcome = json.loads(done.stdout)
    assert (done.exit_code, outcome["success"]) == (0, True)
    assert [len(told["segments"]) for told in outcome["stories"]] == [3, 2]
    assert [Path(told["manifest"]).parent.name for told in outcome["stories"]] == ["my-story", "other"]


def test_fewer_cores_speak_where_memory_is_short_and_it_is_told_once(
    story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(throughput, "allowed_cores", lambda: 8)
    monkeypatch.setattr(throughput, "free_memory", lambda: 300 << 20)
    (other := tmp_path / "other.txt").write_text("Text.")
    done = run("narrate", story, other, "--model", "default", "--json")
    assert done.exit_code == 0
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["2 of 8 cores speak"]


def test_story_that_fails_does_not_stop_the_next(story: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    done = run("narrate", empty, story)
    assert done.exit_code == 3
    assert "nothing to speak" in done.stderr
    assert "3 WAVs" in done.stdout
    outcome = json.loads(run("narrate", empty, story, "--json").stdout)
    assert [told["success"] for told in outcome["stories"]] == [False, True]
    assert "nothing to speak" in outcome["stories"][0]["error"]


def pitch_of(wav: Path) -> float:
    """Return the median pitch of a WAV in Hz."""
    audio, rate = soundfile.read(wav, dtype="float32")
    return float(np.nanmedian(pitch_track(audio, rate)))


def test_voices_of_a_cast_alternate_and_are_heard(tmp_path: Path) -> None:
    story = tmp_path / "story.md"
    story.write_text(
        "---\ncast: {Narrator: bm_george, Bella: af_bella}\n---\n\n"
        "Bella: “Good morning to you all.”\n\nThe evening was cold and long.\n\n“We are home,” he said to them.\n"
    )
    command = ["narrate", story, "--dialogue", "bf_emma", "--model", "default", "--json"]
    told = json.loads(run(*command).stdout)
    segments = told["segments"]
    assert [(each["voice"], each["speaker"]) for each in segments] == [
        ("af_bella", "Bella"),
        ("bm_george", None),
        ("bf_emma", "Dialogue"),
        ("bm_george", None),
    ]
    folder = Path(told["manifest"]).parent
    her, him, other, him_again = (pitch_of(folder / each["path"]) for each in segments)
    assert min(her, other) > 1.25 * max(him, him_again)
    assert (
        json.loads(run("narrate", story, "--dialogue", "bf_emma", "--model", "default", "--json").stdout)["made"] == []
    )


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_terminal_shows_the_segment_the_speed_and_the_newest_wav(story: Path) -> None:
    ours, its = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "300", "LINES": "20"}
    command = [sys.executable, "-m", "storyflow", "narrate", str(story), "--model", "default"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=its, env=environment, text=True) as process:
        os.close(its)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that nobody writes any more
            while part := os.read(ours, 65536):
                shown += part
        assert process.wait() == 0
    os.close(ours)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).splitlines()
    assert any("3 of 3 segments" in line and "times real time" in line for line in lines)
    assert any(line == "And the third." for line in lines)
    assert any(re.fullmatch(r"Listen now: .*/and-the-third-[0-9a-f]{12}\.wav", line) for line in lines)


def test_say_makes_pauses_of_the_written_length(tmp_path: Path) -> None:
    for text, name in (("One. Two.", "a"), ("One. [pause 1.5s] Two. [pause 250ms]", "b"), ("One.", "c"), ("Two.", "d")):
        assert run("say", text, "-o", tmp_path / f"{name}.wav", "--model", "default").exit_code == 0
    one, two = (soundfile.info(tmp_path / f"{name}.wav").frames for name in "cd")
    audio, rate = soundfile.read(tmp_path / "b.wav")
    assert len(audio) == one + two + round(1.75 * rate)
    assert not audio[one : one + round(1.5 * rate)].any()
    assert not audio[-round(0.25 * rate) :].any()


def test_say_with_a_wrong_pause_names_the_line(tmp_path: Path) -> None:
    done = run("say", "One.\nTwo. [pause 2 x]", "-o", tmp_path / "a.wav", "--model", "default")
    assert done.exit_code == 3
    assert "line 2, has '[pause 2 x]'" in done.stderr
    nothing = run("say", "[pause 1s]", "-o", tmp_path / "a.wav", "--model", "default")
    assert (nothing.exit_code, "nothing to speak" in nothing.stderr) == (3, True)


def test_one_project_cannot_hold_two_stories(story: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="several stories"):
        run("narrate", story, story, "--project", "p", catch_exceptions=False)


@pytest.mark.parametrize("options", [[], ["--dry-run"], ["--dry-run", "--phonemes"]])
@pytest.mark.parametrize("command", ["say", "narrate"])
def test_voice_that_is_not_there_is_an_error_with_near_names(
    command: str, options: list[str], story: Path, tmp_path: Path
) -> None:
    what = ["Hello.", "-o", tmp_path / "a.wav"] if command == "say" else [story]
    done = run(command, *what, "--voice", "af_bela", *options)
    assert done.exit_code == 4
    assert "Did you mean af_bella" in done.stderr
    assert not (tmp_path / "a.wav").exists()


def test_voices_of_a_json_story_speak_their_segments(tmp_path: Path) -> None:
    story = tmp_path / "cast.json"
    segments: list[dict[str, Any]] = [
        {"id": "one", "text_content": "This is the same text.", "mood": "calm"},
        {"id": "two", "text_content": "This is the same text.", "voice_id": "bm_george", "speed": 2.0},
    ]
    story.write_text(json.dumps({"segments": segments}))
    one, two = json.loads(run("narrate", story, "--json").stdout)["segments"]
    assert (one["voice"], two["voice"]) == ("af_bella", "bm_george")
    assert two["duration"] < 0.75 * one["duration"]
    assert (one["extra"], two["extra"]) == ({"mood": "calm"}, {})
    segments[1]["speed"] = 1.0
    story.write_text(json.dumps({"segments": segments}))
    assert json.loads(run("narrate", story, "--json").stdout)["made"] == ["two"]


def test_story_with_a_voice_that_is_not_there_is_refused_before_anything_is_made(tmp_path: Path, project: Path) -> None:
    story = tmp_path / "My Story.json"
    story.write_text(json.dumps({"segments": [{"text_content": "One."}, {"text_content": "Two.", "voice_id": "zz"}]}))
    done = run("narrate", story)
    assert (done.exit_code, list(project.rglob("*.wav"))) == (4, [])
    assert "'zz' is not installed" in done.stderr


def test_story_without_a_word_is_an_error(tmp_path: Path) -> None:
    story = tmp_path / "marks.txt"
    story.write_text("?!\n\n...\n\n?")
    done = run("narrate", story, "--json")
    assert done.exit_code == 0 or "nothing to speak" in done.stdout  # the scene break alone is silence
    story.write_text("?!\n\n?")
    done = run("narrate", story, "--json")
    assert done.exit_code == 3
    assert "nothing to speak" in json.loads(done.stdout)["error"]


def test_what_was_left_out_is_reported(tmp_path: Path) -> None:
    story = tmp_path / "notes.md"
    story.write_text("# Title\n\nText.[^1]\n\n[^1]: Note.\n")
    assert "Not read: footnote marks (1), footnotes (1)" in run("narrate", story).stdout
    assert json.loads(run("narrate", story, "--json").stdout)["left_out"] == {"footnote marks": 1, "footnotes": 1}


def test_finished_wavs_survive_a_kill_in_the_first_two_seconds(tmp_path: Path, project: Path) -> None:
    story = tmp_path / "My Story.txt"
    story.write_text("\n\n".join(f"Paragraph number {number} of a story." for number in range(200)))
    running = started("narrate", story, "--model", "default")
    deadline = time.monotonic() + 60
    while not (project / JOURNAL_NAME).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    finished = {path.stem for path in (project / "audio").glob("*.wav")}
    assert 0 < len(finished) < 200
    made = set(json.loads(run("narrate", story, "--json", "--model", "default").stdout)["made"])
    # The one WAV that was written while its line was not may be made again.
    assert len(made & finished) <= 1
    assert not (project / JOURNAL_NAME).exists()


def test_journal_takes_a_line_that_was_cut_off_for_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    assert journal.entries() == []
    journal.add(ENTRY)
    with (tmp_path / "j").open("a") as file:
        file.write('{"id": "b", "te')
    assert journal.entries() == [ENTRY]
    journal.clear()
    journal.clear()
    assert journal.entries() == []


def test_second_narration_of_a_project_waits_for_the_first(tmp_path: Path, project: Path) -> None:
    story = tmp_path / "My Story.txt"
    story.write_text("\n\n".join(f"Paragraph number {number} of a story." for number in range(60)))
    processes = [started("narrate", story, "--model", "default") for _ in range(2)]
    told = [process.communicate(timeout=100) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum("Waiting for it to finish" in errors for _, errors in told) <= 1
    assert sum("60 made now" in output for output, _ in told) == 1
    record = read_record(project / RECORD_NAME)
    assert record
    assert len(record.segments) == 60


@pytest.mark.skipif(os.name == "nt", reason="pipes of bytes")
def test_say_decodes_standard_input_as_narrate_does_and_refuses_what_is_not_text(tmp_path: Path) -> None:
    done = run("say", "-", "--dry-run", "--model", "default", input="Café.".encode("utf-16"))
    assert done.stdout.strip() == "Café."
    with pytest.raises(Exception, match="not text"):
        run("say", "-", "--dry-run", "--model", "default", input=b"\x00\x01\xff", catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["say", "Hi.", "--json"], 2),
        (["say", "Hi.", "-o", "a.wav", "--nosuch", "--json"], 2),
        (["voices", "--json", "--nosuch"], 2),
        (["narrate", "missing.txt", "--json"], 2),
        (["models", "info", "nosuch", "--json"], 4),
        (["models", "pull", "nosuch", "--json"], 4),
        (["models", "verify", "nosuch", "--json"], 4),
        (["models", "remove", "nosuch", "--json"], 4),
        (["models", "add", "nosuch", "--json"], 4),
    ],
)
def test_errors_are_json_where_json_was_asked_for(arguments: list[str], code: int) -> None:
    process = started(*arguments)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code
    document = json.loads(output)
    assert document["success"] is False
    assert document["error"]


def test_path_that_cannot_be_written_says_what_to_do(story: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("narrate", story, "--out", tmp_path / "file")
    assert done.exit_code == 5
    assert "Errno" not in done.stderr
    assert "--out" in done.stderr


def test_model_that_is_no_model_is_named_as_it_was_typed() -> None:
    done = run("say", "Hi.", "-o", "a.wav", "--model", "md.md")
    assert done.exit_code == 4
    assert "'md.md'" in done.stderr
    assert "md.md.onnx" not in done.stderr
