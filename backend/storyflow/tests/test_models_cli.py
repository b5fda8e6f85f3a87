"""`storyflow models add`, `info`, `where`, `remove`, `verify`, and the commands that speak with what is installed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core_engine.kokoro.speech import versions
from core_engine.kokoro.voice.formats import format_of
from core_engine.model_paths import BUILT_IN, KOKORO, RECOMMENDED, model_path
from storyflow.models.adding import add
from storyflow.models.registry import load_registry
from storyflow.tests.support import storyflow

BUILT_IN_MODEL = model_path(BUILT_IN, Path())


@pytest.fixture
def models_dir() -> Path:
    return Path(os.environ["STORYFLOW_MODELS_DIR"])


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A model that nobody published, and its voices."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    shutil.copy(BUILT_IN_MODEL, folder / "mine.onnx")
    shutil.copy(BUILT_IN_MODEL.with_name("voices.npz"), folder)
    return folder


@pytest.fixture
def mine(own: Path, models_dir: Path) -> Any:
    """The same, installed as `mine`."""
    return add([own], models_dir, load_registry())


def test_add_says_what_was_detected_and_the_model_narrates(own: Path, story: Path, models_dir: Path) -> None:
    done = storyflow("models", "add", own / "mine.onnx", own / "voices.npz")
    assert done.returncode == 0, done.stderr
    assert "voices.npz: 7 voices of Kokoro v0.19" in done.stdout
    assert f"Installed as 'mine': {models_dir / 'mine' / 'mine.onnx'}" in done.stdout
    told = storyflow("narrate", story)
    assert told.returncode == 0
    assert "Using the best installed model: mine" in told.stderr
    assert "(mine)" in told.stdout
    assert storyflow("narrate", story, "--model", "mine").returncode == 0


def test_add_of_a_wrong_file_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "kokoro-v0_19.onnx").write_text("<!DOCTYPE html><title>Not found</title>")
    done = storyflow("models", "add", tmp_path / "kokoro-v0_19.onnx")
    assert done.returncode == 4
    assert "a web page ('Not found')" in done.stderr
    assert "Traceback" not in done.stderr


def test_info_tells_everything(mine: Any) -> None:
    info = json.loads(storyflow("models", "info", "--json").stdout)
    assert info["name"] == "mine"
    assert [tensor["name"] for tensor in info["facts"]["inputs"]] == ["tokens", "style", "speed"]
    assert [tensor["name"] for tensor in info["facts"]["outputs"]] == ["audio"]
    assert info["facts"]["opset"] >= 17
    assert info["facts"]["parameters"] > 900_000
    assert info["size"] > 2_000_000
    assert info["providers"][-1] == "CPU"
    assert info["version"] == "v0.19"
    assert len(info["voices"]) == 7
    shown = storyflow("models", "info", "mine").stdout
    for line in ("Inputs:", "tokens int64(1, ", "Opset:", "Parameters:", "Runs on:", "CPU"):
        assert line in shown


def test_info_of_the_built_in_voice_where_nothing_is_installed() -> None:
    assert "its built-in voice" in storyflow("models", "info").stdout


def test_where_prints_the_folder_alone(models_dir: Path) -> None:
    assert storyflow("models", "where").stdout == f"{models_dir}\n"


def test_remove_says_what_is_gone(mine: Any) -> None:
    done = storyflow("models", "remove", "mine")
    assert f"Removed {mine.path}" in done.stdout
    assert storyflow("models", "info", "mine").returncode == 4
    assert storyflow("models", "remove", "mine").returncode == 4


def test_verify_of_nothing_is_content() -> None:
    done = storyflow("models", "verify")
    assert (done.returncode, done.stdout.startswith("No models are installed")) == (0, True)


def test_verify_says_of_a_model_put_there_by_hand_what_it_knows(own: Path, models_dir: Path) -> None:
    models_dir.mkdir()
    for file in own.iterdir():
        shutil.copy(file, models_dir)
    done = storyflow("models", "verify", "mine")
    assert done.returncode == 0
    assert "put there by hand, is not a published file: its SHA-256 is" in done.stdout


def test_changed_model_is_refused_wherever_it_is_loaded(mine: Any, story: Path, tmp_path: Path) -> None:
    with mine.path.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"rot")
    for arguments in (["narrate", story], ["say", "Hi.", "-o", tmp_path / "a.wav"], ["models", "info"]):
        done = storyflow(*arguments)
        assert done.returncode == 4, arguments
        assert "is not what was" in done.stderr
        assert "storyflow models verify" in done.stderr or arguments[0] == "models"
    assert "CHANGED" in storyflow("models", "list").stdout
    assert "is not what was" in storyflow("doctor").stdout


def test_doctor_names_what_is_installed(mine: Any) -> None:
    said = storyflow("doctor").stdout
    assert "Kokoro: mine spoke for" in said
    assert str(mine.path) in said


def test_kokoro_put_there_by_hand_goes_on_working(own: Path, models_dir: Path, story: Path) -> None:
    models_dir.mkdir()
    shutil.copy(own / "mine.onnx", models_dir / f"{KOKORO}.onnx")
    shutil.copy(own / "voices.npz", models_dir)
    done = storyflow("narrate", story)
    assert f"Using the best installed model: {KOKORO}" in done.stderr
    assert done.returncode == 0
    assert storyflow("doctor").returncode == 0


def test_missing_model_is_told_with_the_command_that_gets_it(tmp_path: Path) -> None:
    done = storyflow("say", "Hi.", "-o", tmp_path / "a.wav", "--model", KOKORO)
    assert done.returncode == 4
    assert f"storyflow models pull {KOKORO}" in done.stderr
    assert f"storyflow models pull {RECOMMENDED}" in storyflow("say", "Hi.", "-o", tmp_path / "a.wav").stderr
    assert f"storyflow models pull {RECOMMENDED}" in storyflow("doctor").stdout


def test_voices_lists_each_installed_model(mine: Any) -> None:
    listed = json.loads(storyflow("voices", "--json").stdout)
    assert listed[0]["installed"] == ["mine", "default"]


def test_generate_audio_speaks_with_an_installed_model(mine: Any, tmp_path: Path) -> None:
    script = f"""
