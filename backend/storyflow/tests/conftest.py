"""What the tests of the command line share."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with no models of its own, and a media root that goes with the test."""
    monkeypatch.setenv("STORYFLOW_MODELS_DIR", str(tmp_path / "no-models"))
    monkeypatch.setenv("MEDIA_ROOT", str(tmp_path / "media"))
    monkeypatch.setenv("STORYFLOW_MODELS_REGISTRY", str(tmp_path / "no-registry.json"))
    for name in ("STORYFLOW_MODELS_URL", "STORYFLOW_LOG", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def story(tmp_path: Path) -> Path:
    """A story of three paragraphs."""
    path = tmp_path / "My Story.txt"
    path.write_text("The first paragraph.\n\nThe second one.\n\nAnd the third.\n")
    return path
