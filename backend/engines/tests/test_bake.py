"""Models put into an image while it is built."""

import hashlib
from pathlib import Path

import pytest

from engines.contract.errors import StartError
from engines.downloading import bake
from engines.tests.file_server import file_server
from engines.tests.scripted_engine import make_folder

CONTENT = b"weights" * 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    file = {
        "path": "weights",
        "url": "https://example.com/weights",
        "size": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    models = [
        {"name": "default", "display_name": "Default", "download": [file]},
        {"name": "mounted", "display_name": "Mounted"},
    ]
    folder = make_folder(tmp_path / "scripted", "other", models=models)
    (folder / "models" / "other" / "weights").unlink()
    return folder


def test_bake_puts_the_named_model_into_models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with file_server({"/default/weights": CONTENT}) as server:
        monkeypatch.setenv("STORYFLOW_MODELS_URL", server.url)
        bake.bake(folder, ["default"])
    assert (folder / "models" / "default" / "weights").read_bytes() == CONTENT
    assert not (folder / "external_models").exists()


def test_bake_replaces_the_link_of_a_server_that_ran_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = folder / "models" / "default"
    link.symlink_to(folder / "external_models" / "default")
    with file_server({"/default/weights": CONTENT}) as server:
        monkeypatch.setenv("STORYFLOW_MODELS_URL", server.url)
        bake.bake(folder, ["default"])
    assert not link.is_symlink()
    assert (link / "weights").read_bytes() == CONTENT


def test_bake_of_nothing_fetches_nothing(folder: Path) -> None:
    bake.bake(folder, [])
    assert [path.name for path in (folder / "models").iterdir()] == ["other"]


@pytest.mark.parametrize("name", ["mounted", "no-such-model"])
def test_bake_of_what_cannot_be_downloaded_says_what_can(folder: Path, name: str) -> None:
    with pytest.raises(StartError, match="only for default"):
        bake.bake(folder, [name])


def test_bake_ends_the_build_with_the_reason(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with file_server({"/default/weights": b"something else"}) as server:
        monkeypatch.setenv("STORYFLOW_MODELS_URL", server.url)
        with pytest.raises(SystemExit, match="weights"):
            bake.main(["default"])
    assert not (folder / "models" / "default").exists()
