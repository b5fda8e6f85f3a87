"""What every engine answers, over HTTP."""

import http.client
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import httpx
import pytest

from engines.conformance.client_schema import as_client_reads
from engines.contract.errors import RequestError, UnusableModelError
from engines.tests.scripted_engine import ScriptedEngine, in_background, make_folder, serving
from engines.tests.support import AT_LAST_S, SOON_S, wait_until


def load(client: httpx.Client, name: str = "default") -> httpx.Response:
    return client.post("/load", json={"engineModelName": name})


def speak(client: httpx.Client, text: str = "Hello") -> httpx.Response:
    return client.post("/generate", json={"text": text, "language": "en", "ttsSpeakerWav": ""})


def health(client: httpx.Client) -> dict[str, object]:
    answer = client.get("/health", timeout=SOON_S)
    assert answer.status_code == 200
    return dict(answer.json())


def test_health_before_any_model_is_ready_with_every_field(client: httpx.Client) -> None:
    assert health(client) == {
        "status": "ready",
        "engineModelLoaded": False,
        "currentEngineModel": None,
        "device": "cpu",
        "error": None,
        "packageVersion": "7.8.9",
        "gpuMemoryUsedMb": None,
        "gpuMemoryTotalMb": None,
    }


def test_info_keeps_the_contents_of_free_dictionaries_as_written(client: httpx.Client) -> None:
    info = client.get("/info").json()
    assert info["constraints"] == {"max_text_length": 100}
    assert info["capabilities"] == {"supports_model_hotswap": True}
    assert info["parameters"]["speed"]["default"] == 1.0
    assert info["parameters"]["speed"]["readonly"] is False
    assert as_client_reads(info).parameters["steps"].default == 3
    assert info["models"] == [{"name": "default", "displayName": "Default", "metadata": {}}]
    assert (info["engineType"], info["schemaVersion"], info["requiresGpu"]) == ("tts", 2, False)


def test_info_with_an_engine_yaml_that_cannot_be_read_is_500(client: httpx.Client, engine: ScriptedEngine) -> None:
    (engine.base_path / "engine.yaml").write_text("name: [")
    answer = client.get("/info")
    assert answer.status_code == 500
    assert "engine.yaml" in answer.json()["detail"]


def test_models_default_first_then_sorted(tmp_path: Path) -> None:
    with serving(ScriptedEngine(make_folder(tmp_path / "e", "b", "default", "a"))) as client:
        answer = client.get("/models").json()
    assert [model["name"] for model in answer["models"]] == ["default", "a", "b"]
    assert answer["defaultModel"] == "default"
    assert answer["models"][0]["languages"] == ["en", "de"]


def test_models_that_cannot_be_listed_is_500_with_the_text(
    client: httpx.Client, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "get_available_models", lambda: 1 / 0)
    answer = client.get("/models")
    assert (answer.status_code, answer.json()["detail"]) == (500, "division by zero")


@pytest.mark.parametrize("key", ["engineModelName", "engine_model_name"])
def test_load_echoes_the_name_in_both_cases(client: httpx.Client, key: str) -> None:
    answer = client.post("/load", json={key: "default", "unknown": 1})
    assert answer.json() == {"status": "loaded", "engineModelName": "default", "error": None}
    assert health(client)["currentEngineModel"] == "default"


def test_load_of_the_loaded_model_does_nothing(client: httpx.Client, engine: ScriptedEngine) -> None:
    assert [load(client).status_code for _ in range(3)] == [200, 200, 200]
    assert engine.calls == [("load", "default")]


def test_load_of_a_model_being_loaded_joins(client: httpx.Client, engine: ScriptedEngine) -> None:
    engine.may_load.clear()
    with in_background(load, client) as first, in_background(load, client) as second:
        assert engine.load_began.wait(AT_LAST_S)
        assert health(client)["status"] == "loading"
        engine.may_load.set()
    assert [first[0].status_code, second[0].status_code] == [200, 200]
    assert engine.count("load") == 1


def test_load_of_a_model_being_loaded_takes_no_place_in_the_queue(client: httpx.Client, engine: ScriptedEngine) -> None:
    engine.may_load.clear()
    answers: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(load(client))) for _ in range(40)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    engine.may_load.set()
    for thread in threads:
        thread.join(AT_LAST_S)
    assert [answer.status_code for answer in answers] == [200] * 40
    assert engine.calls == [("load", "default")]


