"""What a dry run prints, and how the switch and the warning are passed on."""

import json
from pathlib import Path

from storyflow.tests.support import storyflow


def test_say_dry_run_prints_words_line_by_line() -> None:
    done = storyflow("say", "-", "--dry-run", stdin="Henry VIII paid $1,234.56.\n\nAt 3:45pm -- no.\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Henry the eighth paid one thousand two hundred thirty-four dollars and fifty-six cents.",
        "At three forty-five P M — no.",
    ]
    assert done.stderr == ""


def test_say_dry_run_follows_the_accent_of_the_voice() -> None:
    british = storyflow("say", "105 men on 21/11/2026", "--dry-run", "--voice", "bm_george").stdout.strip()
    assert british == "one hundred and five men on the twenty-first of November, twenty twenty-six"


def test_say_dry_run_as_written_changes_nothing() -> None:
    assert storyflow("say", "Henry VIII, $5", "--dry-run", "--as-written").stdout.strip() == "Henry VIII, $5"


def test_say_dry_run_phonemes_are_those_of_the_words() -> None:
    spoken = storyflow("say", "Henry VIII", "--dry-run", "--phonemes", "--model", "default").stdout
    assert spoken == storyflow("say", "Henry the eighth", "--dry-run", "--phonemes", "--model", "default").stdout
    as_written = storyflow("say", "Henry VIII", "--dry-run", "--phonemes", "--as-written", "--model", "default").stdout
    assert spoken != as_written


def test_phonemes_without_a_dry_run_are_refused() -> None:
    done = storyflow("say", "Hi.", "--phonemes")
    assert (done.returncode, "--dry-run" in done.stderr) == (2, True)


def test_narrate_dry_run_prints_one_segment_a_line_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text("Chapter XII\n\nIt was 15:00,\nand 5 km to go.\n")
    done = storyflow("narrate", tmp_path / "story.txt", "--dry-run", "--out", tmp_path / "out")
    assert done.stdout.splitlines() == ["Chapter twelve", "It was fifteen hundred, and five kilometers to go."]
    assert not (tmp_path / "out").exists()
    document = json.loads(storyflow("narrate", tmp_path / "story.txt", "--dry-run", "--json").stdout)
    assert [segment["words"] for segment in document["segments"]] == done.stdout.splitlines()
    assert document["segments"][0]["text"] == "Chapter XII"


def test_pronunciation_list_is_heard_in_a_dry_run(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("St. John = Sinjin\nFBI = /fˈɛbi/\n", encoding="utf-8")
    said = ["say", "St. John of the FBI. [pause 1s] Yes.", "--dry-run", "--model", "default"]
    assert storyflow(*said, "--lexicon", names).stdout.splitlines() == ["Sinjin of the FBI.", "Yes."]
    assert "fˈɛbi." in storyflow(*said, "--lexicon", names, "--phonemes").stdout
    names.write_text("FBI = /fˈ5bi/\n", encoding="utf-8")
    refused = storyflow(*said, "--lexicon", names)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "line 1" in refused.stderr
    assert "'5'" in refused.stderr


def test_story_names_its_voices_and_its_list_unless_the_command_line_does(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("Sinjin = Sin Jin\n")
    (tmp_path / "other.txt").write_text("Sinjin = St. John\n")
    (tmp_path / "story.md").write_text("---\ncast: {Narrator: bm_george}\nlexicon: names.txt\n---\n\nSinjin, 105.\n")
    command = ["narrate", tmp_path / "story.md", "--dry-run", "--model", "default"]
    assert storyflow(*command).stdout == "Sin Jin, one hundred and five.\n"
    changed = storyflow(*command, "--voice", "af_bella", "--lexicon", tmp_path / "other.txt")
    assert changed.stdout == "Saint John, one hundred five.\n"
    (tmp_path / "names.txt").unlink()
    missing = storyflow(*command)
    assert (missing.returncode, "names.txt" in missing.stderr) == (3, True)


def test_voice_of_the_cast_that_is_not_installed_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "story.md").write_text("---\ntitle: x\ncast:\n  Holmes: am_adm\n---\n\nHello.\n")
    for more in (["--dry-run"], ["--out", tmp_path]):
        done = storyflow("narrate", tmp_path / "story.md", "--model", "default", *more)
        assert done.returncode == 4
        assert "line 4, Holmes" in done.stderr
        assert "Did you mean am_adam?" in done.stderr


def test_another_language_is_warned_of_once(tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text(
        "Der Hund ist nicht im Haus.\n\nEr ist auch nicht im Garten, und das ist gut.\n"
    )
    done = storyflow("narrate", tmp_path / "story.txt", "--dry-run")
    assert done.stderr.count("German") == 1
    document = json.loads(storyflow("say", "他昨天去了北京。", "--dry-run", "--json").stdout)
    assert [(found["language"], found["suggestion"]) for found in document["warnings"]] == [("Chinese", "zf_xiaobei")]


def test_narrate_makes_again_what_is_read_otherwise(tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text("Henry VIII\n\nA plain line.\n")
    command = ["narrate", tmp_path / "story.txt", "--out", tmp_path, "--model", "default", "--json"]
    assert len(json.loads(storyflow(*command).stdout)["made"]) == 2
    again = json.loads(storyflow(*command, "--as-written").stdout)
    assert len(again["made"]) == 1
    assert again["warnings"] == []
