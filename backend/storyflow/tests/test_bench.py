"""`storyflow bench`: real figures of the model that speaks, and advice that fits the machine."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result

from core_engine.kokoro.model import graph_cache
from core_engine.kokoro.model.runtime import CPU, CUDA
from core_engine.model_choice import Model
from core_engine.model_paths import BUILT_IN, model_path
from storyflow.commands.exits import Exit
from storyflow.commands.main import main
from storyflow.machine import bench


@pytest.fixture
def run() -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(main, ["bench", *arguments])


def test_figures_are_of_the_same_speech(run: Callable[..., Result]) -> None:
    result = run("--model", "default", "--json")
    assert result.exit_code == Exit.OK, result.output
    measured = json.loads(result.stdout)
    sentence, bare, narration = measured["sentence"], measured["bare"], measured["narration"]
    assert sentence["audio_s"] == bare["audio_s"] == pytest.approx(5, abs=2)
    assert narration["audio_s"] == pytest.approx(2 * measured["cores"] * sentence["audio_s"])
    for timing in (sentence, bare, narration):
        assert timing["real_time_factor"] == pytest.approx(timing["seconds"] / timing["audio_s"])
        assert timing["seconds"] > 0
    core_seconds = measured["core_seconds_per_audio_second"]
    assert core_seconds == pytest.approx(measured["narration_cpu_s"] / narration["audio_s"])
    assert 0 < core_seconds <= measured["cores"] * narration["real_time_factor"] * 1.5  # no thread works for nothing


def test_table_names_the_lower_bound(run: Callable[..., Result]) -> None:
    result = run("--model", "default")
    assert result.exit_code == Exit.OK
    assert "lower bound" in result.stdout
    assert "default on CPU" in result.stdout


def test_missing_model_ends_as_in_every_command(run: Callable[..., Result]) -> None:
    assert run("--model", "kokoro-v0_19").exit_code == Exit.MODEL


def test_fewer_cores_than_the_machine_has_are_told(run: Callable[..., Result]) -> None:
    with patch.object(bench, "allowed_cores", return_value=1), patch("os.cpu_count", return_value=8):
        assert "1 of 8 cores" in run("--model", "default").stdout


def test_gpu_without_its_runtime_is_told(run: Callable[..., Result]) -> None:
    with patch.object(bench, "gpu_memory", return_value=object()):
        assert "onnxruntime-gpu" in run("--model", "default").stdout


def test_int8_file_is_named_where_it_serves_better(run: Callable[..., Result], tmp_path: Path) -> None:
    model = copied(tmp_path, "kokoro-v1.0")
    for is_fastest in (True, False):
        with patch.object(bench, "SMALLEST_BYTES", 1), patch.object(bench, "int8_is_fastest", return_value=is_fastest):
            said = "kokoro-v1.0-int8 is the fastest" in run("--model", str(model)).stdout
        assert said is is_fastest


def test_float_file_is_named_where_int8_runs_on_a_gpu(tmp_path: Path) -> None:
    model = Model("kokoro-v1.0-int8", copied(tmp_path, "kokoro-v1.0-int8"))
    with patch.object(bench, "SMALLEST_BYTES", 1):
        for provider in (CUDA, CPU):
            said = any("kokoro-v1.0 is faster" in line for line in bench._advice(model, provider))
            assert said is (provider == CUDA)


def copied(folder: Path, name: str) -> Path:
    """Return the path of the built-in model, copied under another name."""
    shutil.copytree(model_path(BUILT_IN, folder).parent, folder / name)
    (model,) = (folder / name).glob("*.onnx")
    return model.rename(folder / name / f"{name}.onnx")


def test_graph_that_is_not_kept_is_told(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with patch.object(bench, "SMALLEST_BYTES", 1), patch.object(graph_cache, "SMALLEST_BYTES", 1):
        monkeypatch.setenv("STORYFLOW_CACHE_DIR", "off")
        assert "STORYFLOW_CACHE_DIR" in run("--model", "default").stdout
        (tmp_path / "file").touch()
        monkeypatch.setenv("STORYFLOW_CACHE_DIR", str(tmp_path / "file" / "below"))
        assert "Make it writable" in run("--model", "default").stdout
        monkeypatch.setenv("STORYFLOW_CACHE_DIR", str(tmp_path / "graphs"))
        assert "graph" not in run("--model", "default").stdout