def test_load_goes_on_when_its_client_hangs_up(client: httpx.Client, engine: ScriptedEngine) -> None:
    engine.may_load.clear()
    with pytest.raises(httpx.ReadTimeout):
        client.post("/load", json={"engineModelName": "default"}, timeout=httpx.Timeout(SOON_S, read=0.2))
    assert engine.load_began.wait(AT_LAST_S)
    assert health(client)["status"] == "loading"
    engine.may_load.set()
    assert load(client).json()["status"] == "loaded"
    assert engine.calls == [("load", "default")]


def test_load_of_another_model_waits_and_swaps(client: httpx.Client, engine: ScriptedEngine) -> None:
    engine.may_load.clear()
    with in_background(load, client) as first:
        assert engine.load_began.wait(AT_LAST_S)
        with in_background(load, client, "other") as second:
            time.sleep(0.1)
            engine.may_load.set()
    assert (first[0].status_code, second[0].status_code) == (200, 200)
    assert engine.calls == [("load", "default"), ("unload",), ("load", "other")]
    assert health(client)["currentEngineModel"] == "other"


def test_load_swap_shows_no_model_meanwhile(client: httpx.Client, engine: ScriptedEngine) -> None:
    load(client)
    engine.may_load.clear()
    engine.load_began.clear()
    with in_background(load, client, "other"):
        assert engine.load_began.wait(AT_LAST_S)
        seen = health(client)
        engine.may_load.set()
    assert (seen["status"], seen["currentEngineModel"], seen["engineModelLoaded"]) == ("loading", None, False)


def test_load_that_fails_leaves_no_model_and_says_why(client: httpx.Client, engine: ScriptedEngine) -> None:
    load(client)
    engine.load_error = RuntimeError("the disk hums")
    answer = load(client, "other")
    assert (answer.status_code, answer.json()["detail"]) == (500, "the disk hums")
    seen = health(client)
    assert (seen["status"], seen["error"], seen["currentEngineModel"]) == ("error", "the disk hums", None)
    engine.load_error = None
    assert load(client, "other").status_code == 200
    assert (health(client)["status"], health(client)["error"]) == ("ready", None)


def test_load_of_an_unusable_model_is_remembered_until_its_files_change(
    client: httpx.Client, engine: ScriptedEngine
) -> None:
    engine.load_error = UnusableModelError("'weights' is damaged")
    assert [load(client).status_code for _ in range(3)] == [400, 400, 400]
    assert engine.count("load") == 1
    assert health(client)["status"] == "ready"
    engine.load_error = None
    (engine.models_dir / "default" / "weights").write_text("mended weights")
    assert load(client).status_code == 200


class Weights:
    """Stands for gigabytes."""


