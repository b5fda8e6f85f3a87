"""A model is opened while the command imports what else it needs."""

import threading
import time
from pathlib import Path
from typing import Any
from unittest import mock

import onnxruntime as ort
import pytest

from core_engine.kokoro.errors import ModelFileError
from core_engine.kokoro.model import graph_cache
from core_engine.kokoro.model.parts import SessionInParts
from core_engine.kokoro.model.runtime import open_model
from core_engine.model_paths import BUILT_IN, model_path
from storyflow.narration import loading
from storyflow.narration.loading import Loading, load_model


def test_it_returns_when_the_runtime_has_begun() -> None:
    order, may_end = [], threading.Event()
    create = ort.InferenceSession

    def prepare(*model: Any, **options: Any) -> Any:
        time.sleep(0.02)
        order.append("prepared")
        return open_model(*model, **options)

    def slow(*model: Any, **options: Any) -> Any:
        assert may_end.wait(10)
        return create(*model, **options)

    with (
        mock.patch.object(loading, "_MOST_WAITED_S", 60),
        mock.patch.object(loading, "open_model", prepare),
        mock.patch.object(ort, "InferenceSession", slow),
    ):
        opening = Loading(BUILT_IN)
        order.append("returned")
        may_end.set()
        assert opening.loaded().kokoro.voices
    assert order == ["prepared", "returned"]


def test_it_does_not_wait_long() -> None:
    may_begin = threading.Event()

    def prepare(*model: Any, **options: Any) -> Any:
        assert may_begin.wait(10)
        return open_model(*model, **options)

    with mock.patch.object(loading, "open_model", prepare):
        opening = Loading(BUILT_IN)
        may_begin.set()
        assert opening.loaded().kokoro.voices


def test_what_fails_before_the_runtime_is_reported_when_it_is_needed() -> None:
    with mock.patch.object(loading, "open_model", side_effect=ModelFileError("damaged")):
        opening = Loading(BUILT_IN)
        with pytest.raises(ModelFileError, match="damaged"):
            opening.loaded()


@pytest.fixture
def model_with_a_cached_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A copy of the built-in voice that can be cut, as its graph tells the types of its tensors."""
    onnx = pytest.importorskip("onnx", reason="a development package")
    built_in, copy = model_path(BUILT_IN, Path()), tmp_path / "model.onnx"
    onnx.save(onnx.shape_inference.infer_shapes(onnx.load(built_in)), copy)
    monkeypatch.setenv(graph_cache.SETTING, str(tmp_path / "cache"))
    monkeypatch.setattr(graph_cache, "SMALLEST_BYTES", 1)
    load_model(str(copy))
    return str(copy)


@pytest.mark.parametrize(
    ("cores", "parts", "expected"),
    [(2, True, SessionInParts), (2, False, ort.InferenceSession), (1, True, ort.InferenceSession)],
)
def test_parts_are_opened_where_they_are_wanted_and_there_are_cores(
    model_with_a_cached_graph: str, cores: int, parts: bool, expected: type
) -> None:
    with mock.patch.object(loading, "allowed_cores", return_value=cores):
        assert type(Loading(model_with_a_cached_graph, parts=parts).loaded().kokoro.session) is expected


def test_a_loaded_model_is_one_session(model_with_a_cached_graph: str) -> None:
    assert type(load_model(model_with_a_cached_graph).kokoro.session) is ort.InferenceSession
