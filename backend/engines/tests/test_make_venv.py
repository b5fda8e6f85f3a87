"""Making an engine's environment never empties a folder that somebody has linked to."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import engines

ENGINES = Path(engines.__file__).parent
ROOT = ENGINES.parents[1]


@pytest.fixture
def make_venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The script for engines in a folder of its own."""
    spec = importlib.util.spec_from_file_location("make_venv", ENGINES / "scripts" / "make_venv.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    (tmp_path / "tts" / "mine").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "tts" / "mine"):
        (folder / "requirements.txt").write_text("")
    monkeypatch.setattr(script, "ENGINES", tmp_path)
    monkeypatch.setattr("sys.argv", ["make_venv.py", "tts/mine"])
    monkeypatch.setattr(script.venv, "create", lambda folder, **_: shutil.rmtree(folder.resolve()))
    monkeypatch.setattr(script, "_run", lambda _command: "")
    main: Callable[..., Any] = script.main
    return main


@pytest.mark.skipif(os.name == "nt", reason="links as Unix has them")
def test_environment_that_is_a_link_is_refused(make_venv: Callable[..., Any], tmp_path: Path) -> None:
    mine = tmp_path / "elsewhere"
    mine.mkdir()
    (mine / "work.txt").write_text("years of it")
    (tmp_path / "tts" / "mine" / "venv").symlink_to(mine)
    with pytest.raises(SystemExit, match="is a link"):
        make_venv()
    assert (mine / "work.txt").read_text() == "years of it"


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="needs the repository")
@pytest.mark.parametrize("name", ["venv", "samples", "external_models"])
def test_link_for_a_folder_of_the_user_is_not_committed(name: str) -> None:
    """A path that is not there is taken for a file, as a link is."""
    path = f"backend/engines/tts/nobody/{name}"
    assert subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT).returncode == 0