@pytest.mark.parametrize("error", [UnusableModelError("torn"), RuntimeError("CUDA out of memory.")])
def test_load_that_fails_half_way_keeps_nothing_of_the_model(
    client: httpx.Client, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    made = []

    def load_model(name: str) -> None:
        weights = Weights()
        made.append(weakref.ref(weights))
        try:
            int(name)
        except ValueError as cause:
            raise error from cause

    kept = []
    monkeypatch.setattr(engine, "load_model", load_model)
    monkeypatch.setattr("engines.serving.loading.release_unused_memory", lambda: kept.append(made[-1]()))
    assert load(client).status_code in (400, 500)
    assert kept == [None], "it must be gone when the device is asked to give its memory back"


def test_load_without_the_library_says_what_to_install(client: httpx.Client, engine: ScriptedEngine) -> None:
    engine.load_error = ModuleNotFoundError("No module named 'whisper'")
    answer = load(client)
    assert answer.status_code == 500
    assert "'whisper'. Run `pip install -r requirements.txt`" in answer.json()["detail"]


def test_request_that_fails_keeps_nothing_of_what_it_computed(
    client: httpx.Client, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def generate_audio(*_arguments: object) -> bytes:
        weights = Weights()
        made.append(weakref.ref(weights))
        raise RuntimeError("CUDA out of memory.")

    load(client)
    monkeypatch.setattr(engine, "generate_audio", generate_audio)
    assert speak(client).status_code == 500
    assert made[0]() is None


def test_load_of_an_unknown_model_is_404_at_once_even_during_a_load(
    client: httpx.Client, engine: ScriptedEngine
) -> None:
    engine.may_load.clear()
    with in_background(load, client):
        assert engine.load_began.wait(AT_LAST_S)
        started = time.monotonic()
        answer = load(client, "nobody")
        engine.may_load.set()
        assert time.monotonic() - started < SOON_S
    assert answer.status_code == 404
    assert answer.json()["detail"] == "Model not found: 'nobody'. Available: default, other."


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", "a\0b", "x" * 129, "aux", "ü"])
def test_load_of_an_invalid_name_is_400(client: httpx.Client, name: str) -> None:
    assert load(client, name).status_code == 400
    assert health(client)["status"] == "ready"


def test_load_of_a_name_with_a_lone_surrogate_is_400(client: httpx.Client) -> None:
    body = b'{"engineModelName": "\\ud800"}'
    assert client.post("/load", content=body, headers={"Content-Type": "application/json"}).status_code == 400


def test_request_during_a_load_is_503_and_the_state_stays(client: httpx.Client, engine: ScriptedEngine) -> None:
    engine.may_load.clear()
    with in_background(load, client):
        assert engine.load_began.wait(AT_LAST_S)
        answer = speak(client)
        after = health(client)["status"]
        engine.may_load.set()
    assert (answer.status_code, after) == (503, "loading")
    assert answer.json()["detail"] == "Model loading in progress. Retry after loading completes."
    assert answer.headers["retry-after"] == "1"


def test_request_without_a_model_is_400(client: httpx.Client) -> None:
    answer = speak(client)
    assert (answer.status_code, answer.json()["detail"]) == (400, "Model not loaded")


def test_request_during_processing_is_queued_and_a_refusal_leaves_the_state(
    client: httpx.Client, engine: ScriptedEngine
) -> None:
    load(client)
    engine.may_generate.clear()
    with in_background(speak, client) as first, in_background(speak, client) as second:
        assert engine.generate_began.wait(AT_LAST_S)
        assert speak(client, " ").status_code == 400
        assert load(client, "nobody").status_code == 404
        assert health(client)["status"] == "processing"
        engine.may_generate.set()
    assert (first[0].status_code, second[0].status_code) == (200, 200)
    assert health(client)["status"] == "ready"


def test_load_queues_behind_a_generation(client: httpx.Client, engine: ScriptedEngine) -> None:
    load(client)
    engine.may_generate.clear()
    with in_background(speak, client) as spoken:
        assert engine.generate_began.wait(AT_LAST_S)
        with in_background(load, client, "other") as loaded:
            time.sleep(0.1)
            assert health(client)["status"] == "processing"
            engine.may_generate.set()
    assert (spoken[0].status_code, loaded[0].status_code) == (200, 200)
    assert [call[0] for call in engine.calls] == ["load", "generate", "unload", "load"]


def test_queue_that_is_full_is_503_with_retry_after(client: httpx.Client, engine: ScriptedEngine) -> None:
    load(client)
    engine.may_generate.clear()
    answers: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(speak(client))) for _ in range(30)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answers) == 30 - 17)
    engine.may_generate.set()
    for thread in threads:
        thread.join(AT_LAST_S)
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == 30 - 17
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert sum(answer.status_code == 200 for answer in answers) == 17


def test_request_whose_client_hung_up_is_dropped_from_the_queue(client: httpx.Client, engine: ScriptedEngine) -> None:
    load(client)
    engine.may_generate.clear()
    with in_background(speak, client, "first"):
        assert engine.generate_began.wait(AT_LAST_S)
        leaving = http.client.HTTPConnection(client.base_url.host, client.base_url.port)
        leaving.request("POST", "/generate", '{"text": "gone", "language": "en"}', {"Content-Type": "application/json"})
        wait_until(lambda: engine.activity._waiting)
        job = engine.activity._waiting[0]
        leaving.close()
        wait_until(job.done.cancelled)
        engine.may_generate.set()
    assert speak(client, "last").status_code == 200
    assert [call[1] for call in engine.calls if call[0] == "generate"] == ["first", "last"]


def test_request_that_fails_is_500_with_the_text_until_the_next(client: httpx.Client, engine: ScriptedEngine) -> None:
    load(client)
    engine.generate_error = RuntimeError("a wire came loose")
    answer = speak(client)
    assert (answer.status_code, answer.json()["detail"]) == (500, "a wire came loose")
    seen = health(client)
    assert (seen["status"], seen["error"], seen["currentEngineModel"]) == ("error", "a wire came loose", "default")
    engine.generate_error = None
    assert speak(client).status_code == 200
    assert (health(client)["status"], health(client)["error"]) == ("ready", None)


def test_load_of_the_loaded_model_ends_the_error_state(client: httpx.Client, engine: ScriptedEngine) -> None:
    load(client)
    engine.generate_error = RuntimeError("once")
    speak(client)
    assert load(client).status_code == 200
    assert health(client)["status"] == "ready"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), RequestError("not this text")])
