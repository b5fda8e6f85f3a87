"""A short book as the client makes it: found as processes, cut by segmenter, spoken by kokoro, judged by silero-vad."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.conformance.trial import free_port
from engines.tests.audiobook_client import AudiobookClient, installed, join
from engines.tests.test_silero_vad import tiny_model

pytest.importorskip("onnxruntime")

BOOK = "Chapter One\n\nDr. Hale met Mr. Marsh at 7:30 p.m. “Is it you?” she asked. It was.\n\nThey went home."
WANTED = ("kokoro", "segmenter", "silero-vad")


@pytest.fixture
def found(tmp_path: Path) -> Iterator[dict[str, AudiobookClient]]:
    """Clients that have found these engines in a folder laid out like backend/engines, by the engine's name."""
    clients = installed(tmp_path, WANTED)
    tiny_model(clients["silero-vad"].folder / "external_models/tiny")
    yield clients
    for client in clients.values():
        client.stop()


def test_client_makes_a_book(found: dict[str, AudiobookClient]) -> None:
    assert sorted(found) == list(WANTED)
    segmenter, kokoro, silero_vad = (found[name] for name in ("segmenter", "kokoro", "silero-vad"))
    segmenter.start("en")
    segments = segmenter.segment(BOOK, "en", kokoro.config.constraints["max_text_length"])
    assert segments == BOOK.split("\n\n")
    kokoro.start("default")
    spoken = [kokoro.speak(segment, "default", "en") for segment in segments]
    silero_vad.start("tiny")
    for wav in (*spoken, join(spoken)):
        assert 0 <= silero_vad.analyze(wav, "tiny")["qualityScore"] <= 100
    for client in found.values():
        assert client.loads[-1:] == [200]
        assert client.restarts == 0


def test_client_finds_engines_that_are_linked_into_its_own_folders(
    found: dict[str, AudiobookClient], tmp_path: Path
) -> None:
    theirs = tmp_path / "application" / "engines"
    for name in ("segmenter", "silero-vad"):
        link = theirs / found[name].folder.parent.name / name
        link.parent.mkdir(parents=True)
        link.symlink_to(found[name].folder)
    linked = AudiobookClient.discover(theirs, free_port())
    assert [client.folder.name for client in linked] == ["segmenter", "silero-vad"]
    for client, model in zip(linked, ("en", "tiny"), strict=True):
        try:
            client.start(model)
            assert client.loads == [200]
        finally:
            client.stop()


def test_client_validates_them_as_custom_images(found: dict[str, AudiobookClient]) -> None:
    for name, model in (("segmenter", "de"), ("silero-vad", "tiny")):
        found[name].start(model)
        described = found[name].discover_as_image()
        assert (described.name, described.engine_type) == (name, "text" if name == "segmenter" else "audio")


def test_client_lists_the_default_first(found: dict[str, AudiobookClient]) -> None:
    assert found["segmenter"].models()[:3] == ["en", "ar", "cs"]
    assert found["silero-vad"].models() == ["default", "tiny"]


def test_client_changes_the_language_without_a_restart(found: dict[str, AudiobookClient]) -> None:
    segmenter = found["segmenter"]
    segmenter.start("en")
    process = segmenter.process
    assert segmenter.segment("Am 3. Mai kam Dr. Meier. Er ging.", "de", 250) == ["Am 3. Mai kam Dr. Meier. Er ging."]
    assert segmenter.process is process
    health = segmenter.health()
    assert health
    assert health["currentEngineModel"] == "de"