import os, django
os.environ["STORYFLOW_TTS_MODEL"] = "mine"
os.environ["DJANGO_SETTINGS_MODULE"] = "storyflow_backend.settings"
django.setup()
from core_engine.tts_wrapper import generate_audio
print(generate_audio("Hello.", output_path={str(tmp_path / "a.wav")!r})["success"])
open({str(mine.path)!r}, "r+b").write(b"rot")
from core_engine.model_loader import KokoroModelLoader
KokoroModelLoader._session = None
print(generate_audio("Hello.", output_path={str(tmp_path / "b.wav")!r})["error"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[0] == "True", done.stderr
    assert "is not what was" in done.stdout.splitlines()[1]


def test_generate_audio_without_a_model_says_how_to_get_it(tmp_path: Path) -> None:
    script = f"""
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "storyflow_backend.settings"
django.setup()
from core_engine.tts_wrapper import generate_audio
result = generate_audio("Hello.", output_path={str(tmp_path / "a.wav")!r})
print(result["error"])
print(result["help"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[0] == "TTS model not available. Please install kokoro-v0_19.onnx."
    assert f"storyflow models pull {KOKORO}" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif("STORYFLOW_STAND_IN" not in os.environ, reason="needs the folder that benchmarks/stand_in builds")
def test_full_size_model_is_added_and_narrates(story: Path) -> None:
    done = storyflow("models", "add", os.environ["STORYFLOW_STAND_IN"])
    assert done.returncode == 0, done.stderr
    assert "float32, 81.1 million parameters" in done.stdout
    assert "Installed as 'kokoro-v0_19-own'" in done.stdout
    told = storyflow("narrate", story)
    assert told.returncode == 0, told.stderr
    assert "Using the best installed model: kokoro-v0_19-own" in told.stderr


# Kokoro v1.0


@pytest.fixture
def v1_0(models_dir: Path) -> Path:
    """The built-in model with voices in packs of v1.0, installed under the name of the published one."""
    folder = models_dir / "kokoro-v1.0"
    folder.mkdir(parents=True)
    shutil.copy(BUILT_IN_MODEL, folder / "kokoro-v1.0.onnx")
    voices = format_of(BUILT_IN_MODEL.with_name("voices.npz"))
    packs = {name: voices.read(name)[:510] for name in ("af_bella", "af_sarah", "bf_emma")}
    np.savez(folder / "voices-v1.0.npz", **packs, ff_siwis=packs["af_bella"])  # type: ignore[arg-type]
    return folder


def test_v1_0_is_the_best_and_narrates_with_a_blend(v1_0: Path, story: Path) -> None:
    done = storyflow("narrate", story, "--voice", "af_bella*0.6+af_sarah*0.4", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["model"] == "kokoro-v1.0"
    assert {segment["voice"] for segment in document["segments"]} == {"af_bella*0.6+af_sarah*0.4"}
    assert storyflow("narrate", story, "--json", "--voice", "af_bella*0.6+af_sarah*0.4").returncode == 0


def test_v1_0_voices_are_listed_with_language_and_gender(v1_0: Path) -> None:
    listed = {voice["id"]: voice for voice in json.loads(storyflow("voices", "--json").stdout)}
    assert listed["ff_siwis"]["accent"] == "French"
    assert listed["ff_siwis"]["gender"] == "Female"
    assert listed["af_sarah"]["installed"] == ["kokoro-v1.0", "default"]


def test_blend_of_a_voice_that_is_not_installed_is_refused(story: Path) -> None:
    done = storyflow("narrate", story, "--voice", "af_bella+af_heart")
    assert done.returncode == 4
    assert "af_heart" in done.stderr


def test_registry_and_engine_agree_on_the_published_files() -> None:
    models = load_registry().models.values()
    digests = {published.sha256: model.version for model in models for published in model.files[0].published}
    assert digests.items() <= versions._PUBLISHED.items()
    assert len(load_registry().models["kokoro-v1.0"].voices) == 54


@pytest.mark.parametrize("content", [b"<html></html>", b""], ids=["page", "empty"])
def test_info_and_list_of_a_broken_file_put_there_by_hand(models_dir: Path, content: bytes) -> None:
    models_dir.mkdir()
    (models_dir / f"{KOKORO}.onnx").write_bytes(content)
    done = storyflow("models", "info", KOKORO)
    assert done.returncode == 4
    assert "is not a complete ONNX model" in done.stderr
    assert storyflow("models", "list").returncode == 0


@pytest.mark.parametrize("command", ["remove", "verify"])
def test_built_in_voice_is_not_among_the_installed(command: str) -> None:
    done = storyflow("models", command, "default")
    assert done.returncode == 4
    assert "The model 'default' is not installed" in done.stderr
    assert BUILT_IN_MODEL.exists()
