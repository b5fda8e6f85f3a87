"""How often a model is read and the store is prepared, from its download to a change of voice."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import engines
from core_engine.kokoro.model.graph_key import graph_key
from engines.base_server import BaseEngineServer
from engines.contract.errors import UnusableModelError
from engines.models import ModelStore
from engines.store import links, manifest
from engines.store.manifest import NAME, FileEntry, sha256_of, to_json
from engines.store.regular_file import open_regular
from engines.store.stamps import check_unchanged
from engines.tests.file_server import file_server
from engines.tests.scripted_engine import ScriptedEngine, make_folder
from engines.tests.test_model_store import SERVED, downloading_store

pytest.importorskip("onnxruntime")

KOKORO = Path(engines.__file__).parent / "tts" / "kokoro"
ONNX, VOICES = "storyflow-voice.onnx", "voices.npz"


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were hashed, each as often as it was."""
    names: list[str] = []
    opened = open_regular

    def noted(path: Path) -> object:
        names.append(path.name)
        return opened(path)

    monkeypatch.setattr(manifest, "open_regular", noted)
    return names


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were prepared, each as often as it was."""
    folders: list[Path] = []
    prepare = links.prepare

    def noted(models_dir: Path, external_models_dir: Path) -> frozenset[str]:
        folders.append(models_dir)
        return prepare(models_dir, external_models_dir)

    monkeypatch.setattr(links, "prepare", noted)
    return folders


def write_manifest(folder: Path, *names: str) -> None:
    listed = [FileEntry(name, (folder / name).stat().st_size, sha256_of(folder / name)) for name in names]
    (folder / NAME).write_bytes(to_json(listed))


@pytest.fixture
def kokoro(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BaseEngineServer]:
    """The engine kokoro with six models that were downloaded, none of them read yet."""
    from engines.tts.kokoro.server import KokoroServer

    monkeypatch.setenv("STORYFLOW_CACHE_DIR", "off")
    base = tmp_path / "kokoro"
    base.mkdir()
    shutil.copy(KOKORO / "engine.yaml", base)
    for number in range(6):
        folder = Path(shutil.copytree(KOKORO / "models" / "default", base / "external_models" / f"model-{number}"))
        write_manifest(folder, ONNX, VOICES)
    engine = KokoroServer(base)
    engine.store.prepare()
    yield engine
    engine.close()
    engine.finish(5)


def load(engine: BaseEngineServer, name: str) -> None:
    engine._loader.request(name).result(60)


def test_load_with_many_models_prepares_the_store_twice(tmp_path: Path, prepared: list[Path]) -> None:
    engine = ScriptedEngine(make_folder(tmp_path / "e", *(f"model-{number}" for number in range(20))))
    load(engine, "model-7")
    engine.close()
    assert len(prepared) == 2  # once before it is queued, once on the worker


def test_load_of_kokoro_prepares_the_store_twice_and_of_a_voice_too(
    kokoro: BaseEngineServer, prepared: list[Path]
) -> None:
    for name in ("model-1", "model-1.bf_emma"):
        prepared.clear()
        load(kokoro, name)
        assert len(prepared) == 2


def test_models_are_listed_with_the_store_prepared_once(kokoro: BaseEngineServer, prepared: list[Path]) -> None:
    prepared.clear()
    assert len(kokoro.get_available_models()) > 6 * 7
    assert len(prepared) == 1


def test_real_load_reads_every_file_once(kokoro: BaseEngineServer, readings: list[str]) -> None:
    readings.clear()
    load(kokoro, "model-1")
    assert sorted(readings) == [ONNX, VOICES]
    load(kokoro, "model-2")
    readings.clear()
    load(kokoro, "model-1")
    assert sorted(readings) == [ONNX, VOICES], "a real load again: rot is found only by reading"


def test_change_of_voice_and_load_of_the_loaded_model_read_nothing(
    kokoro: BaseEngineServer, readings: list[str]
) -> None:
    load(kokoro, "model-1.af_bella")
    readings.clear()
    for name in ("model-1.bf_emma", "model-1.bf_emma", "model-1"):
        load(kokoro, name)
    assert readings == []


def test_change_of_voice_sees_a_file_that_was_changed(kokoro: BaseEngineServer) -> None:
    load(kokoro, "model-1.af_bella")
    with (kokoro.external_models_dir / "model-1" / ONNX).open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damaged")
    with pytest.raises(UnusableModelError, match="is not what was downloaded"):
        load(kokoro, "model-1.bf_emma")


@pytest.mark.parametrize(("name", "file"), [("tone", "model.bin"), ("base", "base.pt")])
def test_download_is_read_once_and_the_load_after_it_not_again(
    tmp_path: Path, readings: list[str], name: str, file: str
) -> None:
    (tmp_path / "external_models").mkdir()
    with file_server(dict(SERVED)) as server:
        path = downloading_store(tmp_path, server).obtain(name)
    check_unchanged(path)  # what the runtime does before it opens a model
    graph_key(path / file if path.is_dir() else path, tmp_path / "graphs")
    assert readings.count(file) == 1


def test_damaged_model_is_read_once_until_it_changes(tmp_path: Path, readings: list[str]) -> None:
    engine = ScriptedEngine(make_folder(tmp_path / "e"))
    folder = engine.models_dir / "default"
    write_manifest(folder, "weights")
    (folder / "weights").write_text("stlefau")  # as long as before
    readings.clear()
    for _ in range(5):
        with pytest.raises(UnusableModelError, match="weights"):
            load(engine, "default")
    assert readings == ["weights"]
    assert engine.count("load") == 0
    (folder / "weights").write_text("default")
    load(engine, "default")
    engine.close()


def test_path_of_a_linked_model_prepares_nothing(tmp_path: Path, prepared: list[Path]) -> None:
    store = ModelStore(make_folder(tmp_path / "e", "default"))
    assert store.path_of("default") == tmp_path / "e" / "models" / "default"
    assert prepared == []
