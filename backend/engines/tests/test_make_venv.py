"""Making an engine's environment never empties a folder that somebody has linked to."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import engines

ENGINES = Path(engines.__file__).parent
ROOT = ENGINES.parents[1]


@pytest.fixture
def make_venv(tmp_path, monkeypatch):
    """The script for engines in a folder of its own."""
    spec = importlib.util.spec_from_file_location("make_venv", ENGINES / "scripts" / "make_venv.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    (tmp_path / "tts" / "mine").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "tts" / "mine"):
        (folder / "requirements.txt").write_text("")
    monkeypatch.setattr(script, "ENGINES", tmp_path)
    monkeypatch.setattr("sys.argv", ["make_venv.py", "tts/mine"])
    monkeypatch.setattr(script.venv, "create", lambda folder, **_: shutil.rmtree(folder.resolve()))
    monkeypatch.setattr(script, "_run", lambda _command: "")
    return script.main


@pytest.mark.skipif(os.name == "nt", reason="links as Unix has them")
def test_environment_that_is_a_link_is_refused(make_venv, tmp_path) -> None:
    mine = tmp_path / "elsewhere"
    mine.mkdir()
    (mine / "work.txt").write_text("years of it")
    (tmp_path / "tts" / "mine" / "venv").symlink_to(mine)
    with pytest.raises(SystemExit, match="is a link"):
        make_venv()
    assert (mine / "work.txt").read_text() == "years of it"


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="needs the repository")
@pytest.mark.parametrize("name", ["venv", "samples", "external_models"])
def test_link_for_a_folder_of_the_user_is_not_committed(name) -> None:
    """A path that is not there is taken for a file, as a link is."""
    path = f"backend/engines/tts/nobody/{name}"
    assert subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT).returncode == 0
