"""`storyflow engines list | check | new` and `storyflow serve`."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from engines.conformance.checklist import Outcome, Result
from engines.conformance.trial import free_port
from storyflow.commands.main import main
from storyflow.hosting.engine_folders import engine_folders
from storyflow.hosting.installed_models import baked_in_models

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, arguments)
    return done.exit_code, done.output


def test_engines_list_names_every_engine() -> None:
    code, output = run("engines", "list")
    assert code == 0
    for folder in engine_folders():
        assert folder.name in output
    assert {"debug-tts", "kokoro", "segmenter", "silero-vad"} <= {folder.name for folder in engine_folders()}


def test_engines_new_and_check_of_its_folder(tmp_path: Path) -> None:
    code, output = run("engines", "new", "tts", "my-engine", "--into", str(tmp_path / "tts"))
    assert code == 0
    assert (tmp_path / "tts" / "my-engine" / "server.py").is_file()
    code, output = run("engines", "check", str(tmp_path / "tts" / "my-engine"))
    assert (code, "my-engine conforms." in output) == (0, True), output
    assert re.search(r"conforms\. \d+ of \d+ checked, \d+ not applicable\.", output)


@pytest.mark.parametrize(("flags", "expected"), [((), 8), (("--allow-unchecked",), 0)])
def test_engines_check_says_what_it_could_not_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: Any, expected: int
) -> None:
    run("engines", "new", "tts", "my-engine", "--into", str(tmp_path))
    rows: list[tuple[Outcome, int]] = [("passed", 28), ("unchecked", 14), ("not applicable", 2)]
    results = [Result("a row", outcome, "", "") for outcome, count in rows for _ in range(count)]
    monkeypatch.setattr("engines.conformance.run.check_engine", lambda folder: iter(results))
    code, output = run("engines", "check", str(tmp_path / "my-engine"), *flags)
    assert code == expected
    assert "28 of 44 checked, 14 need a model, 2 not applicable." in output
    assert "conforms" not in output


def test_engines_list_shows_models_only(tmp_path: Path) -> None:
    run("engines", "new", "tts", "my-engine", "--into", str(tmp_path))
    folder = tmp_path / "my-engine"
    for name in ("README.md", "base.pt", "half.part", "other.txt"):
        (folder / "models" / name).write_text("x")
    assert baked_in_models(folder) == ["default"]
    server = folder / "server.py"
    server.write_text(server.read_text().replace("    version =", '    model_suffixes = (".pt",)\n    version ='))
    assert baked_in_models(folder) == ["base", "default"]


def test_engines_check_says_what_to_change(tmp_path: Path) -> None:
    run("engines", "new", "tts", "my-engine", "--into", str(tmp_path))
    (tmp_path / "my-engine" / "README.md").unlink()
    (tmp_path / "my-engine" / "server.py").write_text("raise SystemExit('no voice today')\n")
    code, output = run("engines", "check", str(tmp_path / "my-engine"))
    assert code == 1
    assert "missing: README.md" in output
    assert "no voice today" in output
    assert "does not conform: 2 failed" in output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("engines", "check", "nobody"), "Unknown engine 'nobody'. Use one of"),
        (("engines", "check", "../.."), "Unknown engine '../..'"),
        (("engines", "new", "tts", "Bad Name"), "not a valid engine name"),
        (("engines", "new", "video", "x"), "Invalid value for '{tts|stt|text|audio}'"),
        (("serve", "nobody"), "Unknown engine 'nobody'"),
        (("serve", "debug-tts", "--port", "0"), "Invalid value for '--port'"),
    ],
)
def test_engines_usage_error_is_said_with_code_2(arguments: tuple[str, ...], said: str) -> None:
    code, output = run(*arguments)
    assert code == 2
    assert said in output


def test_engines_without_their_packages_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "fastapi" else object())
    code, output = run("engines", "list")
    assert code == 1
    assert "not installed: fastapi. Install them with: " in output
    assert f'install -e "{ROOT}[engines]"' in output


@pytest.mark.skipif(os.name == "nt", reason="signals as Unix has them")
def test_serve_is_the_server_and_ends_with_code_0(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "storyflow", "serve", "debug-tts", "--port", str(port)]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stderr=log) as server:
        try:
            assert _health(port) == 200
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
    assert f"Listening on http://127.0.0.1:{port}." in Path(tmp_path / "log").read_text()


def _health(port: int) -> int:
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=20) as answer:
                return int(answer.status)
        except OSError:
            time.sleep(0.1)
    return 0