def test_server_survives_whatever_an_engine_raises(client: httpx.Client, engine: ScriptedEngine, error: Any) -> None:
    load(client)
    engine.generate_error = error
    assert speak(client).status_code == (400 if isinstance(error, RequestError) else 500)
    assert client.get("/models").status_code == 200
    engine.generate_error = None
    assert speak(client).status_code == 200


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (
            "CUDA out of memory. Tried to allocate 2 GiB",
            "[GPU_OOM]GPU out of memory. Try smaller input or restart engine.",
        ),
        ("CUBLAS_STATUS_ALLOC_FAILED", "[GPU_OOM]GPU out of memory. Try smaller input or restart engine."),
        ("Failed to allocate memory for requested buffer", "Out of memory. Try smaller input or restart engine."),
        ("CUDA error: device-side assert triggered", "CUDA error: device-side assert triggered"),
    ],
)
def test_out_of_memory_is_told_apart_from_other_cuda_errors(
    client: httpx.Client, engine: ScriptedEngine, text: str, detail: str
) -> None:
    load(client)
    engine.generate_error = RuntimeError(text)
    answer = speak(client)
    assert (answer.status_code, answer.json()["detail"]) == (500, detail)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/load", 400),
        ("HEAD", "/health", 200),
        ("HEAD", "/models", 200),
        ("HEAD", "/load", 400),
        ("HEAD", "/nowhere", 404),
        ("POST", "/health", 400),
        ("DELETE", "/models", 400),
        ("OPTIONS", "/generate", 400),
        ("GET", "/nowhere", 404),
        ("GET", "/health/", 404),
        ("GET", "/docs", 200),
        ("GET", "/openapi.json", 200),
    ],
)
def test_only_statuses_that_the_client_knows_leave(client: httpx.Client, method: str, path: str, status: int) -> None:
    assert client.request(method, path).status_code == status


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"x"', b'{"engineModelName": 5}', b'{"engineModelName": null}', b"[" * 200_000,
     b'{"a":' * 100_000, b"1" * 10_000, b"\xff\xfe", b'{"engineModelName": NaN}'],
)  # fmt: skip
def test_malformed_body_is_400_within_a_second(client: httpx.Client, body: bytes) -> None:
    started = time.monotonic()
    answer = client.post("/load", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)
    assert time.monotonic() - started < SOON_S


def test_head_has_the_headers_and_no_body(client: httpx.Client) -> None:
    answer = client.head("/info")
    assert (answer.content, answer.headers["content-type"]) == (b"", "application/json")
    assert answer.headers["content-length"] == str(len(client.get("/info").content))


def test_malformed_json_says_where(client: httpx.Client) -> None:
    answer = client.post("/load", content=b'{"engineModelName": }', headers={"Content-Type": "application/json"})
    detail = answer.json()["detail"]
    assert detail == "Invalid request. The body is not valid JSON: Expecting value at character 20."


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/octet-stream"}])
def test_body_without_the_content_type_of_json_says_what_to_send(client: httpx.Client, headers: dict[str, Any]) -> None:
    answer = client.post("/load", content=b'{"engineModelName": "default"}', headers=headers)
    assert answer.status_code == 400
    assert "Send the body as a JSON object with the header Content-Type: application/json." in answer.json()["detail"]


def test_docs_list_the_routes_and_load_nothing(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert all(path in page for path in client.get("/openapi.json").json()["paths"])
    assert not any(word in page for word in ("//", "src=", "<script", "<link", "@import"))


def test_openapi_declares_what_is_answered(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for operations in paths.values():
        for operation in operations.values():
            assert set(operation["responses"]) == {"200", "400", "404", "500", "503"}


def test_shutdown_answers_and_then_stops(client: httpx.Client, engine: ScriptedEngine) -> None:
    stopped = threading.Event()
    engine.stop = stopped.set
    assert client.post("/shutdown").json() == {"status": "shutting_down"}
    assert stopped.wait(AT_LAST_S)


def test_shutdown_ignores_its_body(client: httpx.Client, engine: ScriptedEngine) -> None:
    engine.stop = lambda: None
    assert client.post("/shutdown", json={}).status_code == 200


def test_closing_refuses_what_waits(client: httpx.Client, engine: ScriptedEngine) -> None:
    load(client)
    engine.may_generate.clear()
    with in_background(speak, client) as first:
        assert engine.generate_began.wait(AT_LAST_S)
        with in_background(speak, client) as second:
            time.sleep(0.1)
            engine.close()
            time.sleep(0.1)
            assert speak(client).status_code == 503
        engine.may_generate.set()
    assert (first[0].status_code, second[0].status_code) == (200, 503)
