"""The model management standard on debug-tts: its scenarios, and what of its checklist `engines check` has not."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import engines
from engines.conformance.trial import Trial, trial_of
from engines.serving import process
from engines.tests.file_server import file_server
from engines.tests.scripted_engine import ScriptedEngine, make_folder

DEBUG_TTS = Path(engines.__file__).parent / "tts" / "debug-tts"
CHOIR = (DEBUG_TTS / "mirror" / "choir" / "tones.json").read_bytes()


@pytest.fixture
def trial() -> Iterator[Trial]:
    """debug-tts in a folder of its own, not started yet."""
    with trial_of(DEBUG_TTS) as trial:
        yield trial


def put_model(folder: Path, name: str, base_hz: float = 330.0) -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "tones.json").write_text(json.dumps({"base_hz": base_hz, "harmonics": [1.0]}))
    return folder / name


def load(trial: Trial, name: str) -> int:
    return trial.post("/load", {"engineModelName": name}).status


def spoken(trial: Trial) -> bytes:
    return trial.post("/generate", {"text": "Hello", "language": "en"}).body


# The four scenarios


def test_scenario_1_baked_in_model_alone(trial: Trial) -> None:
    trial.start()
    assert trial.listed() == ["default"]
    assert load(trial, "default") == 200
    assert spoken(trial)[:4] == b"RIFF"


def test_scenario_2_baked_in_default_and_a_mounted_model(trial: Trial) -> None:
    put_model(trial.external_models_dir, "custom-model")
    trial.start()
    assert trial.listed() == ["default", "custom-model"]
    assert load(trial, "default") == 200
    default = spoken(trial)
    assert load(trial, "custom-model") == 200
    assert spoken(trial) != default


def test_scenario_3_external_models_only(trial: Trial) -> None:
    shutil.rmtree(trial.models_dir / "default")
    trial.start()
    assert trial.listed() == []
    assert trial.get("/health").json()["status"] == "ready"
    put_model(trial.external_models_dir, "large")
    assert trial.listed() == ["large"]
    assert load(trial, "large") == 200


def test_scenario_4_on_demand_download_persists_over_a_restart(trial: Trial) -> None:
    with file_server({"/choir/tones.json": CHOIR}) as server:
        trial.environment["STORYFLOW_MODELS_URL"] = server.url
        trial.start()
        assert trial.listed() == ["default", "choir"]
        assert not (trial.external_models_dir / "choir").exists()
        assert load(trial, "choir") == 200
        first = spoken(trial)
        assert len(server.asked) == 1
    trial.stop()
    (trial.models_dir / "choir").unlink()  # what a container forgets; the mount stays
    del trial.environment["STORYFLOW_MODELS_URL"]
    trial.start()
    assert trial.listed() == ["default", "choir"]
    assert load(trial, "choir") == 200
    assert spoken(trial) == first


def test_scenario_4_download_that_is_not_what_engine_yaml_says_is_never_loaded(trial: Trial) -> None:
    with file_server({"/choir/tones.json": CHOIR.replace(b"220", b"880")}) as server:
        trial.environment["STORYFLOW_MODELS_URL"] = server.url
        trial.start()
        answer = trial.post("/load", {"engineModelName": "choir"})
    assert answer.status == 500
    assert not (trial.external_models_dir / "choir").exists()
    assert load(trial, "default") == 200


def test_scenario_4_without_a_mirror_the_model_is_not_offered(trial: Trial) -> None:
    trial.start()
    assert trial.listed() == ["default"]
    assert load(trial, "choir") == 404


# The checklist


def test_checklist_base_path_is_the_folder_of_the_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", [str(tmp_path / "server.py")])
    assert process.find_base_path() == tmp_path
    engine = ScriptedEngine(make_folder(tmp_path / "scripted"))
    assert engine.models_dir == engine.base_path / "models"
    assert engine.external_models_dir == engine.base_path / "external_models"
    assert engine.samples_dir == engine.base_path / "samples"


def test_checklist_base_path_is_app_in_a_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exists = Path.exists
    there = {"/app", "/app/server.py"}
    monkeypatch.setattr(Path, "exists", lambda path: path.as_posix() in there or exists(path))
    monkeypatch.setattr("sys.argv", [str(tmp_path / "server.py")])
    assert process.find_base_path() == Path("/app")


def test_checklist_baked_in_model_is_never_downloaded_over(trial: Trial) -> None:
    put_model(trial.models_dir, "choir")
    with file_server({"/choir/tones.json": CHOIR}) as server:
        trial.environment["STORYFLOW_MODELS_URL"] = server.url
        trial.start()
        assert load(trial, "choir") == 200
        assert server.asked == []


def test_checklist_discovery_leaves_out_what_this_engine_cannot_load(trial: Trial) -> None:
    (trial.models_dir / "incomplete").mkdir()
    (trial.models_dir / "incomplete" / "notes.txt").write_text("no tones here")
    (trial.models_dir / "README.md").write_text("a file is no model of this engine")
    trial.start()
    assert trial.listed() == ["default"]
    for name in ("incomplete", "README.md"):
        assert load(trial, name) == 404
