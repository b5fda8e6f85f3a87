"""`storyflow export` and `narrate --to`, as their users run them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pysubs2
import pytest

from storyflow.commands.exits import Exit
from storyflow.tests.audiobooks import decoded, entry, ffprobe, heading, project_of, similarity
from storyflow.tests.support import storyflow

BACKEND = Path(__file__).resolve().parents[2]
STORY = "# The Title\n\n## One\n\nThe first paragraph.\n\n## Two\n\n“Yes.”\n\nThe last.\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "media" / "projects" / "my-story"
    project_of(folder, [heading(0, "One"), entry(1), heading(2, "Two"), entry(3)])
    return folder


def test_story_becomes_a_book_in_one_command_and_is_exported_again(tmp_path: Path) -> None:
    (tmp_path / "My Story.md").write_text(STORY)
    book = tmp_path / "book.m4b"
    done = storyflow("narrate", tmp_path / "My Story.md", "--model", "default", "--to", book)
    assert done.returncode == Exit.OK, done.stderr
    assert f"{book}: M4B, " in done.stdout
    assert "2 chapters" in done.stdout
    assert [each["tags"]["title"] for each in ffprobe(book)["chapters"]] == ["One", "Two"]
    again = storyflow("export", "my-story", "-o", tmp_path / "again.m4b", "--json")
    answer = json.loads(again.stdout)
    assert (answer["success"], answer["format"], answer["has_chapters"]) == (True, "M4B", True)
    assert [each["title"] for each in answer["chapters"]] == ["One", "Two"]
    manifest = json.loads((tmp_path / "media" / "projects" / "my-story" / "manifest.json").read_text())
    assert [each["id"] for each in answer["segments"]] == [each["id"] for each in manifest["segments"]]
    one, other = decoded(book), decoded(tmp_path / "again.m4b")
    assert similarity(one, other) > 0.999


def test_captions_are_those_of_the_one_file(tmp_path: Path) -> None:
    (tmp_path / "My Story.md").write_text(STORY)
    book = tmp_path / "book.wav"
    command = ("narrate", tmp_path / "My Story.md", "--model", "default", "--to", book, "--captions", "srt")
    done = storyflow(*command, "--captions", "vtt", "--json")
    assert done.returncode == Exit.OK, done.stderr
    answer = json.loads(done.stdout)["audiobook"]
    assert answer["captions"] == [str(tmp_path / "book.srt"), str(tmp_path / "book.vtt")]
    cues = pysubs2.load(str(tmp_path / "book.srt"))
    assert [cue.plaintext for cue in cues] == ["The Title", "One", "The first paragraph.", "Two", "“Yes.”", "The last."]
    sound = np.abs(decoded(book))
    for cue, segment in zip(cues, answer["segments"], strict=True):
        onset = segment["start"] + float(np.argmax(sound[int(segment["start"] * 24_000) :] > 0.02)) / 24_000
        assert cue.start / 1000 == pytest.approx(onset, abs=0.12)


def test_captions_without_times_say_how_to_get_them(project: Path, tmp_path: Path) -> None:
    done = storyflow("export", project, "-o", tmp_path / "a.wav", "--captions", "srt")
    assert done.returncode == Exit.STORY
    assert "storyflow narrate" in done.stderr
    assert not (tmp_path / "a.wav").exists()


def test_project_can_be_a_folder_and_levels_are_checked(project: Path, tmp_path: Path) -> None:
    done = storyflow("export", project, "-o", tmp_path / "a.wav", "--check-acx")
    assert done.returncode == Exit.OK, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["ACX", "-----------", "RMS", "peak", "noise"]
    loud = storyflow("export", project, "-o", tmp_path / "a.wav", "--check-acx", "--loudness", "-30", "--json")
    assert loud.returncode == Exit.FAILED
    assert [(each["name"], each["passes"]) for each in json.loads(loud.stdout)["acx"]] == [
        ("RMS", False),
        ("peak", True),
        ("noise floor", True),
    ]


def test_options_change_pauses_and_bitrate(project: Path, tmp_path: Path) -> None:
    short = json.loads(storyflow("export", project, "-o", tmp_path / "a.mp3", "--json", "--bitrate", 64).stdout)
    options = ("--pause", "chapter=9.5", "--pause", "heading=1.2", "--bitrate", 192)
    long = json.loads(storyflow("export", project, "-o", tmp_path / "b.mp3", "--json", *options).stdout)
    assert long["duration"] - short["duration"] == pytest.approx(7)
    assert long["size"] / short["size"] > 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing", "-o", "a.m4b"], Exit.STORY, "The projects in "),
        (["my-story", "-o", "a.txt"], Exit.STORY, ".m4b, .m4a, .mp3, .opus, .ogg, .flac, .wav"),
        (["my-story"], Exit.USAGE, "Missing option '-o'"),
        (["my-story", "-o", "a.mp3", "--pause", "paragraph"], Exit.USAGE, "paragraph=0.6"),
        (["my-story", "-o", "a.mp3", "--pause", "line=1"], Exit.USAGE, "start, dialogue, paragraph, heading"),
        (["my-story", "-o", "a.mp3", "--pause", "end=nan"], Exit.USAGE, "from 0 to 30"),
        (["my-story", "-o", "a.mp3", "--loudness", "3"], Exit.USAGE, "-40<=x<=-10"),
        (["my-story", "-o", "a.mp3", "--cover", "none.png"], Exit.STORY, "The cover 'none.png' cannot be read"),
        (["my-story", "-o", "/proc/a.wav"], Exit.DISK, "could not write '/proc/a.wav'"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(
    project: Path, tmp_path: Path, arguments: list[str], code: Exit, message: str
) -> None:
    done = storyflow("export", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    if code is not Exit.USAGE:
        answer = storyflow("export", *arguments, "--json", cwd=tmp_path)
        assert message in json.loads(answer.stdout)["error"]


@pytest.mark.parametrize("name", ["book.aac", "book"])
def test_narrate_refuses_an_unknown_format_before_it_speaks(tmp_path: Path, story: Path, name: str) -> None:
    done = storyflow("narrate", story, "--model", "default", "--to", tmp_path / name)
    assert done.returncode == Exit.STORY
    assert "known formats" in done.stderr
    assert not (tmp_path / "media").exists()


def test_interrupted_narration_is_not_exported(project: Path, tmp_path: Path) -> None:
    manifest = json.loads((project / "manifest.json").read_text())
    (project / "manifest.json").write_text(json.dumps({**manifest, "complete": False}))
    done = storyflow("export", "my-story", "-o", tmp_path / "a.wav")
    assert done.returncode == Exit.STORY
    assert "not complete" in done.stderr
    del manifest["complete"]  # as earlier versions wrote it
    (project / "manifest.json").write_text(json.dumps(manifest))
    assert storyflow("export", "my-story", "-o", tmp_path / "a.wav").returncode == Exit.OK


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_killed_export_leaves_the_old_file_and_nothing_after_the_next(tmp_path: Path) -> None:
    project_of(tmp_path / "p", [entry(number) for number in range(12)], seconds=20)
    output = tmp_path / "out" / "a.mp3"
    output.parent.mkdir()
    output.write_bytes(b"old")
    command = [sys.executable, "-m", "storyflow", "export", str(tmp_path / "p"), "-o", str(output)]
    process = subprocess.Popen(command, cwd=BACKEND, stderr=subprocess.DEVNULL)
    while not any(path.stat().st_size for path in output.parent.glob(".*.publishing")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert output.read_bytes() == b"old"
    assert len(os.listdir(output.parent)) == 2
    project_of(tmp_path / "p", [entry(0)])
    assert storyflow("export", tmp_path / "p", "-o", output).returncode == Exit.OK
    assert os.listdir(output.parent) == ["a.mp3"]


MEASURED = """
import resource, sys
from pathlib import Path
from storyflow.audiobook.book import Wishes, export
from storyflow.audiobook.project import find_project
print(export(find_project(sys.argv[1], Path()), Wishes(Path(sys.argv[2]))).duration_s)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def measured(folder: Path, output: Path) -> tuple[float, float]:
    """Return the minutes of a book and the most MiB that its export took."""
    command = [sys.executable, "-c", MEASURED, str(folder), str(output)]
    done = subprocess.run(command, cwd=BACKEND, capture_output=True, text=True, check=True)
    seconds, mebibytes = map(float, done.stdout.split())
    return seconds / 60, mebibytes


