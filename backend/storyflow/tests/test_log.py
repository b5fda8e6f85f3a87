"""How much of the log is shown, and that results stay clean: `-v`, `-vv`, STORYFLOW_LOG."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from storyflow.commands.log import LEVELS
from storyflow.commands.main import main


def storyflow(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "storyflow", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.onnx"
    path.write_text("<html>Not found</html>")
    return path


@pytest.mark.parametrize("where", ["before the command", "behind the command", "on both sides"])
def test_traces_of_errors_are_shown_when_asked_for(broken: Path, where: str) -> None:
    speak = ["say", "Hi.", "-o", broken.with_suffix(".wav"), "--model", broken]
    lines = {
        "before the command": ["-vv", *speak],
        "behind the command": [*speak, "--verbose", "--verbose"],
        "on both sides": ["-v", *speak, "-v"],
    }
    done = storyflow(*lines[where])
    assert done.returncode == 4
    assert "DEBUG storyflow.commands.exits: The command failed\nTraceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ")


def test_info_says_what_was_opened_and_written_and_no_traces(broken: Path, tmp_path: Path) -> None:
    done = storyflow("say", "Hi.", "-o", tmp_path / "a.wav", "--model", "default", "-v")
    assert "INFO storyflow.narration.loading: Opened '" in done.stderr
    assert f"INFO storyflow.narration.speaking: Wrote '{tmp_path / 'a.wav'}'" in done.stderr
    assert "DEBUG" not in done.stderr
    assert "Traceback" not in storyflow("-v", "say", "Hi.", "-o", tmp_path / "b.wav", "--model", broken).stderr


def test_json_stays_alone_on_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYFLOW_LOG", "Debug")
    done = storyflow("say", "Hi.", "-o", tmp_path / "a.wav", "--model", "default", "--json")
    assert json.loads(done.stdout)["success"] is True
    assert "INFO storyflow.narration.speaking" in done.stderr


def test_option_counts_more_than_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYFLOW_LOG", "error")
    done = storyflow("-v", "say", "Hi.", "-o", tmp_path / "a.wav", "--model", "default")
    assert "INFO storyflow.narration.speaking" in done.stderr


def test_unknown_level_is_refused_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYFLOW_LOG", "loud")
    done = CliRunner().invoke(main, ["models", "where"])
    assert done.exit_code == 2
    assert "STORYFLOW_LOG is 'loud'" in done.stderr
    assert all(level in done.stderr for level in LEVELS)


@pytest.mark.parametrize("command", ["say", "narrate", "bench", "doctor", "models pull", "engines check", "serve"])
def test_every_command_offers_it(command: str) -> None:
    assert "-v, --verbose" in CliRunner().invoke(main, [*command.split(), "--help"]).stdout


@pytest.mark.skipif(os.name == "nt", reason="the engine's Python is a shell script here")
def test_served_engine_is_given_the_level(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "engine"
    (folder / "venv" / "bin").mkdir(parents=True)
    (folder / "engine.yaml").write_text("")
    (folder / "server.py").write_text("")
    python = folder / "venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "level $LOG_LEVEL"\n')
    python.chmod(0o755)
    assert storyflow("serve", folder, "-vv").stdout == "level DEBUG\n"
    monkeypatch.setenv("STORYFLOW_LOG", "error")
    assert storyflow("serve", folder).stdout == "level ERROR\n"
    monkeypatch.setenv("LOG_LEVEL", "INFO")
    assert storyflow("serve", folder).stdout == "level INFO\n"