def check_flat(tmp_path: Path, ending: str, minutes: int) -> None:
    """Check that a book of so many minutes takes no more memory than one of a minute, besides the index of an MP4."""
    sizes = []
    for count in (1, minutes):
        # A minute of audio, as often as needed: what is in memory does not depend on whose it is.
        entries: list[Any] = [entry(0)] * count
        project_of(tmp_path / str(count), entries[:1], seconds=58.0)
        manifest = tmp_path / str(count) / "manifest.json"
        document = json.loads(manifest.read_text())
        manifest.write_text(json.dumps({**document, "segments": document["segments"] * count}))
        length, size = measured(tmp_path / str(count), tmp_path / f"a{ending}")
        assert length == pytest.approx(count, rel=0.05)
        sizes.append(size)
    index = minutes * 60 * 24_000 / 1024 * 100 / 2**20 if ending == ".m4b" else 0  # bytes of an AAC frame's entry
    assert sizes[1] - sizes[0] < 8 + index


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
@pytest.mark.parametrize("ending", [".wav", ".mp3", ".m4b"])
def test_longer_book_takes_no_more_memory(tmp_path: Path, ending: str) -> None:
    check_flat(tmp_path, ending, 5)  # four minutes more would be 11 MB even of 16-bit samples


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("ending", [".wav", ".mp3", ".opus", ".flac", ".m4b"])
def test_book_of_ten_hours_takes_no_more_memory(tmp_path: Path, ending: str) -> None:
    check_flat(tmp_path, ending, 600)
